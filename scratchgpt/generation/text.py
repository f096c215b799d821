"""Continue prompts of text: tokenizer, stop strings and streaming around :func:`generate`."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.generation.generate import FinishReason, check_samples, generate
from scratchgpt.generation.sampling import SamplingConfig
from scratchgpt.generation.text_stream import TextStream
from scratchgpt.models import GPT, Model, QuantizedGPT
from scratchgpt.special_ids import all_ids
from scratchgpt.text import Tokenizer

# (prompt index, sample index, new text)
OnText = Callable[[int, int, str], None]


@dataclass(frozen=True)
class TextGeneration:
    """One continuation of one prompt, as text.

    Attributes
    ----------
    prompt : str
    text : str
        The text after the prompt; it ends before a stop string or a token that ends the text.
    tokens : int array (n,)
        All sampled tokens, including those of the stop string or the end_of_text token.
    finish_reason : {"length", "stop", "end_of_text"}
    """

    prompt: str
    text: str
    tokens: Array
    finish_reason: FinishReason


def generate_text(
    model: GPT | QuantizedGPT,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 100,
    sampling: SamplingConfig | None = None,
    num_samples: int = 1,
    seed: int = 0,
    stop: Sequence[str] = (),
    special_tokens: bool = False,
    on_text: OnText | None = None,
) -> list[TextGeneration]:
    """Continue each prompt with sampled text; a wrapper of :func:`generate` for strings.

    Parameters
    ----------
    model : GPT or QuantizedGPT
    tokenizer : Tokenizer
        The tokenizer that the model was trained with.
    prompts : sequence of str
        If the tokenizer puts a start token before a text, as that of Llama does, it comes first. An
        empty prompt starts from the token that begins a text in this model, or else from
        :func:`start_tokens`.
    max_new_tokens, sampling, num_samples, seed
        See :func:`generate`.
    stop : sequence of str
        Strings that end generation when they appear in the generated text; see
        :class:`StopMatcher`.
    special_tokens : bool
        Encode ``<|endoftext|>`` in a prompt as the token of that name, as ``transformers`` does; by
        default it is ordinary text.
    on_text : callable, optional
        Called with (prompt index, sample index, text) when new text is certain: it never gets an
        incomplete character, or the beginning of a stop string. The pieces of a sample, joined, are
        its ``text``.

    Returns
    -------
    generations : list of TextGeneration
        ``num_samples`` for the first prompt, then those for the second, and so on.

    Raises
    ------
    UserError
        If a prompt has characters that are not in the tokenizer's vocabulary, the tokenizer does
        not belong to the model, or :func:`generate` rejects an argument.
    """
    check_tokenizer(model, tokenizer)
    if isinstance(prompts, str):
        raise TypeError("prompts must be a list of strings, not one string")
    check_samples(num_samples, len(prompts))
    encode = tokenizer.encode_marked if special_tokens else tokenizer.encode_prompt
    encoded = [encode(prompt) for prompt in prompts]
    start = empty_prompt(model, tokenizer)
    tokens = [ids if len(ids) else start for ids in encoded]
    samples = {
        (p, i): TextStream(tokenizer, stop, tokens[p])
        for p in range(len(prompts))
        for i in range(num_samples)
    }

    def on_token(prompt_index: int, sample_index: int, token: int) -> bool:
        sample = samples[prompt_index, sample_index]
        piece = sample.push(token)
        if piece and on_text:
            on_text(prompt_index, sample_index, piece)
        return sample.stopped

    generations = generate(
        model,
        tokens,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
        num_samples=num_samples,
        seed=seed,
        end_of_text=text_ends(model, tokenizer),
        vocab_size=tokenizer.vocab_size,
        on_token=on_token,
    )
    results = []
    for g in generations:
        sample = samples[g.prompt_index, g.sample_index]
        piece = sample.finish()
        if piece and on_text:
            on_text(g.prompt_index, g.sample_index, piece)
        reason: FinishReason = "stop" if sample.stopped else g.finish_reason
        results.append(TextGeneration(prompts[g.prompt_index], sample.text, g.tokens, reason))
    return results


def empty_prompt(model: GPT | QuantizedGPT, tokenizer: Tokenizer) -> Array:
    """Return the tokens from which a model starts without a prompt."""
    begin = model.special_ids.bos
    return start_tokens(tokenizer) if begin is None else np.array([begin])


def text_ends(model: GPT | QuantizedGPT, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Return the tokens that end a text of a model."""
    return model.special_ids.ends or all_ids(tokenizer.end_of_text)


def start_tokens(tokenizer: Tokenizer) -> Array:
    """Return the tokens from which a text without a prompt starts.

    In training, a text follows the end_of_text token, so that token is the start. A tokenizer
    without it (characters) usually has lines, and a line follows a newline. Without a newline, the
    start is the first token. For characters, that is the first in sort order, in most texts the
    space.
    """
    if tokenizer.end_of_text is not None:
        return np.array([tokenizer.end_of_text])
    with contextlib.suppress(UserError):
        newline = tokenizer.encode("\n")
        if len(newline):  # some tokenizers drop white space, and a newline with it
            return newline
    return np.array([0])


def check_tokenizer(model: Model[Any] | QuantizedGPT, tokenizer: Tokenizer) -> None:
    """Raise UserError for a tokenizer that does not match the vocabulary of the model.

    A GPT may have more rows than the tokenizer has tokens, see :func:`fits_vocabulary`.
    """
    if not model.config.fits_vocabulary(tokenizer.vocab_size):
        raise UserError(
            f"the tokenizer has {counted(tokenizer.vocab_size, 'token')} "
            f"but the model has {model.config.vocab_size}, so they do not belong together; "
            "use the tokenizer.json that was saved with the model"
        )
