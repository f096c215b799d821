"""Fine-tuning on conversations and preferences."""

from scratchgpt.chat.answering import Answer, answer
from scratchgpt.chat.conversation_batches import (
    ConversationBatches,
    EncodedConversations,
    encode_conversations,
)
from scratchgpt.chat.markers import Markers, add_markers, find_markers
from scratchgpt.chat.messages import Conversation, Message, check_conversation, parse_messages
from scratchgpt.chat.reading import parse_conversation, read_conversations
from scratchgpt.chat.rendering import Rendered, Renderer

__all__ = [
    "Answer",
    "Conversation",
    "ConversationBatches",
    "EncodedConversations",
    "Markers",
    "Message",
    "Rendered",
    "Renderer",
    "add_markers",
    "answer",
    "check_conversation",
    "encode_conversations",
    "find_markers",
    "parse_conversation",
    "parse_messages",
    "read_conversations",
]
