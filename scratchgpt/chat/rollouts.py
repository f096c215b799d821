"""Rollouts: answers that a policy samples, to learn from their rewards."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array, random_stream
from scratchgpt.errors import UserError, counted
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.models import GPT


class Rollouts(NamedTuple):
    """Sampled answers, one per row: those to the first prompt, then those to the second, and so on.

    Attributes
    ----------
    tokens : int64 array (N, T)
        The prompt and the answer, padded on the right with 0.
    counted : bool array (N, T)
        The tokens of the answer and the token that ends it.
    prompts : int64 array (N,)
        Index of the prompt of each row.
    ended : bool array (N,)
        Whether the answer has a token that ends it. Otherwise it is cut at the maximum length.
    """

    tokens: Array
    counted: Array
    prompts: Array
    ended: Array

    @property
    def lengths(self) -> Array:
        """The number of tokens of each answer, with the token that ends it, (N,)."""
        return self.counted.sum(axis=1)

    def answers(self) -> list[Array]:
        """Return the tokens of each answer, without the token that ends it."""
        rows = zip(self.tokens, self.counted, self.ended, strict=True)
        found = [(row[mask], ended) for row, mask, ended in rows]
        return [answer[: len(answer) - int(ended)] for answer, ended in found]


def sample_rollouts(
    model: GPT,
    prompts: Sequence[Array | Sequence[int]],
    *,
    n_samples: int,
    max_new_tokens: int,
    ends: Sequence[int],
    temperature: float = 1.0,
    seed: int,
    vocab_size: int | None = None,
) -> Rollouts:
    """Sample answers to prompts, all in one batch.

    Each answer has a random stream of its own, from the seed, the index of its prompt and the index
    of its sample. So no answer depends on the others in the batch.

    Parameters
    ----------
    model : GPT
    prompts : sequence of integer arrays (P,)
    n_samples : int
        Number of answers to each prompt.
    max_new_tokens : int
        Maximum number of tokens of an answer.
    ends : sequence of int
        The tokens that end an answer.
    temperature : float
        Divides the logits; 0 is greedy. Log-probabilities are those of the policy only with 1.
    seed : int
    vocab_size : int, optional
        Sample only from the first ``vocab_size`` tokens, as in
        :func:`scratchgpt.generation.generate`.

    Returns
    -------
    rollouts : Rollouts
        ``n_samples`` rows for each prompt.

    Raises
    ------
    UserError
        If there are no prompts, or a prompt and an answer do not fit in the context of the model.
    """
    if not len(prompts):
        raise UserError("there are no prompts to answer; give at least one")
    block_size = model.config.block_size
    room = block_size + 1 - max(map(len, prompts))  # the last token is not read
    if check_whole("max_new_tokens", max_new_tokens) > room:
        raise UserError(
            f"max_new_tokens={max_new_tokens} does not fit after a prompt of "
            f"{counted(block_size + 1 - room, 'token')} in block_size={block_size}; "
            "choose shorter answers or shorter prompts"
        )
    generations = generate(
        model,
        prompts,
        max_new_tokens=max_new_tokens,
        sampling=SamplingConfig(temperature=temperature),
        num_samples=n_samples,
        end_of_text=tuple(ends),
        vocab_size=vocab_size,
        streams=[
            random_stream(seed, "rollout", p, i)
            for p in range(len(prompts))
            for i in range(n_samples)
        ],
    )
    rows = [np.append(prompts[g.prompt_index], g.tokens) for g in generations]
    tokens = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros(tokens.shape, bool)
    for i, (row, generation) in enumerate(zip(rows, generations, strict=True)):
        tokens[i, : len(row)] = row
        mask[i, len(row) - len(generation.tokens) : len(row)] = True
    return Rollouts(
        tokens,
        mask,
        np.repeat(np.arange(len(prompts)), n_samples),
        np.array([generation.finish_reason == "end_of_text" for generation in generations]),
    )
