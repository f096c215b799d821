"""The data of a first chat model: generated conversations and text, and questions to test it."""

from scratchgpt.chat.starter.conversations import draw_conversations
from scratchgpt.chat.starter.intents import MAKER, NAME
from scratchgpt.chat.starter.preferences import Prompt, draw_prompts, rank_samples
from scratchgpt.chat.starter.questions import TURNS, HeldOut, Question, draw_questions
from scratchgpt.chat.starter.text import draw_text

__all__ = [
    "MAKER",
    "NAME",
    "TURNS",
    "HeldOut",
    "Prompt",
    "Question",
    "draw_conversations",
    "draw_prompts",
    "draw_questions",
    "draw_text",
    "rank_samples",
]
