"""The choice of how a file is divided, by the ending of its name."""

from pathlib import PurePath

from scratchgpt.arguments import check_whole
from scratchgpt.embeddings.pieces.markdown import markdown_pieces
from scratchgpt.embeddings.pieces.paragraphs import paragraph_pieces
from scratchgpt.embeddings.pieces.piece import Piece, lines_of
from scratchgpt.embeddings.pieces.python_code import python_pieces

PYTHON = {".py", ".pyi", ".pyw"}
MARKDOWN = {".md", ".markdown", ".mdx"}
DEFAULT_MAX_CHARACTERS = 2000


def cut(name: str, text: str, max_characters: int = DEFAULT_MAX_CHARACTERS) -> list[Piece]:
    r"""Divide the text of a file into pieces.

    Python is divided into functions and heads of classes, Markdown into sections, and other text
    into paragraphs. Python that this version of Python cannot parse is divided into paragraphs.

    Parameters
    ----------
    name : str
        The name of the file, whose ending says what it is.
    text : str
    max_characters : int
        The maximum length of a piece. Longer pieces are divided into parts, so every character of
        the text except white space is in some piece.

    Raises
    ------
    UserError
        If ``max_characters`` is not a positive integer.

    Examples
    --------
    >>> [piece.symbol for piece in cut("a.py", "class A:\n    x = 1\n    def f(self): pass")]
    ['A', 'A.f']
    """
    check_whole("max_characters", max_characters, least=1)
    lines = lines_of(text)
    ending = PurePath(name).suffix.lower()
    if ending in PYTHON:
        try:
            return python_pieces(lines, max_characters)
        except SyntaxError:
            pass  # Python 2, or a template
    if ending in MARKDOWN:
        return markdown_pieces(lines, max_characters)
    return paragraph_pieces(lines, max_characters)
