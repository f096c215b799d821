"""Continue prompts of token ids; for text see :func:`scratchgpt.generation.generate_text`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array, random_stream
from scratchgpt.errors import UserError, counted
from scratchgpt.generation.decoding import Decoding
from scratchgpt.generation.sampler import Sampler
from scratchgpt.generation.sampling import SamplingConfig
from scratchgpt.models import GPT, QuantizedGPT
from scratchgpt.special_ids import all_ids
from scratchgpt.threads import one_pool

MAX_TEXTS = 100_000  # of one call

FinishReason = Literal["length", "stop", "end_of_text"]

# (prompt index, sample index, token) -> whether this sample ends here.
OnToken = Callable[[int, int, int], bool]


@dataclass(frozen=True)
class Generation:
    """One continuation of one prompt.

    Attributes
    ----------
    prompt_index, sample_index : int
    tokens : int array (n,)
        All sampled tokens, including the one that ended the continuation.
    finish_reason : {"length", "stop", "end_of_text"}
        Whether max_new_tokens, ``on_token`` or the model ended the continuation.
    """

    prompt_index: int
    sample_index: int
    tokens: Array
    finish_reason: FinishReason


def generate(
    model: GPT | QuantizedGPT,
    prompts: Sequence[Array | Sequence[int]],
    *,
    max_new_tokens: int = 100,
    sampling: SamplingConfig | None = None,
    num_samples: int = 1,
    seed: int = 0,
    end_of_text: int | Sequence[int] | None = None,
    vocab_size: int | None = None,
    on_token: OnToken | None = None,
    streams: Sequence[np.random.Generator] | None = None,
) -> list[Generation]:
    """Continue each prompt with tokens sampled from the model, all prompts in one batch.

    Sample i of every prompt uses one random number per token from the random stream
    ``("sample", i)`` of the seed. It does not depend on the other prompts in the batch, so each
    prompt is continued as if it were alone.

    Parameters
    ----------
    model : GPT or QuantizedGPT
    prompts : sequence of integer arrays (T,)
        Token ids, of any length. The model sees only the end of a long prompt, see
        :func:`scratchgpt.generation.window_start`.
    max_new_tokens : int
    sampling : SamplingConfig, optional
        By default, tokens are sampled from the model's distribution.
    num_samples : int
        Number of continuations per prompt.
    seed : int
    end_of_text : int or sequence of int, optional
        The tokens that end a text; ``()`` for none. By default, those that the folder of the model
        names; a new model has none.
    vocab_size : int, optional
        Sample only from the first ``vocab_size`` tokens, for a model whose vocabulary has padding
        rows; by default from all.
    on_token : callable, optional
        Called with (prompt index, sample index, token) for each sampled token that does not end
        the text. If it returns True, that sample ends.
    streams : sequence of numpy.random.Generator, optional
        The random streams to use instead, one for each continuation in the order of the result.

    Returns
    -------
    generations : list of Generation
        ``num_samples`` for the first prompt, then those for the second, and so on.

    Raises
    ------
    UserError
        If a prompt is empty or has an id outside the vocabulary, a number is out of range, or the
        model's logits are NaN or infinite.

    Examples
    --------
    >>> from scratchgpt.generation import SamplingConfig, generate
    >>> from scratchgpt.models import GPT, GPTConfig
    >>> model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=16, vocab_size=11))
    >>> results = generate(model, [[1, 2, 3], [4]], max_new_tokens=5, num_samples=2)
    >>> [(r.prompt_index, r.sample_index, len(r.tokens), r.finish_reason) for r in results]
    [(0, 0, 5, 'length'), (0, 1, 5, 'length'), (1, 0, 5, 'length'), (1, 1, 5, 'length')]
    """
    n_rows = model.config.vocab_size
    n_tokens = n_rows if vocab_size is None else check_whole("vocab_size", vocab_size)
    if n_tokens > n_rows:
        raise UserError(
            f"vocab_size={n_tokens} is more than the model's {counted(n_rows, 'token')}; "
            "choose fewer"
        )
    counts = {"max_new_tokens": max_new_tokens, "vocab_size": n_tokens}
    for name, value in counts.items():
        if check_whole(name, value) < 1:
            raise UserError(f"{name}={value} must be at least 1")
    check_samples(num_samples, len(prompts))
    if check_whole("seed", seed) < 0:
        raise UserError(f"seed={seed} must not be negative")
    texts = [check_prompt(i, p, n_tokens) for i, p in enumerate(prompts)]
    if not texts:
        return []
    ends = model.special_ids.ends if end_of_text is None else all_ids(end_of_text)

    places = [(p, i) for p in range(len(texts)) for i in range(num_samples)]
    if streams is None:
        streams = [random_stream(seed, "sample", i) for _, i in places]
    samples = [_Sample(p, i, stream) for (p, i), stream in zip(places, streams, strict=True)]
    with one_pool():
        decoding = Decoding(model, [text[:-1] for text in texts], n_new=max_new_tokens)
        decoding.select(np.repeat(np.arange(len(texts)), num_samples))
        tokens = np.repeat([text[-1] for text in texts], num_samples)
        sampler = Sampler(
            sampling or SamplingConfig(),
            [texts[sample.prompt_index] for sample in samples],
            n_tokens,
        )

        running = samples
        for _ in range(max_new_tokens):
            logits = decoding.advance(tokens)[:, :n_tokens]  # (B, V)
            tokens = sampler.next_tokens(logits, [sample.stream for sample in running])  # (B,)
            for sample, token in zip(running, tokens.tolist(), strict=True):
                sample.tokens.append(token)
                if token in ends:
                    sample.finish_reason = "end_of_text"
                elif on_token and on_token(sample.prompt_index, sample.sample_index, token):
                    sample.finish_reason = "stop"
            continues = np.array([sample.finish_reason is None for sample in running])
            if not continues.all():  # finished samples leave the batch
                rows = np.flatnonzero(continues)
                if rows.size == 0:
                    break
                running = [running[row] for row in rows]
                tokens = tokens[rows]
                decoding.select(rows)
                sampler.select(rows)
    return [sample.result() for sample in samples]


@dataclass
class _Sample:
    """A continuation during generation."""

    prompt_index: int
    sample_index: int
    stream: np.random.Generator
    tokens: list[int] = field(default_factory=list)
    finish_reason: FinishReason | None = None

    def result(self) -> Generation:
        tokens = np.array(self.tokens, np.int64)
        reason = self.finish_reason or "length"
        return Generation(self.prompt_index, self.sample_index, tokens, reason)


def check_samples(num_samples: int, n_prompts: int) -> None:
    """Raise UserError unless ``num_samples`` is at least 1, and few enough for the memory."""
    if check_whole("num_samples", num_samples) < 1:
        raise UserError(f"num_samples={num_samples} must be at least 1")
    if num_samples * n_prompts > MAX_TEXTS:
        raise UserError(
            f"num_samples={num_samples} for {counted(n_prompts, 'prompt')} are more than "
            f"{counted(MAX_TEXTS, 'text')}; choose fewer"
        )


def check_prompt(index: int, prompt: Array | Sequence[int], vocab_size: int) -> list[int]:
    """Return a prompt as a list; raise UserError if it is empty or has an unknown token."""
    tokens = np.asarray(prompt)
    if tokens.size == 0:
        raise UserError(f"prompt {index} is empty; give at least one token to start from")
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
        raise UserError(
            f"prompt {index} must be a list of token ids, got {tokens.dtype} {tokens.shape}"
        )
    outside = np.flatnonzero((tokens < 0) | (tokens >= vocab_size))
    if outside.size:
        where = int(outside[0])
        raise UserError(
            f"prompt {index} has token id {tokens[where]} at position {where}, outside the "
            f"model's vocabulary (0 to {vocab_size - 1}); encode it with the model's tokenizer"
        )
    return tokens.tolist()
