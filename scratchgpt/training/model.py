"""What can be trained."""

from scratchgpt.models import GPT, Transformer

Model = GPT | Transformer
