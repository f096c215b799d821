import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.generation import (
    SamplingConfig,
    StopMatcher,
    check_tokenizer,
    fits_vocabulary,
    generate,
    generate_text,
)
from scratchgpt.text import (
    ByteFallbackTokenizer,
    ByteTokenizer,
    CharacterTokenizer,
    WordBPETokenizer,
    train_bpe,
)

LETTERS = CharacterTokenizer("abcdefghijklmnopqrstuv\n")  # 23, as in the test models
BYTES = ByteTokenizer()


@pytest.fixture(scope="module")
def bpe():
    """A tokenizer with an end_of_text token."""
    return train_bpe(["a small text is enough; a small vocabulary too"], 270)


@pytest.fixture
def scripted(monkeypatch):
    """Make the model generate given tokens, whatever the prompt."""

    def script(model, tokens):
        def extend(self, new, cache, counts=None):
            counts = np.full(len(new), new.shape[1]) if counts is None else counts
            cache.lengths += counts
            logits = np.zeros((len(new), self.config.vocab_size))
            if new.shape[1] == 1:
                script.step += 1
                logits[:, tokens[min(script.step, len(tokens)) - 1]] = 100
            return logits

        script.step = 0
        monkeypatch.setattr(type(model), "extend", extend)
        return model

    return script


def test_the_text_is_what_the_tokens_of_the_encoded_prompt_decode_to(make_model):
    model = make_model()
    results = generate_text(model, LETTERS, ["ab", "q"], max_new_tokens=30, num_samples=2, seed=4)
    ids = [LETTERS.encode("ab"), LETTERS.encode("q")]
    expected = generate(model, ids, max_new_tokens=30, num_samples=2, seed=4)
    assert [r.tokens.tolist() for r in results] == [r.tokens.tolist() for r in expected]
    assert [r.text for r in results] == [LETTERS.decode(r.tokens) for r in expected]
    assert [r.prompt for r in results] == ["ab", "ab", "q", "q"]
    assert {r.finish_reason for r in results} == {"length"}


@pytest.fixture(scope="module")
def words():
    """A tokenizer like that of GPT-1: tokens mark the end of a word and contain no space."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocab = {"<unk>": 0, "a</w>": 1, "b": 2, "b</w>": 3, "c</w>": 4}
    backend = Tokenizer(models.BPE(vocab, [], unk_token="<unk>", end_of_word_suffix="</w>"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.BPEDecoder(suffix="</w>")
    return WordBPETokenizer(json.loads(backend.to_str()))


@pytest.mark.parametrize("prompt", ["a", " a b ", "", " "])
def test_between_a_prompt_and_what_follows_is_a_space_where_a_word_ended(make_model, words, prompt):
    model = make_model(vocab_size=5)
    pieces = []
    [result] = generate_text(
        model,
        words,
        [prompt],
        max_new_tokens=12,
        seed=3,
        on_text=lambda _prompt, _sample, piece: pieces.append(piece),
    )
    assert "".join(pieces) == result.text
    before = words.encode(prompt).tolist()
    whole = words.decode(before + result.tokens.tolist())
    assert words.decode(before) + result.text == whole


@pytest.mark.parametrize(
    ("stop", "is_met"),
    [([], False), (["h"], True), (["hj", "dv", "f"], True), (["never there"], False)],
)
def test_stop_strings_cut_the_free_text_and_streamed_pieces_make_it_up(make_model, stop, is_met):
    model = make_model()
    prompts = ["ab", "q", "hjhjhjhjhjhjhj", "dvf"]
    options = {"max_new_tokens": 60, "num_samples": 2, "seed": 6}
    streamed = {}

    def on_text(prompt_index, sample_index, piece):
        assert piece
        streamed.setdefault((prompt_index, sample_index), []).append(piece)

    free = generate_text(model, LETTERS, prompts, **options)
    cut = generate_text(model, LETTERS, prompts, stop=stop, on_text=on_text, **options)
    assert any(result.finish_reason == "stop" for result in cut) == is_met
    for i, (a, b) in enumerate(zip(free, cut, strict=True)):
        matcher = StopMatcher(stop)
        assert b.text == matcher.push(a.text) + matcher.flush()
        assert b.finish_reason == ("stop" if matcher.stopped else "length")
        assert "".join(streamed.get((i // 2, i % 2), [])) == b.text
        assert b.tokens.tolist() == a.tokens.tolist()[: len(b.tokens)]
        if matcher.stopped:  # no token after the one that completed the stop string
            assert any(LETTERS.decode(b.tokens).endswith(s) for s in stop)
            assert not any(s in LETTERS.decode(b.tokens[:-1]) for s in stop)


def test_a_stop_string_in_the_prompt_or_across_its_end_does_not_count(make_model, scripted):
    model = scripted(make_model(), LETTERS.encode("bcab"))
    [result] = generate_text(model, LETTERS, ["aba"], stop=["ab"])
    assert (result.text, result.finish_reason) == ("bc", "stop")


def test_a_character_of_several_tokens_is_streamed_whole(make_model, scripted):
    text = "aé€😀."
    model = scripted(make_model(vocab_size=256, block_size=64), list(text.encode()))
    pieces = []
    [result] = generate_text(
        model,
        BYTES,
        ["x"],
        max_new_tokens=len(text.encode()),
        on_text=lambda _prompt, _sample, piece: pieces.append(piece),
    )
    assert pieces == list(text)
    assert result.text == text


def test_a_stop_string_with_a_character_of_several_tokens_is_found(make_model, scripted):
    model = scripted(make_model(vocab_size=256, block_size=64), list("na, é! ja".encode()))
    [result] = generate_text(model, BYTES, ["x"], stop=["é!"])
    assert result.text == "na, "
    assert len(result.tokens) == len("na, é!".encode())


def test_a_character_cut_by_the_length_is_shown_as_a_replacement(make_model, scripted):
    model = scripted(make_model(vocab_size=256, block_size=64), list("a😀".encode()))
    [result] = generate_text(model, BYTES, ["x"], max_new_tokens=3)
    assert result.text == BYTES.decode(result.tokens)
    assert result.text.startswith("a\ufffd")


@pytest.mark.parametrize(
    ("stop", "text", "reason"),
    [("b!", "ab\ufffd", "length"), ("b\ufffd", "a", "stop"), ("\ufffd", "ab", "stop")],
)
def test_stop_strings_apply_to_the_replacement_at_the_end_too(
    make_model, scripted, stop, text, reason
):
    model = scripted(make_model(vocab_size=256, block_size=64), list("ab😀".encode()))
    [result] = generate_text(model, BYTES, ["x"], max_new_tokens=4, stop=[stop])
    assert (result.text, result.finish_reason) == (text, reason)


def test_what_was_held_back_comes_out_when_no_stop_follows(make_model, scripted):
    model = scripted(make_model(), LETTERS.encode("abc"))
    pieces = []
    [result] = generate_text(
        model,
        LETTERS,
        ["q"],
        max_new_tokens=3,
        stop=["bcd"],
        on_text=lambda _prompt, _sample, piece: pieces.append(piece),
    )
    assert pieces == ["a", "bc"]
    assert (result.text, result.finish_reason) == ("abc", "length")


def test_the_text_ends_before_end_of_text(make_model, bpe, scripted):
    tokens = [*bpe.encode("so small"), bpe.end_of_text, *bpe.encode("more")]
    model = scripted(make_model(vocab_size=bpe.vocab_size, block_size=64), tokens)
    [result] = generate_text(model, bpe, ["x"])
    assert (result.text, result.finish_reason) == ("so small", "end_of_text")
    assert result.tokens.tolist() == tokens[: tokens.index(bpe.end_of_text) + 1]


def test_an_empty_prompt_starts_from_end_of_text(make_model, bpe):
    model = make_model(vocab_size=bpe.vocab_size)
    [result] = generate_text(model, bpe, [""], max_new_tokens=9, seed=2)
    options = {"max_new_tokens": 9, "seed": 2, "end_of_text": bpe.end_of_text}
    [expected] = generate(model, [[bpe.end_of_text]], **options)
    assert result.tokens.tolist() == expected.tokens.tolist()
    assert result.prompt == ""


def test_an_empty_prompt_starts_from_a_newline_without_end_of_text(make_model):
    model = make_model()
    [empty] = generate_text(model, LETTERS, [""], max_new_tokens=9, seed=1)
    [newline] = generate_text(model, LETTERS, ["\n"], max_new_tokens=9, seed=1)
    assert empty.text == newline.text


def test_an_empty_prompt_starts_from_the_first_token_without_newline(make_model):
    model, one_line = make_model(), CharacterTokenizer(" abcdefghijklmnopqrstuv")
    [empty] = generate_text(model, one_line, [""], max_new_tokens=9, seed=1)
    [space] = generate_text(model, one_line, [" "], max_new_tokens=9, seed=1)
    assert empty.text == space.text


def test_a_prompt_with_unseen_characters_is_refused(make_model):
    with pytest.raises(UserError, match="no token for 'é'"):
        generate_text(make_model(), LETTERS, ["abé"])


def test_the_tokenizer_of_another_model_is_refused(make_model):
    with pytest.raises(UserError, match="tokenizer has 3 tokens but the model has 2,"):
        generate_text(make_model(vocab_size=2), CharacterTokenizer("abc"), ["a"])


def test_one_string_in_place_of_a_list_of_prompts_is_refused(make_model):
    with pytest.raises(TypeError, match="list of strings"):
        generate_text(make_model(), LETTERS, "abc")


def test_special_tokens_encodes_end_of_text_in_a_prompt(make_model, bpe):
    model, prompt = make_model(vocab_size=bpe.vocab_size, block_size=64), "so<|endoftext|>small"
    ids = [*bpe.encode("so"), bpe.end_of_text, *bpe.encode("small")]
    for options, tokens in (({"special_tokens": True}, ids), ({}, bpe.encode(prompt))):
        [result] = generate_text(model, bpe, [prompt], max_new_tokens=9, seed=3, **options)
        [expected] = generate(
            model, [tokens], max_new_tokens=9, seed=3, end_of_text=bpe.end_of_text
        )
        assert result.tokens.tolist() == expected.tokens.tolist()


@pytest.mark.parametrize("temperature", [0, 1])
def test_padding_rows_are_never_sampled(make_model, temperature):
    """A model with 64 rows generates the same as one with the 23 rows of the tokens."""
    model, padded = make_model(), make_model(vocab_size=64)
    for name, parameter in model.store.named.items():
        value = padded.store.named[name].value
        value[: len(parameter.value)] = parameter.value
    padded.lm_head.weight.value[23:] = 100 * padded.lm_head.weight.value[:41]  # most probable
    options = {
        "sampling": SamplingConfig(temperature=temperature, top_k=9, repetition_penalty=1.3),
        **{"max_new_tokens": 20, "num_samples": 3, "seed": 5},
    }
    results, expected = (generate_text(m, LETTERS, ["ab"], **options) for m in (padded, model))
    assert [r.tokens.tolist() for r in results] == [r.tokens.tolist() for r in expected]
    drawn = generate(padded, [LETTERS.encode("ab")], **options)
    assert max(r.tokens.max() for r in drawn) >= 23


def test_a_table_may_have_any_number_of_padding_rows_but_not_fewer_rows_than_tokens(make_model):
    assert [n for n in range(300) if fits_vocabulary(23, n)] == list(range(23, 300))
    for n_rows in (23, 24, 63, 192):
        check_tokenizer(make_model(vocab_size=n_rows), LETTERS)
    with pytest.raises(UserError, match="tokenizer has 23 tokens but the model has 22"):
        check_tokenizer(make_model(vocab_size=22), LETTERS)


def test_padded_gpt2_is_gpt2():
    assert fits_vocabulary(50257, 50304)
    assert not fits_vocabulary(50304, 50257)


def test_a_transformer_has_no_padding_rows(make_transformer):
    model = make_transformer(vocab_size=64)
    with pytest.raises(UserError, match="tokenizer has 23 tokens but the model has 64"):
        check_tokenizer(model, LETTERS)


def test_a_prompt_begins_with_the_start_token_of_its_tokenizer(make_model, families):
    content = families.content("Llama-2-7b")
    tokenizer = ByteFallbackTokenizer.from_json(content)
    model = make_model(vocab_size=tokenizer.vocab_size)
    first = tokenizer.special_token("<s>")
    prompts = ["The user", "</s>", ""]
    tokens = [[first, *tokenizer.encode(prompt)] for prompt in prompts]
    results = generate_text(model, tokenizer, prompts, max_new_tokens=5, seed=3)
    expected = generate(model, tokens, max_new_tokens=5, seed=3, vocab_size=tokenizer.vocab_size)
    for result, tokens_of_prompt, one in zip(results, tokens, expected, strict=True):
        np.testing.assert_array_equal(result.tokens, one.tokens)
        whole = tokenizer.decode([*tokens_of_prompt, *one.tokens])
        assert tokenizer.decode(tokens_of_prompt) + result.text == whole
