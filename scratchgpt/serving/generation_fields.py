"""The fields that requests for chats and for completions have in common."""

import secrets
from typing import NamedTuple

from scratchgpt.errors import counted
from scratchgpt.generation import SamplingConfig
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.limits import Limits

_LARGEST = (1 << 63) - 1


class GenerationOptions(NamedTuple):
    """How answers are generated.

    Attributes
    ----------
    n : int
        Number of answers.
    max_tokens : int or None
        Maximum number of tokens of an answer. None is all that the context has room for.
    sampling : SamplingConfig
    seed : int
        A random one if the request has none.
    stop : tuple of str
    stream, include_usage : bool
    """

    n: int
    max_tokens: int | None
    sampling: SamplingConfig
    seed: int
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool


def parse_options(fields: Fields, limits: Limits, default_tokens: int | None) -> GenerationOptions:
    """Read the options of a generation.

    Raises
    ------
    APIError
        If an option is wrong, or asks for what the server does not have.
    """
    for name in ("presence_penalty", "frequency_penalty"):
        fields.number(name, 0.0, least=-2, most=2)
        fields.refuse(name, "the server samples by temperature and top_p")
    fields.refuse("logit_bias", "the server samples by temperature and top_p")
    stream = fields.flag("stream")
    include_usage = False
    if fields.any("stream_options") is not None:
        if not stream:
            raise APIError(
                "stream_options has no effect without stream; set stream, or leave it out",
                param="stream_options",
            )
        include_usage = Fields(fields.any("stream_options"), "stream_options.").flag(
            "include_usage"
        )
    seed = fields.whole("seed", None, least=-_LARGEST - 1, most=_LARGEST)
    return GenerationOptions(
        n=fields.whole("n", 1, least=1, most=limits.choices),
        max_tokens=_max_tokens(fields, default_tokens),
        sampling=SamplingConfig(
            temperature=fields.number("temperature", 1.0, least=0, most=2),
            top_p=fields.number("top_p", 1.0, least=0, most=1),
        ),
        # Seeds of random streams are not negative.
        seed=secrets.randbits(63) if seed is None else seed % (1 << 64),
        stop=_stop(fields, limits),
        stream=stream,
        include_usage=include_usage,
    )


def check_model(fields: Fields, served: str) -> None:
    """Raise APIError if a request names a model other than the one that is served."""
    name = fields.text("model")
    if name is not None and name != served:
        raise unknown_model(name, served)


def unknown_model(name: str, served: str) -> APIError:
    return APIError(
        f"there is no model {name[:100]!r} here; this server has {served!r}",
        status=404,
        param="model",
        code="model_not_found",
    )


def _max_tokens(fields: Fields, default: int | None) -> int | None:
    """Return the lower of the old name and the new one."""
    given = [
        fields.whole(name, None, least=1, most=_LARGEST)
        for name in ("max_tokens", "max_completion_tokens")
    ]
    return min((n for n in given if n is not None), default=default)


def _stop(fields: Fields, limits: Limits) -> tuple[str, ...]:
    stop = fields.texts("stop") or []
    if len(stop) > limits.stops:
        raise APIError(
            f"stop has {counted(len(stop), 'string')}; give at most {limits.stops}", param="stop"
        )
    for text in stop:
        if not 1 <= len(text) <= limits.stop_characters:
            raise APIError(
                f"stop has a string of {counted(len(text), 'character')}; give 1 to "
                f"{limits.stop_characters}",
                param="stop",
            )
    return tuple(dict.fromkeys(stop))
