"""Labels by likelihood: the scores, calibration, boundaries and long texts."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import ByteTokenizer, train_bpe
from scratchgpt.text.tokenizers.bpe import BPETokenizer
from scratchgpt.zero_shot import LanguageModel, classify
from scratchgpt.zero_shot.by_likelihood import ByLikelihood
from scratchgpt.zero_shot.labels import parse_labels

TEMPLATE = "T: {text} is {}!"
NAMES = ["war", "art", "sports"]
TEXT = "a goal"


def scorer(language_model, names=NAMES, template=TEMPLATE, norm="none", calibrate=False, **options):
    content_free = options.pop("content_free", ["N/A", ""])
    return ByLikelihood(
        language_model,
        parse_labels(names),
        template,
        norm=norm,
        calibrate=calibrate,
        content_free=content_free,
    )


@pytest.fixture
def expected(whole_pass):
    """Return the log-probability of " NAME!" after a prompt, by a forward pass for each."""

    def compute(language_model, prompt):
        model, encode = language_model.model, language_model.tokenizer.encode
        return np.array(
            [whole_pass(model, encode(prompt), encode(f" {name}!")).sum() for name in NAMES]
        )

    return compute


def test_log_likelihoods_are_those_of_whole_forward_passes(language_model, expected, assert_close):
    found = scorer(language_model).log_likelihoods([TEXT, "b"])
    prompts = ["T: a goal is", "T: b is"]
    assert_close(found, [expected(language_model, prompt) for prompt in prompts], 1e-12)


def test_norms(language_model, expected, assert_close):
    raw, domain = (expected(language_model, p) for p in ("T: a goal is", " is"))
    lengths = np.array([len(f" {name}!") for name in NAMES])
    for norm, z in {
        "none": raw,
        "tokens": raw / lengths,
        "bytes": raw / lengths,
        "pmi": raw - domain,
    }.items():
        way = scorer(language_model, norm=norm)
        assert_close(way.logits([TEXT], alone=False), [z], 1e-12)
        reference = {"none": domain, "pmi": 0}.get(norm, domain / lengths)
        assert_close(way.logits([TEXT], alone=True), [z - reference], 1e-11)


def test_calibration_divides_by_the_mean_probability_after_texts_without_content(
    language_model, expected, assert_close
):
    raw = expected(language_model, "T: a goal is")
    free = [expected(language_model, f"T: {text} is") for text in ("N/A", "")]
    p = np.mean([np.exp(z) / np.exp(z).sum() for z in free], axis=0)  # Zhao et al., section 5
    way = scorer(language_model, calibrate=True)
    assert_close(way.logits([TEXT], alone=False), [raw - np.log(p)], 1e-10)
    assert_close(way.logits([TEXT], alone=True), [raw - np.mean(free, axis=0)], 1e-10)


@pytest.mark.parametrize("norm", ["none", "pmi"])
def test_scores_are_those_of_the_logits_of_transformers(
    torch, transformers, tmp_path, norm, assert_close
):
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        n_layer=2, n_head=2, n_embd=16, n_positions=32, vocab_size=256, initializer_range=0.5
    )
    peer = transformers.GPT2LMHeadModel(config).eval().double()
    peer.save_pretrained(tmp_path / "gpt2")
    model = LanguageModel(GPT.from_pretrained(tmp_path / "gpt2", dtype=np.float64), ByteTokenizer())

    def log_p(prompt, ending):
        n_prompt, tokens = len(prompt), torch.tensor(list((prompt + ending).encode()))
        with torch.no_grad():
            theirs = peer(tokens[None]).logits[0].log_softmax(-1)
        return theirs[n_prompt - 1 : -1].gather(1, tokens[n_prompt:, None]).sum()

    z = [log_p("a goal\nIt is", f" {n}") - (norm == "pmi") * log_p("It is", f" {n}") for n in NAMES]
    expected = dict(zip(NAMES, torch.stack(z).softmax(0).tolist(), strict=True))
    options = {"by": "likelihood", "norm": norm, "hypothesis_template": "It is {}"}
    result = classify(TEXT, NAMES, model=model, **options)
    assert_close(result["scores"], [expected[name] for name in result["labels"]], 1e-10)


def test_without_a_place_for_the_text_the_template_is_on_the_next_line(
    language_model, expected, assert_close
):
    way = scorer(language_model, template="It is {}!", norm="pmi")
    z = expected(language_model, "a goal\nIt is") - expected(language_model, "It is")
    assert_close(way.logits([TEXT], alone=False), [z], 1e-11)


def test_braces_in_a_text_are_text(language_model, expected, assert_close):
    found = scorer(language_model).log_likelihoods(["{} {text}"])
    assert_close(found, [expected(language_model, "T: {} {text} is")], 1e-12)


def test_a_long_text_loses_its_beginning(make_language_model, expected, assert_close):
    model = make_language_model(block_size=20)
    way = scorer(model)
    found = way.log_likelihoods(["x" * 30 + "goal", "ok"])
    assert way.n_truncated == 1
    room = 20 + 1 - len(" sports!")
    assert_close(found[0], expected(model, ("x" * 30 + "goal is")[-room:]), 1e-12)
    assert scorer(model, calibrate=True, content_free=["x" * 50]).n_truncated == 0


def test_a_template_that_leaves_no_room_is_refused(make_language_model):
    model = make_language_model(block_size=20)
    with pytest.raises(UserError, match="21 tokens, which leaves no room for the text") as caught:
        scorer(model, template="{text} 1234567890123 {}")
    assert "context has 20" in str(caught.value)
    scorer(model, template="{text} 123456789012 {}")


@pytest.fixture(scope="module")
def bpe():
    """A tokenizer that knows a few whole words."""
    return train_bpe(["sports business It is. sports business It is."] * 9, 290)


def test_labels_whose_tokens_depend_on_the_prompt_are_refused(make_gpt, bpe):
    model = LanguageModel(make_gpt(vocab_size=bpe.vocab_size), bpe)
    way = scorer(model, ["sports", "business"], "It is {}")
    assert way.logits(["x"], alone=False).shape == (1, 2)
    with pytest.raises(UserError, match=r"the tokens of 'ports' change after .*put a space"):
        scorer(model, ["ports"], "It is s{}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "byte"}, "norm='byte' must be one of none, tokens, bytes, pmi; did you mean"),
        ({"template": "{} {text}"}, "must have {text} once, and before {}"),
        ({"template": "{text} {text} {}"}, "must have {text} once"),
    ],
)
def test_options_that_are_refused(language_model, options, message):
    with pytest.raises(UserError) as caught:
        scorer(language_model, **options)
    assert message in str(caught.value)


def test_descriptions_are_not_used_and_that_is_said(language_model):
    options = {"model": language_model, "by": "likelihood"}
    with pytest.warns(UserWarning, match="1 description of labels not used"):
        described = classify(TEXT, ["war", "art: pictures"], **options)
    assert described == classify(TEXT, ["war", "art"], **options)


@pytest.mark.parametrize("name", ["Llama-2-7b", "Mistral-7B-v0.3", "Llama-3-8B"])
def test_a_prompt_begins_with_the_start_token_and_a_label_continues_it(
    name, families, whole_pass, assert_close
):
    tokenizer = BPETokenizer(families.content(name))
    config = GPTConfig(
        n_layer=1, n_head=1, n_embd=4, block_size=64, vocab_size=tokenizer.vocab_size
    )
    model = GPT(config, dtype=np.float64)
    way = scorer(LanguageModel(model, tokenizer), template="T: {text} is {}")
    prompt = tokenizer.encode_prompt("T: a goal is")
    labels = [tokenizer.encode_prompt(f"T: a goal is {one}")[len(prompt) :] for one in NAMES]
    expected = [whole_pass(model, prompt, label).sum() for label in labels]
    assert prompt[0] == tokenizer.encode_prompt("")[0]
    assert_close(way.log_likelihoods([TEXT]), [expected], 1e-12)
