"""Requests for completions, OpenAI's older interface: text that continues a prompt."""

from typing import Any, NamedTuple, TypeGuard

from scratchgpt.errors import counted
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.generation_fields import GenerationOptions, parse_options
from scratchgpt.serving.limits import Limits

DEFAULT_TOKENS = 16
MOST_TOP = 5

Prompt = str | list[int]


class CompletionRequest(NamedTuple):
    """A request to continue prompts.

    Attributes
    ----------
    prompts : list of str or list of int
        Texts, or token ids.
    options : GenerationOptions
    n_top : int or None
        Number of most probable tokens to list for each token; None for no log-probabilities.
    """

    prompts: list[Prompt]
    options: GenerationOptions
    n_top: int | None


def parse_completion_request(fields: Fields, limits: Limits) -> CompletionRequest:
    """Read a request for completions.

    Raises
    ------
    APIError
        If a field is wrong, or asks for what the model cannot do.
    """
    fields.refuse("echo", "the answer has only new text")
    fields.refuse("suffix", "the model continues a text, it does not fill gaps")
    options = parse_options(fields, limits, DEFAULT_TOKENS)
    best_of = fields.whole("best_of", options.n, least=1, most=20)
    if best_of != options.n:
        raise APIError(
            f"best_of={best_of} is not supported: all answers are returned; set n only",
            param="best_of",
            code="unsupported_parameter",
        )
    n_top = fields.whole("logprobs", None, least=0, most=MOST_TOP)
    prompts = _prompts(fields)
    if len(prompts) > limits.prompts:
        raise APIError(
            f"prompt has {counted(len(prompts), 'prompt')}; send at most {limits.prompts}",
            param="prompt",
        )
    return CompletionRequest(prompts, options, n_top)


def _prompts(fields: Fields) -> list[Prompt]:
    value = fields.any("prompt")
    if value is None:
        return [""]
    if isinstance(value, list) and value:
        if _is_ids(value):
            return [value]
        if all(_is_ids(one) for one in value):
            return value
    texts = fields.texts("prompt") if isinstance(value, str | list) else None
    if not texts:
        raise fields.wrong("prompt", "a text, a list of texts, or token ids")
    return list(texts)


def _is_ids(value: Any) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    )
