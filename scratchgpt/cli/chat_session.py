"""The commands of ``scratchgpt chat``, and its answers as they arrive."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scratchgpt.cli.console import message, read_lines_of_standard_input, write_json, write_text
from scratchgpt.errors import UserError, counted, did_you_mean

if TYPE_CHECKING:
    from scratchgpt.chat import Dialogue, Piece


class Session:
    """A chat: messages are answered, and lines that begin with a slash are commands.

    Parameters
    ----------
    dialogue : Dialogue
    as_json : bool
        Print a JSON object per answer, instead of its text.

    Attributes
    ----------
    is_over : bool
        Whether /exit was called.
    """

    def __init__(self, dialogue: "Dialogue", *, as_json: bool = False) -> None:
        self.dialogue = dialogue
        self.as_json = as_json
        self.is_over = False
        # The name, its argument, what it does, and the function for it.
        self._commands: dict[str, tuple[str, str, Callable[[str], None]]] = {
            "/reset": ("", "start a new conversation with the same system message", self._reset),
            "/system": (
                "TEXT",
                "replace the system message, or remove it",
                self._system,
            ),
            "/save": ("FILE", "write the conversation to a new JSONL file", self._save),
            "/load": ("FILE", "continue the conversation in a JSONL file", self._load),
            "/help": ("", "list the commands", self._help),
            "/exit": ("", "leave, as Ctrl-D does", self._exit),
        }

    def answer_lines(self) -> None:
        """Handle each line of standard input.

        Raises
        ------
        UserError
            If a line cannot be handled; the message has its number.
        """
        for number, line in enumerate(read_lines_of_standard_input(), start=1):
            try:
                self.handle(line)
            except UserError as error:
                raise UserError(f"line {number:,} of standard input: {error}") from None
            if self.is_over:
                return

    def handle(self, line: str, canceled: Callable[[], bool] | None = None) -> None:
        """Answer a message, or run a command. An empty line does nothing.

        Raises
        ------
        UserError
            If the command is unknown or fails, or the message does not fit.
        """
        if not line.strip():
            return
        if line.startswith("//"):
            self.answer(line[1:], canceled)
        elif line.startswith("/"):
            self._run(line)
        else:
            self.answer(line, canceled)

    def answer(self, text: str, canceled: Callable[[], bool] | None = None) -> None:
        """Say something to the model, and print its answer as it arrives.

        Raises
        ------
        UserError
            If the message cannot be encoded, or does not fit.
        """
        last = None
        answer = ""
        for piece in self.dialogue.say(text, canceled):
            if not self.as_json and piece.text:
                write_text(piece.text)
            answer += piece.text
            last = piece
        assert last is not None  # there is a last piece, even of an empty answer
        if self.as_json:
            counts = {"n_prompt": last.n_prompt, "n_new": last.n_new, "n_dropped": last.n_dropped}
            finish = {"finish_reason": last.finish_reason}
            write_json({"prompt": text, "text": answer, **finish, **counts})
        else:
            write_text("\n")
        self._tell(last)

    def _tell(self, last: "Piece") -> None:
        """Say what the answer does not show: dropped messages, and an end that is not its own."""
        context = counted(self.dialogue.engine.model.config.block_size, "token")
        if last.n_dropped:
            message(
                f"note: the model did not read the oldest {counted(last.n_dropped, 'message')}, "
                f"for which its context of {context} has no room; /reset starts again"
            )
        after = counted(last.n_new, "token")
        if last.finish_reason == "canceled":
            message(f"note: stopped after {after}")
        elif last.finish_reason == "length":
            is_full = last.n_new < self.dialogue.max_new_tokens
            why = f"the context of {context} is full" if is_full else "--max-new-tokens allows more"
            message(f"note: the answer was cut after {after}; {why}")

    def _run(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        if name not in self._commands:
            hint = did_you_mean(name, self._commands)
            known = "; /help lists the commands, and // begins a message with a slash"
            raise UserError(f"unknown command {name!r}{hint or known}")
        needs, _, function = self._commands[name]
        argument = argument.strip()
        if argument and not needs:
            raise UserError(f"{name} has no argument, but {argument!r} follows; leave it out")
        if needs == "FILE" and not argument:
            raise UserError(f"{name} needs the name of a file, such as {name} chat.jsonl")
        function(argument)

    def _reset(self, _: str) -> None:
        self.dialogue.reset()
        message("note: a new conversation")

    def _system(self, text: str) -> None:
        self.dialogue.set_system(text)
        message("note: the system message is replaced" if text else "note: no system message")

    def _save(self, name: str) -> None:
        from scratchgpt.chat import write_conversation
        from scratchgpt.cli.outputs import refuse_existing

        path, messages = Path(name), self.dialogue.messages
        if not messages:
            raise UserError("there is no conversation yet; say something first")
        refuse_existing(path)
        write_conversation(path, messages)
        message(f"note: {counted(len(messages), 'message')} saved in {path}")

    def _load(self, name: str) -> None:
        from scratchgpt.chat import read_conversation

        messages = read_conversation(name)
        self.dialogue.load(messages)
        message(f"note: {counted(len(messages), 'message')} loaded from {name}")

    def _help(self, _: str) -> None:
        rows = [(f"{name} {needs}", what) for name, (needs, what, _) in self._commands.items()]
        for name, what in rows:
            message(f"{name:<13} {what}")

    def _exit(self, _: str) -> None:
        self.is_over = True
