"""Text from outside, in places where some characters are commands: terminals, shells and plots."""

import os
import re
import shlex

# Control characters of ASCII and of Latin-1, line separators, characters that reorder the line
# around them, and surrogates, which stand for the bytes of a file name that is not UTF-8.
_CONTROLS = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str, keep: str = "") -> str:
    r"""Return a text with escapes for the characters that control a terminal.

    A file name, a setting or a generated text could otherwise clear the screen, pretend to be
    another message or type commands.

    Parameters
    ----------
    text : str
    keep : str
        Control characters that are not replaced: ``"\n\t"`` for a text of several lines.

    Examples
    --------
    >>> print(escaped("a\x1b[2J\nb"))
    a\x1b[2J\nb
    """

    def escape(match: re.Match[str]) -> str:
        character = match[0]
        if character in keep:
            return character
        return character.encode("unicode_escape").decode()

    return _CONTROLS.sub(escape, text)


def shell_quoted(path: str | os.PathLike[str]) -> str:
    r"""Return a path as a word of a shell command, for a line that users copy.

    Control characters are escaped as bash and zsh read them.

    Examples
    --------
    >>> print(shell_quoted("my runs"), shell_quoted("a\x07'"))
    'my runs' $'a\x07\x27'
    """
    text = os.fspath(path)
    if not _CONTROLS.search(text):
        return shlex.quote(text)
    word = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}"
        for byte in os.fsencode(text)
    )
    return f"$'{word}'"


def plot_text(text: str) -> str:
    r"""Return a text as matplotlib draws it unchanged: a dollar sign does not start a formula.

    Examples
    --------
    >>> print(plot_text("US$"))
    US\$
    """
    return escaped(text).replace("$", r"\$")
