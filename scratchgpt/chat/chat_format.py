"""What a format of conversations says: what stands before and after a message of each role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scratchgpt.chat.messages import ASSISTANT, SYSTEM, USER, Conversation, Message
from scratchgpt.errors import UserError

Around = tuple[str, str]  # what stands before a text and after it
# What a model writes before its answer when it has not thought.
NO_THOUGHTS = "<think>\n\n</think>\n\n"


@dataclass(frozen=True)
class ChatFormat:
    r"""A format of conversations, as data.

    In the strings, a name of ``tokens`` is this token, and everything else is text. In a message, a
    name is text.

    Attributes
    ----------
    name : str
    models : str
        The models that were trained with the format.
    tokens : tuple of str
        The special tokens of the format. No answer has one of them, so each ends an answer.
    user : (str, str)
        What stands before and after a message of the user.
    end : str
        The token that ends an answer.
    header : str
        What stands before an answer. A prompt ends with it.
    answer : (str, str)
        What the model itself writes before and after the text of an answer.
    after : str
        What follows the end of an answer.
    start : str
        The beginning of a conversation.
    starts_with_end : bool
        Whether a conversation begins with the token that ends a text, after which a language model
        has seen the beginning of another.
    ends : tuple of str
        Other tokens that end a text, if the vocabulary has them.
    system : (str, str), optional
        What stands before and after the system message.
    system_in_user : str, optional
        The beginning of a message of the user that has the system message, in place of ``{}``.
    system_turn : {"first", "last"}
        The message of the user that has it.
    default_system : str, optional
        The system message of a conversation that has none.
    strips : tuple of str
        The roles whose messages lose the white space at their ends.
    alternates : bool
        Whether user and assistant must take turns, and the user comes first.
    thoughts : {"", "shown", "hidden"}
        Whether answers begin with thoughts, which later turns do not repeat. If they are hidden,
        the prompt says that there were none.
    model_types : tuple of str
        The ``model_type`` of the models that are recognized.
    marks, lacks : tuple of str
        Tokens that the vocabulary of a recognized model has, besides ``tokens``, and that it lacks.
    """

    name: str
    models: str
    tokens: tuple[str, ...]
    user: Around
    end: str
    header: str = ""
    answer: Around = ("", "")
    after: str = ""
    start: str = ""
    starts_with_end: bool = False
    ends: tuple[str, ...] = ()
    system: Around | None = None
    system_in_user: str | None = None
    system_turn: Literal["first", "last"] = "first"
    default_system: str | None = None
    strips: tuple[str, ...] = ()
    alternates: bool = False
    thoughts: Literal["", "shown", "hidden"] = ""
    model_types: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def prompt_header(self) -> str:
        """What stands before an answer that the model is about to write."""
        return self.header + NO_THOUGHTS if self.thoughts == "hidden" else self.header

    def arrange(self, messages: Conversation) -> list[Message]:
        """Return the messages as they are rendered: with the system message in its place.

        Raises
        ------
        UserError
            If the format cannot express the conversation.
        """
        has_system = bool(messages) and messages[0].role == SYSTEM
        system = messages[0].content if has_system else self.default_system
        rest = list(messages[has_system:])
        if self.alternates:
            self._check_turns(rest, has_system)
        if system is not None and self.system is None:
            rest = self._with_system(rest, system)
        elif system is not None:
            rest = [Message(SYSTEM, system), *rest]
        return [self._stripped(message) for message in rest]

    def written_answer(self, text: str, *, is_last: bool, after_query: bool) -> tuple[str, str]:
        """Return the header of an answer, and its text as the model writes it.

        Parameters
        ----------
        text : str
        is_last : bool
            Whether it is the last message.
        after_query : bool
            Whether no message of the user follows.
        """
        if not self.thoughts:
            return self.header, text
        thoughts, rest = _split_thoughts(text)
        if not (after_query and (is_last or thoughts)):
            return self.header, rest
        rest = rest.lstrip("\n")
        if self.thoughts == "hidden":
            return (self.prompt_header if is_last else self.header), rest
        block = "<think>\n" + thoughts.strip("\n") + "\n</think>\n\n"
        return self.header, block + rest

    def _stripped(self, message: Message) -> Message:
        if message.role not in self.strips:
            return message
        return message._replace(content=message.content.strip())

    def _with_system(self, messages: list[Message], system: str) -> list[Message]:
        """Put the system message into a message of the user."""
        places = [i for i, message in enumerate(messages) if message.role == USER]
        if self.system_in_user is None or not places:
            why = "no message of the user" if self.system_in_user else "no system message"
            fix = "add one" if self.system_in_user else "leave it out"
            raise UserError(f"a conversation in the chat format {self.name} has {why}; {fix}")
        place = places[0 if self.system_turn == "first" else -1]
        begin = self.system_in_user.replace("{}", system)
        changed = messages[place]._replace(content=begin + messages[place].content)
        return [*messages[:place], changed, *messages[place + 1 :]]

    def _check_turns(self, messages: Sequence[Message], has_system: bool) -> None:
        for i, message in enumerate(messages):
            expected = (USER, ASSISTANT)[i % 2]
            if message.role != expected:
                raise UserError(
                    f"message {i + 1 + has_system} is of the {message.role}, but in the chat "
                    f"format {self.name} user and assistant take turns, and the user comes first; "
                    "join neighboring messages of the same role into one"
                )


def _split_thoughts(text: str) -> tuple[str, str]:
    """Split an answer into the thoughts at its beginning and the rest."""
    before, end, _ = text.partition("</think>")
    if not end:
        return "", text
    thoughts = before.rstrip("\n").split("<think>")[-1].lstrip("\n")
    return thoughts, text.split("</think>")[-1].lstrip("\n")
