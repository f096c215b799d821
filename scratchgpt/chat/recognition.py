"""The format of the conversations of a model: named by its folder, or recognized.

A model is recognized by the special tokens in its vocabulary and by the ``model_type`` in its
``config.json``. A chat template in its folder is a program, and is never run.
"""

from scratchgpt.chat.chat_format import ChatFormat
from scratchgpt.chat.formats import FORMATS, OWN_FORMAT, format_of_name
from scratchgpt.errors import UserError
from scratchgpt.text import BPETokenizer, Tokenizer


def find_format(tokenizer: Tokenizer) -> ChatFormat | None:
    """Return the format of the conversations of a model, or None if it is not recognized.

    Raises
    ------
    UserError
        If the folder of the tokenizer names a format that does not exist.
    """
    if not isinstance(tokenizer, BPETokenizer):
        return None
    if tokenizer.chat_format is not None:
        return format_of_name(tokenizer.chat_format)
    if _has(tokenizer, OWN_FORMAT.tokens):
        return OWN_FORMAT if tokenizer.end_of_text is not None else None
    for row in FORMATS.values():
        is_kind = tokenizer.model_type in row.model_types
        has_other = any(tokenizer.special_token(name) is not None for name in row.lacks)
        if is_kind and _has(tokenizer, (*row.tokens, *row.marks)) and not has_other:
            return row
    return None


def with_format(tokenizer: Tokenizer, name: str | None) -> Tokenizer:
    """Return the tokenizer with the format of a name; unchanged if there is no name.

    Raises
    ------
    UserError
        If the format does not exist, or the vocabulary lacks a token of it.
    """
    if name is None:
        return tokenizer
    row = format_of_name(name)
    bpe = _bpe(tokenizer)
    missing = [token for token in row.tokens if bpe.special_token(token) is None]
    if missing:
        raise UserError(
            f"the vocabulary of the model has no token {missing[0]}, which the chat format {name} "
            "needs; choose another --chat-format"
        )
    return bpe.with_chat_format(name)


def named_format(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with the name of its format, which is saved with it.

    So the format is known in another folder, too, whose model may be of another kind. Our own
    format needs no name.
    """
    row = find_format(tokenizer)
    if row in (None, OWN_FORMAT) or not isinstance(tokenizer, BPETokenizer):
        return tokenizer
    assert row is not None
    return tokenizer.with_chat_format(row.name)


def chat_tokenizer(tokenizer: Tokenizer, name: str | None = None) -> BPETokenizer:
    """Return a tokenizer for conversations, with the tokens of its format after its other tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
    name : str, optional
        The format. By default it is that of the model, if it is recognized, and otherwise
        ``scratchgpt``.

    Raises
    ------
    UserError
        If the tokenizer cannot have more tokens, or has no end of text.
    """
    row = (find_format(tokenizer) or OWN_FORMAT) if name is None else format_of_name(name)
    bpe = _bpe(tokenizer)
    if row.starts_with_end and bpe.end_of_text is None:
        raise UserError(
            "conversations need a tokenizer with an end of text, such as bpe:4096; the first "
            "token of a conversation is this token"
        )
    known = bpe.with_special_tokens(row.tokens)
    return known if row is OWN_FORMAT and name is None else known.with_chat_format(row.name)


def add_markers(tokenizer: Tokenizer) -> BPETokenizer:
    """Return the tokenizer with the tokens of the format ``scratchgpt``, after its other tokens.

    Raises
    ------
    UserError
        If the tokenizer cannot have more tokens, or has no end of text.
    """
    known = chat_tokenizer(tokenizer, OWN_FORMAT.name)
    known.chat_format = None  # it is recognized by its tokens
    return known


def not_recognized(model: str = "the model") -> UserError:
    """Create the error for a model whose format of conversations is not known."""
    return UserError(
        f"{model} has no known format of conversations: it has no tokens for the roles, or they "
        "are those of several formats; train it with `scratchgpt sft`, or name its format with "
        f"--chat-format: {', '.join(FORMATS)}"
    )


def _bpe(tokenizer: Tokenizer) -> BPETokenizer:
    if not isinstance(tokenizer, BPETokenizer):
        raise UserError(
            f"conversations need a bpe tokenizer, not {tokenizer.kind}; choose tokenizer=bpe:4096, "
            "or start from a model with such a tokenizer"
        )
    return tokenizer


def _has(tokenizer: BPETokenizer, names: tuple[str, ...]) -> bool:
    return all(tokenizer.special_token(name) is not None for name in names)
