"""Loading of tokenizers from files."""

import json
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.text.tokenizers.bpe import BPETokenizer
from scratchgpt.text.tokenizers.byte_level import ByteTokenizer
from scratchgpt.text.tokenizers.characters import CharacterTokenizer
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer
from scratchgpt.text.tokenizers.vocab_files import VOCAB_FILE, read_vocab_files
from scratchgpt.text.tokenizers.word_bpe import WordBPETokenizer


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Load a tokenizer from a ``tokenizer.json``, or from a model directory.

    A directory can contain ``vocab.json`` and ``merges.txt`` instead of ``tokenizer.json``.

    Raises
    ------
    UserError
        If the file does not exist, is damaged, or describes an unsupported kind of tokenizer.
    """
    path = Path(path)
    if not (path / TOKENIZER_FILE).exists() and (path / VOCAB_FILE).exists():
        content = read_vocab_files(path)
    else:
        path = path / TOKENIZER_FILE if path.is_dir() else path
        content = _read_json(path)
    try:
        for kind in (CharacterTokenizer, ByteTokenizer, WordBPETokenizer, BPETokenizer):
            tokenizer = kind.from_json(content)
            if tokenizer is not None:
                return tokenizer
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error if isinstance(error, UserError) else repr(error)
        raise UserError(f"the tokenizer {path} is damaged: {reason}") from error
    raise UserError(
        f"{path} is an unsupported kind of tokenizer; scratchgpt reads characters, bytes, "
        "byte-level BPE and the BPE of GPT-1"
    )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no tokenizer at {path}; check the path") from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the tokenizer {path}: {error}") from error
