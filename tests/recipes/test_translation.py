import pytest

from scratchgpt.recipes.translation import match_dates
from scratchgpt.text import DatesTask


@pytest.fixture
def translating(monkeypatch):
    def translate_with(translations):
        def translate(model, tokenizer, texts, **options):
            return [translations(i, text) for i, text in enumerate(texts)]

        monkeypatch.setattr("scratchgpt.recipes.translation.translate", translate)

    return translate_with


def test_exact_match_of_dates_counts_right_and_lists_wrong_translations(translating):
    pairs = DatesTask().pairs("test")
    right = dict(zip(pairs.source, pairs.target, strict=True))
    translating(lambda i, text: right[text])
    assert match_dates(None, None, n_beams=1).fraction == 1
    translating(lambda i, text: right[text] if i != 7 else "1234-05-06")
    match = match_dates(None, None, n_beams=1)
    assert (match.n, match.n_correct) == (2000, 1999)
    source = pairs.source[7]
    assert match.failures == [(f"{source} -> 1234-05-06", f"{source} -> {right[source]}")]
    translating(lambda i, text: "")
    assert match_dates(None, None, n_beams=1).n_correct == 0
