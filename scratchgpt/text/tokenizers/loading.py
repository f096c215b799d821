"""Loading of tokenizers from files."""

from itertools import chain
from pathlib import Path
from typing import Any

from scratchgpt.checkpoints import run_model
from scratchgpt.errors import UserError
from scratchgpt.special_ids import read_chat_names, read_special_ids
from scratchgpt.structured import read_json
from scratchgpt.text.tokenizers.bpe import BPETokenizer
from scratchgpt.text.tokenizers.byte_fallback import ByteFallbackTokenizer
from scratchgpt.text.tokenizers.byte_level import ByteTokenizer
from scratchgpt.text.tokenizers.characters import CharacterTokenizer
from scratchgpt.text.tokenizers.cuts import steps_of
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer
from scratchgpt.text.tokenizers.vocab_files import PAIRS, find_vocab_files, read_vocab_files
from scratchgpt.text.tokenizers.word_bpe import WordBPETokenizer

KINDS = (
    CharacterTokenizer,
    ByteTokenizer,
    WordBPETokenizer,
    ByteFallbackTokenizer,
    BPETokenizer,
)
FILES = (TOKENIZER_FILE, *chain.from_iterable(PAIRS))


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Load a tokenizer from a ``tokenizer.json``, or from the folder of a model or run.

    A folder can contain ``vocab.json`` and ``merges.txt``, or OpenAI's ``encoder.json`` and
    ``vocab.bpe``, instead of ``tokenizer.json``. ``path`` can also be one of the two files. The
    other files of the folder say which token ends a text; see :mod:`scratchgpt.special_ids`.

    Raises
    ------
    UserError
        If the file does not exist, is damaged, or describes an unsupported kind of tokenizer.
    """
    path = Path(path)
    if path.is_dir() and not has_tokenizer(path):
        path = run_model(path) or path
    folder = path.parent if path.name in FILES else path
    if (path / TOKENIZER_FILE).exists() or (files := find_vocab_files(path)) is None:
        path = path / TOKENIZER_FILE if path.is_dir() else path
        content = _read_json(path)
    else:
        content = read_vocab_files(*files)
    tokenizer: Tokenizer | None = None
    try:
        for kind in KINDS:
            tokenizer = kind.from_json(content)
            if tokenizer is not None:
                tokenizer.n_bytes([])  # builds the tables of tokens, so that errors are found here
                break
        described = _described(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = error if isinstance(error, UserError) else repr(error)
        raise UserError(f"the tokenizer {path} is damaged: {reason}") from error
    if tokenizer is None:
        raise UserError(
            f"{path} is an unsupported kind of tokenizer ({described}); scratchgpt reads "
            "characters, bytes, byte-level BPE, BPE with byte fallback and the BPE of GPT-1"
        )
    if isinstance(tokenizer, BPETokenizer):
        tokenizer.end_documents_with(read_special_ids(folder, tokenizer.vocab_size))
        tokenizer.chat_format, tokenizer.model_type = read_chat_names(folder)
    return tokenizer


def has_tokenizer(folder: Path) -> bool:
    """Whether there is a file of a tokenizer in a folder, not in those below it."""
    return any((folder / name).exists() for name in FILES)


def _described(content: dict[str, Any]) -> str:
    """Name the parts of a tokenizer that decide whether it is supported."""
    parts = [f"model {content['model'].get('type', 'BPE')}"]
    for name in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        steps = [step["type"] for step in steps_of(content.get(name))]
        parts += [f"{name} {' + '.join(steps)}"] if steps else []
    return ", ".join(parts)


def _read_json(path: Path) -> Any:
    try:
        return read_json(path)
    except FileNotFoundError:
        raise UserError(f"there is no tokenizer at {path}; check the path") from None
    except UserError as error:
        reason = str(error).replace(str(path), "it", 1)
        raise UserError(f"cannot read the tokenizer {path}: {reason}") from error
