"""The one engine that answers conversations, for the terminal, the server and training."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array, random_stream
from scratchgpt.chat.messages import Conversation
from scratchgpt.chat.pieces import ContextLengthError, EndReason, Piece, SampledToken
from scratchgpt.chat.rendering import Renderer
from scratchgpt.errors import UserError, counted
from scratchgpt.generation.candidates import best_tokens
from scratchgpt.generation.generate import check_prompt
from scratchgpt.generation.prefix_decoding import PrefixDecoding
from scratchgpt.generation.sampler import Sampler
from scratchgpt.generation.sampling import SamplingConfig
from scratchgpt.generation.text import check_tokenizer, empty_prompt, text_ends
from scratchgpt.generation.text_stream import TextStream
from scratchgpt.models import GPT, QuantizedGPT
from scratchgpt.text import Tokenizer
from scratchgpt.threads import one_pool

MOST_NEW_TOKENS = 256


class _Prompt(NamedTuple):
    tokens: Sequence[int]
    most_new: int
    ends: Sequence[int]
    before: Sequence[int] = ()
    n_dropped: int = 0


class ChatEngine:
    """Answers conversations with a model, one at a time.

    The keys and values of a conversation are kept, so that its next turn computes only what is new.
    The answers are those of :func:`scratchgpt.generation.generate` with the same seed. An engine is
    not thread-safe.

    Parameters
    ----------
    model : GPT or QuantizedGPT
        Its weights must not change.
    tokenizer : Tokenizer
        The tokenizer of the model. Conversations need one with a known format, see
        :func:`scratchgpt.chat.find_format`; :meth:`complete` needs none.

    Raises
    ------
    UserError
        If the tokenizer does not belong to the model.

    Examples
    --------
    >>> from scratchgpt.chat import ChatEngine, Message, add_markers
    >>> from scratchgpt.models import GPT, GPTConfig
    >>> from scratchgpt.text import train_bpe
    >>> tokenizer = add_markers(train_bpe(["1 + 1"], 257))
    >>> model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=64, vocab_size=261))
    >>> engine = ChatEngine(model, tokenizer)
    >>> pieces = list(engine.stream([Message("user", "1+1")], max_new_tokens=5))
    >>> pieces[-1].n_prompt, pieces[-1].n_prefilled, pieces[-1].n_new, pieces[-1].finish_reason
    (7, 7, 5, 'length')
    """

    def __init__(self, model: GPT | QuantizedGPT, tokenizer: Tokenizer) -> None:
        check_tokenizer(model, tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self._decoding = PrefixDecoding(model)
        self._current: object = None

    @cached_property
    def renderer(self) -> Renderer:
        """The renderer of conversations.

        Raises
        ------
        UserError
            If the format of the conversations is not known.
        """
        return Renderer(self.tokenizer)

    def stream(
        self,
        messages: Conversation,
        *,
        max_new_tokens: int = MOST_NEW_TOKENS,
        sampling: SamplingConfig | None = None,
        seed: int = 0,
        sample: int = 0,
        stop: Sequence[str] = (),
        n_top: int | None = None,
        canceled: Callable[[], bool] | None = None,
    ) -> Iterator[Piece]:
        """Generate the answer of the assistant to a conversation, piece by piece.

        The arguments are checked before the first piece is requested. The oldest turns of the
        conversation are left out if the context has no room for them and for the answer. The answer
        may be shorter than ``max_new_tokens``, but it gets at least a quarter of the context.

        Parameters
        ----------
        messages : sequence of Message
        max_new_tokens, sampling, seed
            As in :func:`scratchgpt.generation.generate`.
        sample : int
            The number of the answer among several answers with the same seed.
        stop : sequence of str
            Strings that end the answer, see :class:`scratchgpt.generation.StopMatcher`.
        n_top : int, optional
            Compute the log-probability of each token, and those of this many most probable tokens.
            0 is for the sampled token alone; by default nothing is computed.
        canceled : callable, optional
            Called before each token; if it returns True, the answer ends.

        Returns
        -------
        pieces : iterator of Piece
            One piece per token; one more if the answer is canceled.

        Raises
        ------
        ContextLengthError
            If the last turn does not fit.
        UserError
            If another argument is not valid.
        RuntimeError
            From the iterator, if the engine has begun another answer in the meantime.
        """
        prompt = self._conversation(messages, max_new_tokens)
        return self._pieces(prompt, sampling, seed, sample, stop, n_top, canceled)

    def complete(
        self,
        prompt: str | Array | Sequence[int],
        *,
        max_new_tokens: int = MOST_NEW_TOKENS,
        sampling: SamplingConfig | None = None,
        seed: int = 0,
        sample: int = 0,
        stop: Sequence[str] = (),
        n_top: int | None = None,
        canceled: Callable[[], bool] | None = None,
    ) -> Iterator[Piece]:
        """Continue a text or tokens without the format of conversations, piece by piece.

        The other arguments are those of :meth:`stream`. An empty text starts as in
        :func:`scratchgpt.generation.generate_text`. The continuation ends when the context is full.
        """
        tokens = self._plain_prompt(prompt)
        block_size = self.model.config.block_size
        room = block_size + 1 - len(tokens)  # the last token is not read
        if room < 1:
            raise ContextLengthError(
                f"the prompt has {counted(len(tokens), 'token')}, more than the model's "
                f"block_size={block_size}; shorten it",
                len(tokens),
                block_size,
            )
        most_new = min(_at_least_one("max_new_tokens", max_new_tokens), room)
        plain = _Prompt(tokens, most_new, text_ends(self.model, self.tokenizer), tokens)
        return self._pieces(plain, sampling, seed, sample, stop, n_top, canceled)

    def _conversation(self, messages: Conversation, max_new_tokens: int) -> _Prompt:
        """Render a conversation with room for an answer."""
        block_size = self.model.config.block_size
        most_new = _at_least_one("max_new_tokens", max_new_tokens)
        n_answer = min(most_new, max(1, block_size // 4))
        tokens, _, n_dropped = self.renderer.prompt(messages, block_size + 1 - n_answer)
        room = block_size + 1 - len(tokens)  # the last token is not read
        if room < n_answer:
            raise ContextLengthError(
                f"the last message and the system message take {counted(len(tokens), 'token')}, "
                f"and block_size={block_size} must have room for the answer; shorten them",
                len(tokens),
                block_size,
            )
        ends = (*self.renderer.ends, *text_ends(self.model, self.tokenizer))
        return _Prompt(tokens.tolist(), min(most_new, room), ends, (), n_dropped)

    def _plain_prompt(self, prompt: str | Array | Sequence[int]) -> list[int]:
        if isinstance(prompt, str):
            tokens = self.tokenizer.encode_prompt(prompt)
            prompt = tokens if len(tokens) else empty_prompt(self.model, self.tokenizer)
        return check_prompt(0, prompt, self.tokenizer.vocab_size)

    def _pieces(
        self,
        prompt: _Prompt,
        sampling: SamplingConfig | None,
        seed: int,
        sample: int,
        stop: Sequence[str],
        n_top: int | None,
        canceled: Callable[[], bool] | None,
    ) -> Iterator[Piece]:
        """Check the arguments and return the iterator over the pieces."""
        for name, value in {"seed": seed, "sample": sample, "n_top": n_top or 0}.items():
            if check_whole(name, value) < 0:
                raise UserError(f"{name}={value} must not be negative")
        text = TextStream(self.tokenizer, stop, prompt.before)
        sampler = Sampler(sampling or SamplingConfig(), [prompt.tokens], self.tokenizer.vocab_size)
        stream = random_stream(seed, "sample", sample)
        return self._run(prompt, text, sampler, stream, n_top, canceled)

    def _run(
        self,
        prompt: _Prompt,
        text: TextStream,
        sampler: Sampler,
        stream: np.random.Generator,
        n_top: int | None,
        canceled: Callable[[], bool] | None,
    ) -> Iterator[Piece]:
        self._current = own = object()
        n_tokens, n_prompt, n_prefilled = self.tokenizer.vocab_size, len(prompt.tokens), 0
        token = -1
        for n_new in range(prompt.most_new):
            if self._current is not own:
                raise RuntimeError("the engine has begun another answer; finish one at a time")
            if canceled is not None and canceled():
                rest = text.finish()
                yield Piece(rest, (), n_prompt, n_prefilled, n_new, prompt.n_dropped, "canceled")
                return
            with one_pool():
                if n_new == 0:
                    logits, n_prefilled = self._decoding.begin(prompt.tokens)
                else:
                    logits = self._decoding.advance(token)
                logits = logits[:, :n_tokens]  # (1, V)
                token = int(sampler.next_tokens(logits, [stream])[0])
            reason: EndReason | None = "length" if n_new + 1 == prompt.most_new else None
            tokens: tuple[SampledToken, ...] = ()
            piece = ""
            if token in prompt.ends:
                reason = "stop"
            else:
                tokens, piece = (_describe(token, logits, n_top),), text.push(token)
                reason = "stop" if text.stopped else reason
            if reason:
                piece += text.finish()
            yield Piece(piece, tokens, n_prompt, n_prefilled, n_new + 1, prompt.n_dropped, reason)
            if reason:
                return


def _describe(token: int, logits: Array, n_top: int | None) -> SampledToken:
    """Return a token with the log-probabilities that were requested; logits are (1, V)."""
    if n_top is None:
        return SampledToken(token)
    log_p, best = best_tokens(logits, min(max(n_top, 1), logits.shape[1]))
    distance = float(logits[0, token]) - float(logits[0, best[0, 0]])
    top = zip(best[0, :n_top].tolist(), log_p[0, :n_top].tolist(), strict=True)
    return SampledToken(token, float(log_p[0, 0]) + distance, tuple(top))


def _at_least_one(name: str, value: int) -> int:
    if check_whole(name, value) < 1:
        raise UserError(f"{name}={value} must be at least 1")
    return value
