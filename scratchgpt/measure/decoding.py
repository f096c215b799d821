"""Speed of token-by-token generation of one text, and the bytes that each token reads."""

from scratchgpt.backend import random_stream
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.measure.timing import Times, repeat
from scratchgpt.models import GPT, QuantizedGPT

PROMPT_TOKENS = 16
NEW_TOKENS = 64  # after them, generation starts again from the prompt


def time_tokens(model: GPT | QuantizedGPT, *, seconds: float, most: int | None = None) -> Times:
    """Time the tokens after a short prompt, without the choice of the next token.

    Parameters
    ----------
    model : GPT or QuantizedGPT
    seconds, most
        See :func:`repeat`.
    """
    config = model.config
    n_prompt = min(PROMPT_TOKENS, config.block_size // 2)
    end = min(n_prompt + NEW_TOKENS, config.block_size)
    text = random_stream(0, "benchmark text").integers(0, config.vocab_size, end)
    cache = model.new_cache(1)
    if n_prompt:
        model.extend(text[None, :n_prompt], cache)
    step = TokenStep(model)

    def next_token() -> None:
        if cache.lengths[0] == end:
            cache.lengths[0] = n_prompt
        position = cache.lengths[0]
        step(text[position : position + 1], cache)

    return repeat(next_token, seconds=seconds, most=most, warm_up=3)


def weight_bytes(model: GPT | QuantizedGPT) -> int:
    """Return the bytes of parameters that a token reads, without its lookup tables."""
    tables = {"transformer.wpe.weight"}
    if not model.config.tied_head:
        tables.add("transformer.wte.weight")
    return sum(
        array.nbytes
        for name, array in model.arrays().items()
        if name.removesuffix(".scale") not in tables
    )
