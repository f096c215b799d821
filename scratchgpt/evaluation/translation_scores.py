"""BLEU and chrF of translations, computed by sacrebleu."""

from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.errors import UserError

_LONGEST_WORD = 12  # characters; a longer reference without a space is hardly one word

# Languages that sacrebleu does not split into words at spaces: its way of splitting them, and
# another one for installations without MeCab.
_CHINESE, _JAPANESE, _KOREAN = ("zh", "zh"), ("ja-mecab", "char"), ("ko-mecab", "13a")
_SPLIT = {
    **dict.fromkeys(("zh", "zho", "cmn"), _CHINESE),
    **dict.fromkeys(("ja", "jpn"), _JAPANESE),
    **dict.fromkeys(("ko", "kor"), _KOREAN),
}


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
    note : str or None
        What limits the meaning of BLEU, in a sentence for a person.
    """

    bleu: float
    bleu_lowercase: float
    chrf: float
    signatures: tuple[str, str, str]
    note: str | None = None


def translation_scores(
    translations: Sequence[str], references: Sequence[str], language: str | None = None
) -> TranslationScores:
    """Score translations against one reference each.

    BLEU counts words. Most texts are split into words at spaces and punctuation (``13a``), but
    Chinese, Japanese and Korean as sacrebleu does for a target language ``zh``, ``ja`` or ``ko``.

    Parameters
    ----------
    translations, references : sequence of str
    language : str, optional
        Code of the language of the references, such as ``zh`` or ``zh-TW``.

    Raises
    ------
    UserError
        If sacrebleu is not installed.
    """
    require_sacrebleu()
    from sacrebleu.metrics import BLEU, CHRF

    split, note = _way_to_split(language, references)
    bleu, chrf = BLEU(tokenize=split), CHRF()
    bleu_lowercase = BLEU(tokenize=split, lowercase=True)
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
        note,
    )


def _way_to_split(language: str | None, references: Sequence[str]) -> tuple[str, str | None]:
    """Return the name of sacrebleu's tokenizer, and a note if it does not suit the references."""
    from sacrebleu.metrics import BLEU

    code = (language or "").lower().replace("_", "-").partition("-")[0]
    split, substitute = _SPLIT.get(code, (BLEU.TOKENIZER_DEFAULT, ""))
    try:
        BLEU(tokenize=split)
    except RuntimeError:  # sacrebleu's message has several lines
        return substitute, (
            f"BLEU is computed with tokenize={substitute}, because {split} needs MeCab; install it "
            f"with pip install 'sacrebleu[{split[:2]}]'"
        )
    if split == BLEU.TOKENIZER_DEFAULT and _mostly_without_spaces(references):
        return split, (
            f"BLEU splits words at spaces ({split}), but the references are mostly without spaces; "
            "name their language, as in test.en test.zh or test.jsonl:en-zh"
        )
    return split, None


def _mostly_without_spaces(texts: Sequence[str]) -> bool:
    """Whether most of the longer texts are one word."""
    longer = [text for text in texts if len(text.strip()) > _LONGEST_WORD]
    return sum(" " not in text.strip() for text in longer) > len(longer) / 2


def require_sacrebleu() -> None:
    """Raise an error if sacrebleu is missing; call it before translating for an hour."""
    try:
        import sacrebleu.metrics  # noqa: F401
    except ImportError:
        raise UserError(
            "BLEU and chrF need sacrebleu; install it with "
            "pip install 'scratchgpt-numpy[translation]'"
        ) from None
