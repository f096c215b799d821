"""A prepared corpus that a user names in place of its text."""

from collections.abc import Sequence
from pathlib import Path

from scratchgpt.errors import UserError, counted
from scratchgpt.text.corpora.prepared import (
    MANIFEST_FILE,
    PreparedCorpus,
    is_prepared,
    open_prepared,
)
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer, choose_tokenizer
from scratchgpt.text.tokenizers.tokenizer import Tokenizer


def find_prepared(words: Sequence[str]) -> PreparedCorpus | None:
    """Open the prepared corpus whose folder is the only word; return None for other words.

    Raises
    ------
    UserError
        If the corpus is incomplete or damaged.
    """
    if len(words) != 1 or not isinstance(words[0], str | Path) or not is_prepared(Path(words[0])):
        return None
    if not (Path(words[0]) / MANIFEST_FILE).exists():
        raise UserError(
            f"the preparation of {words[0]} was interrupted; run the same `scratchgpt data "
            "prepare` again to complete it"
        )
    return open_prepared(words[0])


def check_same(
    prepared: PreparedCorpus, tokenizer: str | Tokenizer | None, val_fraction: float | None
) -> None:
    """Raise UserError for a tokenizer or a split that is not that of a prepared corpus."""
    manifest, where = prepared.manifest, prepared.directory
    if val_fraction not in (None, manifest.val_fraction):
        raise UserError(
            f"{where} was prepared with val_fraction={manifest.val_fraction}, not {val_fraction}; "
            "leave it out, or name the text instead of the folder"
        )
    if tokenizer is not None and not _fits(prepared.tokenizer, choose_tokenizer(tokenizer)):
        name = tokenizer if isinstance(tokenizer, str) else f"this {tokenizer.kind} tokenizer"
        own = f"{manifest.tokenizer['kind']}, {counted(manifest.tokenizer['vocab_size'], 'token')}"
        raise UserError(
            f"{where} was prepared with its own tokenizer ({own}), not with {name}; use that one, "
            "or name the text instead of the folder"
        )


def _fits(own: Tokenizer, choice: Tokenizer | UntrainedTokenizer) -> bool:
    if isinstance(choice, Tokenizer):
        return choice.fingerprint == own.fingerprint
    return own.kind == choice.kind and choice.bpe_size in (None, own.vocab_size)
