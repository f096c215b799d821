import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.finetuning import InputRows, TextClassifier
from scratchgpt.models import GPT, GPTConfig, save_pretrained
from scratchgpt.text import ByteTokenizer

TEXTS = {
    "classification": ["abc", "a", "some longer text"],
    "entailment": [("ab", "c"), ("d", "efg")],
    "paraphrase": [("ab", "c"), ("d", "efg")],
    "similarity": [("ab", "c"), ("d", "efg")],
    "choice": [("ab", "c", "de"), ("f", "g", "hij")],
}


@pytest.fixture
def classifier(make_model):
    def make(problem, **changes):
        model = make_model(problem, vocab_size=259, block_size=16, **changes)
        return TextClassifier(model, ByteTokenizer())

    return make


def test_predictions_are_those_of_single_examples(problem, classifier, assert_close):
    one = classifier(problem, center=2.0, spread=3.0)
    logits = one.logits(TEXTS[problem])
    for example, row, prediction in zip(
        TEXTS[problem], logits, one.predict(TEXTS[problem]), strict=True
    ):
        texts = [example] if isinstance(example, str) else example
        rows = InputRows(one.tokenizer, one.model.config)([texts])[0]
        tokens = np.zeros((1, len(rows), max(map(len, rows))), np.int64)
        for line, tokens_of_row in zip(tokens[0], rows, strict=True):
            line[: len(tokens_of_row)] = tokens_of_row
        outputs, _ = one.model.forward(tokens, np.array([[len(r) for r in rows]]))
        assert_close(outputs.logits[0], row, 1e-12)
        if problem == "similarity":
            assert prediction == (None, pytest.approx(2 + 3 * row[0]), {})
        else:
            p = np.exp(row) / np.exp(row).sum()
            best = int(row.argmax())
            assert prediction.label == one.labels[best]
            assert prediction.score == pytest.approx(p[best])
            shown = list(prediction.probabilities.values())
            assert shown == sorted(shown, reverse=True)
            assert sum(shown) == pytest.approx(1)


def test_long_examples_are_counted(classifier):
    one = classifier("classification")
    one.predict(["x" * 14, "x" * 15, "x" * 100])
    assert one.n_truncated == 2


@pytest.mark.parametrize(
    ("problem", "examples", "message"),
    [
        ("classification", ["a", " "], "text of example 2 is empty"),
        ("entailment", ["a"], "example 1 has 1 text, not 2: premise, hypothesis"),
        ("classification", [("a", "b")], "example 1 has 2 texts, not 1: text"),
        ("classification", [(3,)], "example 1 has 1 text"),
    ],
)
def test_examples_that_do_not_fit_are_refused(classifier, problem, examples, message):
    with pytest.raises(UserError, match=message):
        classifier(problem).predict(examples)


def test_scores_have_no_probabilities(classifier):
    with pytest.raises(UserError, match="similarity has no labels"):
        classifier("similarity").probabilities([("a", "b")])


def test_damaged_weights_are_refused(classifier):
    one = classifier("classification")
    one.model.classifier.bias.value[0] = np.nan
    with pytest.raises(UserError, match="NaN or infinity"):
        one.predict(["a"])


def test_a_classifier_is_loaded_with_its_labels(classifier, tmp_path):
    one = classifier("paraphrase")
    save_pretrained(one.model, tmp_path)
    one.tokenizer.save(tmp_path / "tokenizer.json")
    again = TextClassifier.from_pretrained(tmp_path, dtype=np.float64)
    assert again.predict(TEXTS["paraphrase"]) == one.predict(TEXTS["paraphrase"])


def test_other_models_and_tokenizers_are_refused(classifier, make_model, tmp_path):
    gpt = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=8, vocab_size=256))
    save_pretrained(gpt, tmp_path)
    with pytest.raises(UserError, match="continues texts, it does not predict labels"):
        TextClassifier.from_pretrained(tmp_path)
    with pytest.raises(UserError, match="256 tokens but the model has 258, of which 3"):
        TextClassifier(make_model(vocab_size=258), ByteTokenizer())
