"""Requests for embeddings, and their answers."""

import base64
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import counted
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.fields import Fields, shown
from scratchgpt.serving.limits import Limits

FLOAT, BASE64 = "float", "base64"
INPUT_TYPES = ("document", "query")


class EmbeddingRequest(NamedTuple):
    """A request for the vectors of texts.

    Attributes
    ----------
    texts : list of str
    encoding : {"float", "base64"}
    dimensions : int or None
        Number of channels to keep; None for all.
    role : {"document", "query"}
        What the texts are for: the field ``input_type``, which OpenAI does not have.
    """

    texts: list[str]
    encoding: str
    dimensions: int | None
    role: str


def parse_embedding_request(fields: Fields, limits: Limits, dim: int) -> EmbeddingRequest:
    """Read a request for embeddings; ``dim`` is the number of channels of the model.

    Raises
    ------
    APIError
        If a field is wrong.
    """
    value = fields.any("input")
    if isinstance(value, list) and any(isinstance(one, int | list) for one in value):
        raise APIError(
            "input has token ids, which depend on the tokenizer; send texts (for LangChain: "
            "check_embedding_ctx_length=False)",
            param="input",
        )
    texts = fields.texts("input")
    if not texts:
        raise fields.wrong("input", "a text or a list of texts")
    if len(texts) > limits.inputs:
        raise APIError(
            f"input has {counted(len(texts), 'text')}; send at most {limits.inputs:,}",
            param="input",
        )
    return EmbeddingRequest(
        texts,
        _one_of(fields, "encoding_format", (FLOAT, BASE64)),
        fields.whole("dimensions", None, least=1, most=dim),
        _one_of(fields, "input_type", INPUT_TYPES),
    )


def _one_of(fields: Fields, name: str, values: tuple[str, ...]) -> str:
    """Return a value of a list, whose first is the default."""
    value = fields.text(name)
    if value is not None and value not in values:
        raise APIError(
            f"{name} is {shown(value)}, not one of {', '.join(values)}; correct it", param=name
        )
    return value or values[0]


def embedding_answer(
    vectors: Array, request: EmbeddingRequest, model: str, n_tokens: int
) -> dict[str, Any]:
    """Create the JSON object of the answer; ``vectors`` is (N, C)."""
    data = [
        {"object": "embedding", "index": i, "embedding": _encoded(vector, request.encoding)}
        for i, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def _encoded(vector: Array, encoding: str) -> list[float] | str:
    if encoding == BASE64:  # little-endian float32
        return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")
    numbers: list[float] = np.asarray(vector, np.float32).tolist()
    return numbers
