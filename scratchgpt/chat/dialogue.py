"""A conversation with a model, turn by turn."""

from collections.abc import Callable, Iterator

from scratchgpt.chat.engine import MOST_NEW_TOKENS, ChatEngine
from scratchgpt.chat.messages import (
    ASSISTANT,
    SYSTEM,
    USER,
    Conversation,
    Message,
    check_conversation,
)
from scratchgpt.chat.pieces import Piece
from scratchgpt.generation import SamplingConfig


class Dialogue:
    """A conversation that grows by a message of the user and the answer of a model at a time.

    Parameters
    ----------
    engine : ChatEngine
    max_new_tokens, sampling
        Of each answer, see :meth:`ChatEngine.stream`.
    seed : int
        The seed of the first answer. Each answer after it has the next seed.

    Attributes
    ----------
    messages : list of Message
        The whole conversation, with messages that the model no longer reads.
    n_answers : int
        Number of answers so far, in all conversations.

    Examples
    --------
    >>> from scratchgpt.chat import ChatEngine, Dialogue, add_markers
    >>> from scratchgpt.models import GPT, GPTConfig
    >>> from scratchgpt.text import train_bpe
    >>> tokenizer = add_markers(train_bpe(["1 + 1"], 257))
    >>> model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=64, vocab_size=261))
    >>> dialogue = Dialogue(ChatEngine(model, tokenizer), max_new_tokens=5)
    >>> text = "".join(piece.text for piece in dialogue.say("1+1"))
    >>> [message.role for message in dialogue.messages], dialogue.messages[-1].content == text
    (['user', 'assistant'], True)
    """

    def __init__(
        self,
        engine: ChatEngine,
        *,
        max_new_tokens: int = MOST_NEW_TOKENS,
        sampling: SamplingConfig | None = None,
        seed: int = 0,
    ) -> None:
        _ = engine.renderer  # raises an error if the model has no markers
        self.engine = engine
        self.max_new_tokens = max_new_tokens
        self.sampling = sampling
        self.seed = seed
        self.messages: list[Message] = []
        self.n_answers = 0

    def say(self, text: str, canceled: Callable[[], bool] | None = None) -> Iterator[Piece]:
        """Say something to the model; return the pieces of its answer.

        Both messages are part of the conversation when the last piece has arrived. If the answer is
        canceled before it has text, neither is.

        Raises
        ------
        UserError
            If the message cannot be encoded, or does not fit.
        """
        messages = [*self.messages, Message(USER, text)]
        check_conversation(messages)
        pieces = self.engine.stream(
            messages,
            max_new_tokens=self.max_new_tokens,
            sampling=self.sampling,
            seed=self.seed + self.n_answers,
            canceled=canceled,
        )
        return self._record(messages, pieces)

    def _record(self, messages: list[Message], pieces: Iterator[Piece]) -> Iterator[Piece]:
        answer = ""
        for piece in pieces:
            answer += piece.text
            if piece.finish_reason:
                self.n_answers += 1
                if answer or piece.finish_reason != "canceled":
                    self.messages = [*messages, Message(ASSISTANT, answer)]
            yield piece

    def reset(self) -> None:
        """Start a new conversation with the same system message."""
        self.messages = [message for message in self.messages if message.role == SYSTEM]

    def set_system(self, text: str) -> None:
        """Replace the system message of the conversation; an empty text removes it."""
        rest = [message for message in self.messages if message.role != SYSTEM]
        messages = [Message(SYSTEM, text), *rest] if text else rest
        if messages:
            check_conversation(messages)
        self.messages = messages

    def load(self, messages: Conversation) -> None:
        """Continue a conversation from a file; its system message, if it has one, replaces this."""
        check_conversation(messages)
        before = [message for message in self.messages if message.role == SYSTEM]
        has_system = messages[0].role == SYSTEM
        self.messages = [*([] if has_system else before), *messages]
