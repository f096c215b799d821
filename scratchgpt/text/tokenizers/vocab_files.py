"""Tokenizers in two files, as those of GPT-1 and GPT-2: a vocabulary and its merges."""

from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.structured import read_json
from scratchgpt.text.tokenizers.byte_level import CHARACTER_TO_BYTE
from scratchgpt.text.tokenizers.tokenizer import END_OF_TEXT, PADDING, base_json, special_token
from scratchgpt.text.tokenizers.word_bpe import UNKNOWN, WORD_END
from scratchgpt.utf8 import read_text

_BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}
_LOWER_CASE = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
# The vocabulary and the merges, as Hugging Face and as OpenAI name them; their content is the same.
PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
ADDED_FILE = "added_tokens.json"


def find_vocab_files(path: Path) -> tuple[Path, Path] | None:
    """Find the vocabulary and the merges that ``path`` names; one of them may be missing.

    Parameters
    ----------
    path : Path
        A folder with the two files, or either file.

    Returns
    -------
    files : (Path, Path) or None
        None if ``path`` is neither.

    Raises
    ------
    UserError
        If a folder has the files of two tokenizers.
    """
    if path.is_file():
        pairs = [pair for pair in PAIRS if path.name in pair]
        return (path.parent / pairs[0][0], path.parent / pairs[0][1]) if pairs else None
    paths = [(path / vocab, path / merges) for vocab, merges in PAIRS]
    for exist in (all, any):  # one file of a pair does not hide the other pair
        found = [pair for pair in paths if exist(file.exists() for file in pair)]
        if len(found) > 1:
            names = " and ".join(vocab.name for vocab, _ in found)
            raise UserError(f"{path} has two tokenizers, {names}; name the file of one of them")
        if found:
            return found[0]
    return None


def read_vocab_files(vocab_file: Path, merges_file: Path) -> dict[str, Any]:
    """Read the two files and return the content of an equivalent ``tokenizer.json``.

    A vocabulary with the 256 characters that represent bytes is in the format of GPT-2. A
    vocabulary with tokens that end in ``</w>`` is in the format of GPT-1. The tokens in an
    ``added_tokens.json`` in the same folder become special tokens.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the vocabulary has neither format.
    """
    parts: dict[str, Any]
    settings: dict[str, Any]
    for path in (vocab_file, merges_file):
        if not path.exists():
            raise UserError(
                f"{path} is missing; a tokenizer needs both {vocab_file.name} and "
                f"{merges_file.name}"
            )
    vocab, merges = _read_ids(vocab_file), _read_merges(merges_file)
    added_file = vocab_file.parent / ADDED_FILE
    added = _read_ids(added_file) if added_file.exists() else {}
    if vocab.keys() >= CHARACTER_TO_BYTE.keys():
        parts = {"pre_tokenizer": _BYTE_LEVEL, "decoder": _BYTE_LEVEL}
        specials = [END_OF_TEXT, PADDING]
        settings = {}
    elif any(token.endswith(WORD_END) for token in vocab):
        parts = {
            "normalizer": _LOWER_CASE,
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "decoder": {"type": "BPEDecoder", "suffix": WORD_END},
        }
        specials = [UNKNOWN, END_OF_TEXT, PADDING]
        settings = {"end_of_word_suffix": WORD_END}
        if UNKNOWN in vocab:
            settings["unk_token"] = UNKNOWN
    else:
        raise UserError(
            f"{vocab_file} is neither a GPT-2 vocabulary, which has all bytes, nor a "
            f"GPT-1 vocabulary, whose words end in {WORD_END}; use a tokenizer.json instead"
        )
    special_ids = {name: vocab[name] for name in specials if name in vocab} | added
    return base_json(
        **parts,
        model={"type": "BPE", **settings, "vocab": vocab, "merges": merges},
        added_tokens=[
            special_token(token, name)
            for name, token in sorted(special_ids.items(), key=lambda item: item[1])
        ],
    )


def _read_ids(path: Path) -> dict[str, int]:
    try:
        ids = read_json(path)
    except (UserError, OSError) as error:
        raise UserError(f"{error}; download it again") from error
    if not isinstance(ids, dict) or any(type(i) is not int or i < 0 for i in ids.values()):
        raise UserError(f"{path} is damaged: it is not an object of tokens and their ids")
    return ids


def _read_merges(path: Path) -> list[list[str]]:
    """Read pairs of tokens, one per line, after an optional version line."""
    merges = []
    for number, line in enumerate(_read(path).split("\n"), start=1):
        pair = line.removesuffix("\r").split(" ")
        if line.startswith("#version") or pair == [""]:
            continue
        if len(pair) != 2:
            raise UserError(f"{path} is damaged: line {number} is not a pair of tokens")
        merges.append(pair)
    return merges


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the tokenizer {path}: {error}") from error
