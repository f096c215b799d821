"""Tokens and their log-probabilities as clients read them."""

from collections.abc import Sequence
from typing import Any

from scratchgpt.chat.pieces import SampledToken
from scratchgpt.text import BPETokenizer, Tokenizer

_LEAST = -9999.0  # JSON has no infinity


class TokenTexts:
    """The texts of tokens. Special tokens, which have no bytes, are shown by their names."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._names: dict[int, str] = {}
        if isinstance(tokenizer, BPETokenizer):
            self._names = tokenizer.special_names()

    def chat_entry(self, sampled: SampledToken) -> dict[str, Any]:
        """Return an entry of ``logprobs.content``."""
        top = [self._entry(token, log_prob) for token, log_prob in sampled.top]
        return {**self._entry(sampled.token, sampled.log_prob), "top_logprobs": top}

    def completion_fields(
        self, tokens: Sequence[SampledToken], offsets: Sequence[int]
    ) -> dict[str, Any]:
        """Return ``logprobs`` of a completion, with the length of the text before each token."""
        return {
            "tokens": [self._name(one.token) for one in tokens],
            "token_logprobs": [_finite(one.log_prob) for one in tokens],
            "top_logprobs": [self._top(one) for one in tokens],
            "text_offset": list(offsets),
        }

    def _top(self, sampled: SampledToken) -> dict[str, float]:
        """Return the most probable tokens and the sampled one."""
        both = [*sampled.top, (sampled.token, sampled.log_prob)]
        return {self._name(token): _finite(log_prob) for token, log_prob in both}

    def _entry(self, token: int, log_prob: float | None) -> dict[str, Any]:
        text = self._names.get(token) or self._text(token)
        known = list(self._tokenizer.token_bytes(token)) if token not in self._names else None
        return {"token": text, "logprob": _finite(log_prob), "bytes": known}

    def _text(self, token: int) -> str:
        """Return the text of a token with its spaces, which decoding may remove."""
        return self._tokenizer.token_bytes(token).decode("utf-8", "replace")

    def _name(self, token: int) -> str:
        r"""Return the text of a token; a part of a character is shown as ``bytes:\xe2``."""
        text = self._names.get(token) or self._text(token)
        spelled = self._tokenizer.token_bytes(token)
        if token in self._names or text.encode() == spelled:
            return text
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in spelled)


def _finite(log_prob: float | None) -> float:
    return _LEAST if log_prob is None else max(log_prob, _LEAST)
