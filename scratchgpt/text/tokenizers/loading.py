"""Loading of tokenizers from files."""

import json
from pathlib import Path
from typing import Any

from scratchgpt.checkpoints import run_model
from scratchgpt.errors import UserError
from scratchgpt.special_ids import read_special_ids
from scratchgpt.text.tokenizers.bpe import BPETokenizer
from scratchgpt.text.tokenizers.byte_level import ByteTokenizer
from scratchgpt.text.tokenizers.characters import CharacterTokenizer
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer
from scratchgpt.text.tokenizers.vocab_files import VOCAB_FILE, read_vocab_files
from scratchgpt.text.tokenizers.word_bpe import WordBPETokenizer


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Load a tokenizer from a ``tokenizer.json``, or from the folder of a model or run.

    A folder can contain ``vocab.json`` and ``merges.txt`` instead of ``tokenizer.json``. The other
    files of the folder say which token ends a text; see :mod:`scratchgpt.special_ids`.

    Raises
    ------
    UserError
        If the file does not exist, is damaged, or describes an unsupported kind of tokenizer.
    """
    path = Path(path)
    if path.is_dir() and not has_tokenizer(path):
        path = run_model(path) or path
    folder = path.parent if path.name == TOKENIZER_FILE else path
    if not (path / TOKENIZER_FILE).exists() and (path / VOCAB_FILE).exists():
        content = read_vocab_files(path)
    else:
        path = path / TOKENIZER_FILE if path.is_dir() else path
        content = _read_json(path)
    tokenizer: Tokenizer | None = None
    try:
        for kind in (CharacterTokenizer, ByteTokenizer, WordBPETokenizer, BPETokenizer):
            tokenizer = kind.from_json(content)
            if tokenizer is not None:
                break
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error if isinstance(error, UserError) else repr(error)
        raise UserError(f"the tokenizer {path} is damaged: {reason}") from error
    if tokenizer is None:
        raise UserError(
            f"{path} is an unsupported kind of tokenizer; scratchgpt reads characters, bytes, "
            "byte-level BPE and the BPE of GPT-1"
        )
    if isinstance(tokenizer, BPETokenizer):
        tokenizer.end_documents_with(read_special_ids(folder, tokenizer.vocab_size))
    return tokenizer


def has_tokenizer(directory: Path) -> bool:
    """Whether there are files of a tokenizer in a folder."""
    return any((directory / name).exists() for name in (TOKENIZER_FILE, VOCAB_FILE))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no tokenizer at {path}; check the path") from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the tokenizer {path}: {error}") from error
