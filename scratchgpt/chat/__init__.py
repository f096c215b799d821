"""Fine-tuning on conversations and preferences."""

from scratchgpt.chat.actor_critic import ActorCritic
from scratchgpt.chat.answering import Answer, answer
from scratchgpt.chat.chat_format import ChatFormat
from scratchgpt.chat.conversation_batches import (
    ConversationBatches,
    EncodedConversations,
    encode_conversations,
)
from scratchgpt.chat.dialogue import Dialogue
from scratchgpt.chat.dpo import DPO, reference_log_probs
from scratchgpt.chat.engine import ChatEngine
from scratchgpt.chat.formats import FORMATS
from scratchgpt.chat.grpo import GRPO
from scratchgpt.chat.messages import Conversation, Message, check_conversation, parse_messages
from scratchgpt.chat.pieces import ContextLengthError, Piece, SampledToken
from scratchgpt.chat.ppo import PPO
from scratchgpt.chat.ppo_batches import PPOBatches
from scratchgpt.chat.ppo_settings import PPOSettings
from scratchgpt.chat.preference_batches import (
    EncodedPreferences,
    PreferenceBatch,
    PreferenceBatches,
    encode_preferences,
)
from scratchgpt.chat.preference_loss import DPO_LOSSES
from scratchgpt.chat.preferences import Preferences, parse_preferences, read_preferences
from scratchgpt.chat.reading import (
    parse_conversation,
    read_conversation,
    read_conversations,
    write_conversation,
)
from scratchgpt.chat.recognition import (
    add_markers,
    chat_tokenizer,
    find_format,
    named_format,
    with_format,
)
from scratchgpt.chat.rendering import Rendered, Renderer
from scratchgpt.chat.reward import PairwiseReward
from scratchgpt.chat.rewards import PromptSource, RewardRule
from scratchgpt.chat.rollout_batches import RolloutBatches
from scratchgpt.chat.rollouts import Rollouts, sample_rollouts

__all__ = [
    "DPO",
    "DPO_LOSSES",
    "FORMATS",
    "GRPO",
    "PPO",
    "ActorCritic",
    "Answer",
    "ChatEngine",
    "ChatFormat",
    "ContextLengthError",
    "Conversation",
    "ConversationBatches",
    "Dialogue",
    "EncodedConversations",
    "EncodedPreferences",
    "Message",
    "PPOBatches",
    "PPOSettings",
    "PairwiseReward",
    "Piece",
    "PreferenceBatch",
    "PreferenceBatches",
    "Preferences",
    "PromptSource",
    "Rendered",
    "Renderer",
    "RewardRule",
    "RolloutBatches",
    "Rollouts",
    "SampledToken",
    "add_markers",
    "answer",
    "chat_tokenizer",
    "check_conversation",
    "encode_conversations",
    "encode_preferences",
    "find_format",
    "named_format",
    "parse_conversation",
    "parse_messages",
    "parse_preferences",
    "read_conversation",
    "read_conversations",
    "read_preferences",
    "reference_log_probs",
    "sample_rollouts",
    "with_format",
    "write_conversation",
]
