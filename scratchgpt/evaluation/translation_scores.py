"""BLEU and chrF of translations, computed by sacrebleu."""

from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.errors import UserError


class TranslationScores(NamedTuple):
    """BLEU and chrF of translations; higher is better.

    Attributes
    ----------
    bleu, bleu_lowercase : float
        BLEU from 0 to 100, case-sensitive and lower-cased.
    chrf : float
        chrF from 0 to 100.
    signatures : tuple of str
        sacrebleu's signature of each of the three, which records how it was computed.
    """

    bleu: float
    bleu_lowercase: float
    chrf: float
    signatures: tuple[str, str, str]


def translation_scores(translations: Sequence[str], references: Sequence[str]) -> TranslationScores:
    """Score translations against one reference each.

    Raises
    ------
    UserError
        If sacrebleu is not installed.
    """
    require_sacrebleu()
    from sacrebleu.metrics import BLEU, CHRF

    bleu, bleu_lowercase, chrf = BLEU(), BLEU(lowercase=True), CHRF()
    return TranslationScores(
        bleu.corpus_score(translations, [references]).score,
        bleu_lowercase.corpus_score(translations, [references]).score,
        chrf.corpus_score(translations, [references]).score,
        # The signature of a metric is complete only after it has scored something.
        (
            str(bleu.get_signature()),
            str(bleu_lowercase.get_signature()),
            str(chrf.get_signature()),
        ),
    )


def require_sacrebleu() -> None:
    """Raise an error if sacrebleu is missing; call it before translating for an hour."""
    try:
        import sacrebleu.metrics  # noqa: F401
    except ImportError:
        raise UserError(
            "BLEU and chrF need sacrebleu; install it with "
            "pip install 'scratchgpt-numpy[translation]'"
        ) from None
