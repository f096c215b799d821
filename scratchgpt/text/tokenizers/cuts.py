"""Where a text can be cut so that the tokens of its pieces are the tokens of the text.

A tokenizer splits a text into words and encodes each word by itself. A cut is safe if every text is
split into words there.
"""

import re
from typing import Any

SPACE = "\u2581"  # the character for a space in the tokens of SentencePiece

Cuts = tuple[re.Pattern[str], ...]

# Greedy patterns, so they match up to the last place of their kind.
BEFORE_SPACE = re.compile(r".*\S(?= )", re.DOTALL)
BEFORE_NEWLINE = re.compile(r".*\S(?=\n)", re.DOTALL)
BETWEEN_LETTER_AND_NEWLINE = re.compile(r".*[^\W_](?=\n)", re.DOTALL)
BEFORE_ONE_SPACE = re.compile(r".*[^\s\u2581](?= )", re.DOTALL)
ANYWHERE = re.compile(r".*", re.DOTALL)

# For the tokenizers of characters and bytes, in order of preference.
EVERYWHERE: Cuts = (BEFORE_SPACE, BEFORE_NEWLINE, ANYWHERE)

_WORDS: Cuts = (BEFORE_SPACE, BEFORE_NEWLINE)
_LINES_OF_LETTERS: Cuts = (BEFORE_SPACE, BETWEEN_LETTER_AND_NEWLINE)
# Published patterns. In each, a word can start with a space but has no space after another
# character. Those of GPT-4 and later attach the newlines after punctuation to the punctuation.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT4 = r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _SPACES
_GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + _SPACES
)
_NANOCHAT = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
_PATTERNS: dict[str, Cuts] = {
    _GPT2: _WORDS,
    _CONTRACTION + _GPT4: _LINES_OF_LETTERS,  # also Llama 3
    _CONTRACTION + _GPT4.replace("{1,3}", ""): _LINES_OF_LETTERS,  # Qwen
    _GPT4O: _LINES_OF_LETTERS,
    _GPT4O.replace(_CONTRACTION + "?", "").replace("{1,3}", ""): _LINES_OF_LETTERS,  # Mistral Nemo
    _NANOCHAT: _LINES_OF_LETTERS,
}
# Normalizers that change each character by itself, or combine it with marks, and remove none.
_NORMALIZERS = {"NFC", "NFD", "Lowercase"}
# Normalizers of SentencePiece: a space before the text, and U+2581 instead of spaces.
_PREPEND = {"type": "Prepend", "prepend": SPACE}
_REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
_SPLIT_AT_WHITE_SPACE = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
_HARMLESS = {"Digits", "Punctuation"}  # never join two words


def steps_of(part: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the steps of a part of ``tokenizer.json``; a sequence has several."""
    if part is None:
        return []
    if part["type"] != "Sequence":
        return [part]
    (steps,) = (value for value in part.values() if isinstance(value, list))
    return [step for each in steps for step in steps_of(each)]


def safe_cuts(content: dict[str, Any]) -> Cuts:
    """Return the safe cuts of a BPE tokenizer; none if it is not known to split text at spaces.

    Parameters
    ----------
    content : dict
        The content of a ``tokenizer.json``.
    """
    normalizers = {step["type"] for step in steps_of(content.get("normalizer"))}
    if any(_can_cross(token) for token in content.get("added_tokens", [])):
        return ()
    if _begins_words_with_spaces(content) and _has_no_other_tokens(content):
        return (BEFORE_ONE_SPACE,)
    for step in steps_of(content.get("pre_tokenizer")):
        if step["type"] in _HARMLESS:
            continue
        if step["type"] in _SPLIT_AT_WHITE_SPACE:
            return _WORDS if normalizers <= {*_NORMALIZERS, "BertNormalizer"} else ()
        return _cuts_of_step(step) if normalizers <= _NORMALIZERS else ()
    return ()


def _cuts_of_step(step: dict[str, Any]) -> Cuts:
    if step["type"] == "ByteLevel" and step.get("use_regex", True):
        # A prefix space is added to a piece that starts with a newline.
        return _WORDS[:1] if step.get("add_prefix_space", True) else _WORDS
    if step["type"] == "Split" and step["behavior"] in ("Isolated", "Removed"):
        return _PATTERNS.get(step["pattern"].get("Regex", ""), ())
    return ()


def _begins_words_with_spaces(content: dict[str, Any]) -> bool:
    """Whether every space becomes U+2581, and no token has one after another character.

    Then no merge joins a space to what is before it, even if the text is not split into words.
    """
    model, normalizers = content["model"], steps_of(content.get("normalizer"))
    replaces = _REPLACE in normalizers and all(one in (_PREPEND, _REPLACE) for one in normalizers)
    pre_tokenizers = steps_of(content.get("pre_tokenizer"))
    if pre_tokenizers:
        [first, *rest] = pre_tokenizers
        is_space = first["type"] == "Metaspace" and first.get("replacement") == SPACE
        if rest or normalizers or not is_space:
            return False
    elif not replaces:
        return False
    # Without byte fallback, unknown characters can be fused over a cut.
    plain = model.get("byte_fallback") and not model.get("ignore_merges")
    return bool(plain) and not any(re.search(f"[^{SPACE}]{SPACE}", name) for name in model["vocab"])


def _has_no_other_tokens(content: dict[str, Any]) -> bool:
    """Whether all added tokens are special: a space may be put before the text after another."""
    return all(token.get("special") for token in content.get("added_tokens", []))


def _can_cross(token: dict[str, Any]) -> bool:
    """Whether an added token can include or depend on text on both sides of a cut."""
    if token.get("special"):
        return False  # its name is ordinary text
    depends = token.get("rstrip") or token.get("single_word")
    return bool(depends or re.search(r"\S\s", token["content"]))
