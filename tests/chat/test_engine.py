import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.chat import ChatEngine, ContextLengthError, Message, Renderer
from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.models import GPT, GPTConfig, QuantizedGPT
from scratchgpt.text import ByteTokenizer, train_bpe

KINDS = ("float64", "float32", "int8")
ASKED = [Message("system", "be kind"), Message("user", "the user asks é")]


def make_model(tokenizer, kind="float64", block_size=64, **changes):
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": 12, "block_size": block_size, **changes}
    model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size), dtype=np.float64)
    for name, parameter in model.store.named.items():
        noise = random_stream(5, "test weights", name).standard_normal(parameter.shape)
        parameter.value[...] += (0.4 if parameter.decays else 0.1) * noise
    if kind == "int8":
        return QuantizedGPT(model.astype(np.float32))
    return model.astype(np.dtype(kind))


@pytest.fixture(params=[True, False], ids=["kernels", "numpy"])
def with_kernels(request):
    if request.param:
        yield
    else:
        with kernels.disabled():
            yield


def ids(pieces):
    return [token.token for piece in pieces for token in piece.tokens]


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("with_kernels")
def test_an_answer_is_what_generate_samples_with_the_same_seed(tokenizer, kind):
    model = make_model(tokenizer, kind)
    engine = ChatEngine(model, tokenizer)
    prompt = Renderer(tokenizer).prompt(ASKED).tokens
    sampling = SamplingConfig(0.9, top_k=40, top_p=0.95, min_p=0.001, repetition_penalty=1.1)
    ends = engine.renderer.ends
    options = {"max_new_tokens": 30, "sampling": sampling}
    for seed in range(2):
        expected = generate(
            model,
            [prompt],
            **options,
            num_samples=2,
            seed=seed,
            end_of_text=ends,
            vocab_size=tokenizer.vocab_size,
        )
        for sample, one in enumerate(expected):
            pieces = list(engine.stream(ASKED, **options, seed=seed, sample=sample))
            n_kept = len(one.tokens) - (one.finish_reason == "end_of_text")
            assert ids(pieces) == one.tokens[:n_kept].tolist()
            assert text_of(pieces) == tokenizer.decode(one.tokens[:n_kept])
            assert pieces[-1].n_new == len(one.tokens)
            reasons = {"end_of_text": "stop", "length": "length"}
            assert pieces[-1].finish_reason == reasons[one.finish_reason]
            assert {piece.finish_reason for piece in pieces[:-1]} <= {None}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("with_kernels")
def test_a_second_turn_computes_only_what_is_new(tokenizer, kind):
    model = make_model(tokenizer, kind, block_size=120)
    engine = ChatEngine(model, tokenizer)
    [*_, last] = engine.stream(ASKED, max_new_tokens=9, seed=1)
    assert last.n_prefilled == last.n_prompt
    again = list(engine.stream(ASKED, max_new_tokens=9, seed=1))
    assert again[0].n_prefilled == 1  # the last token of the prompt, for its logits
    # A conversation in which the answer is known is not read again, but for its end.
    known = [*ASKED, Message("assistant", "yes"), Message("user", "why")]
    [*_, first] = engine.stream(known, max_new_tokens=12, seed=2)
    more = [*known, Message("assistant", "so"), Message("user", "ok")]
    pieces = list(engine.stream(more, max_new_tokens=12, seed=3))
    n_common = len(Renderer(tokenizer).prompt(known).tokens)
    assert pieces[-1].n_prompt - pieces[-1].n_prefilled >= n_common
    assert pieces[-1].n_prefilled < first.n_prompt
    fresh = list(ChatEngine(model, tokenizer).stream(more, max_new_tokens=12, seed=3))
    assert ids(fresh) == ids(pieces)
    assert fresh[0].n_prefilled == fresh[0].n_prompt


def test_an_answer_that_is_in_the_cache_is_not_computed_again(tokenizer):
    model = make_model(tokenizer, block_size=120)
    engine = ChatEngine(model, tokenizer)
    greedy = SamplingConfig(temperature=0)
    for seed in range(20):  # until the sampled tokens are those of their text
        sampling = greedy if seed == 0 else SamplingConfig()
        pieces = list(engine.stream(ASKED, max_new_tokens=4, seed=seed, sampling=sampling))
        if tokenizer.encode(text_of(pieces)).tolist() == ids(pieces):
            break
    else:
        pytest.fail("no answer is made of the tokens of its text")
    answer = Message("assistant", text_of(pieces))
    follow = [*ASKED, answer, Message("user", "ab")]
    [*_, last] = engine.stream(follow, max_new_tokens=1)
    n_end = 1 + (pieces[-1].finish_reason == "length")  # a last token that was not read, the end
    n_user = len(Renderer(tokenizer).prompt([Message("user", "ab")]).tokens) - 1
    assert last.n_prefilled == n_end + n_user


def test_pieces_are_whole_characters_and_stop_strings_end_the_answer(tokenizer):
    engine = ChatEngine(make_model(tokenizer), tokenizer)
    whole = text_of(engine.stream(ASKED, max_new_tokens=40, seed=4))
    stop = whole[5:7]
    pieces = list(engine.stream(ASKED, max_new_tokens=40, seed=4, stop=[stop]))
    assert text_of(pieces) == whole[: whole.index(stop)]
    assert pieces[-1].finish_reason == "stop"
    assert all(stop not in piece.text for piece in pieces)


def test_every_marker_ends_an_answer(tokenizer):
    model = make_model(tokenizer, tied_head=False)
    engine = ChatEngine(model, tokenizer)
    for end in engine.renderer.ends:
        model.transformer.ln_f.weight.value[...] = 0
        model.transformer.ln_f.bias.value[...] = 9
        model.lm_head.weight.value[...] = 0
        model.lm_head.weight.value[end] = 1
        [piece] = ChatEngine(model, tokenizer).stream(ASKED)
        assert (piece.text, piece.tokens, piece.n_new) == ("", (), 1)
        assert piece.finish_reason == "stop"


@pytest.mark.usefixtures("with_kernels")
def test_log_probabilities_are_those_of_the_model(tokenizer, assert_close):
    model = make_model(tokenizer, "float32")
    engine = ChatEngine(model, tokenizer)
    prompt = Renderer(tokenizer).prompt(ASKED).tokens
    sampling = SamplingConfig(temperature=0.7, top_k=3)
    pieces = list(engine.stream(ASKED, max_new_tokens=6, sampling=sampling, n_top=4))
    text = [*prompt, *ids(pieces)]
    logits = model.forward(np.array([text]))[0][0].astype(np.float64)  # (T, V)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    for place, piece in enumerate(pieces[:-1], start=len(prompt) - 1):
        [(token, log_prob, top)] = piece.tokens
        order = np.argsort(-log_p[place], kind="stable")[:4]
        assert [one for one, _ in top] == order.tolist()
        assert_close([value for _, value in top], log_p[place][order], 1e-5)
        assert_close(log_prob, log_p[place][token], 1e-5)
    [first, *_] = engine.stream(ASKED, max_new_tokens=6, sampling=sampling, n_top=0)
    assert first.tokens[0].top == ()
    assert first.tokens[0].log_prob == pytest.approx(pieces[0].tokens[0].log_prob, abs=1e-5)
    [first, *_] = engine.stream(ASKED, max_new_tokens=6, sampling=sampling)
    assert first.tokens[0].log_prob is None


def test_an_answer_can_be_cancelled_before_each_token(tokenizer):
    engine = ChatEngine(make_model(tokenizer), tokenizer)
    whole = list(engine.stream(ASKED, max_new_tokens=8, seed=4))
    for n in range(4):
        answers = iter([False] * n + [True])
        pieces = list(
            engine.stream(ASKED, max_new_tokens=8, seed=4, canceled=lambda a=answers: next(a))
        )
        assert ids(pieces) == ids(whole)[:n]
        assert (pieces[-1].n_new, pieces[-1].finish_reason) == (n, "canceled")
        cut = text_of(pieces)  # an incomplete character is shown as such
        assert cut.removesuffix("\ufffd") == text_of(whole[:n]).removesuffix("\ufffd")


def test_an_interruption_leaves_the_engine_usable(tokenizer):
    engine = ChatEngine(make_model(tokenizer), tokenizer)
    expected = ids(engine.stream(ASKED, max_new_tokens=8, seed=4))
    other = engine.stream([Message("user", "other")], max_new_tokens=8)
    next(other)
    step = TokenStep.__call__

    def interrupted(*arguments):
        step(*arguments)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TokenStep, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(engine.stream(ASKED, max_new_tokens=8))
    assert ids(engine.stream(ASKED, max_new_tokens=8, seed=4)) == expected
    with pytest.raises(RuntimeError, match="one at a time"):
        next(other)


def test_the_oldest_turns_are_left_out_and_a_last_turn_that_is_too_long_is_refused(tokenizer):
    engine = ChatEngine(make_model(tokenizer, block_size=32), tokenizer)
    turn = [Message("user", "x" * 8), Message("assistant", "y" * 4)]
    [*_, last] = engine.stream([*turn, turn[0]], max_new_tokens=8, seed=1)
    assert last.n_dropped == 2
    [*_, last] = engine.stream([turn[0]], max_new_tokens=100, seed=1)
    assert last.finish_reason == "stop" or last.n_prompt + last.n_new == 33
    with pytest.raises(ContextLengthError, match="take 33 tokens, and block_size=32") as caught:
        engine.stream([Message("user", "x" * 29)])
    assert (caught.value.n_tokens, caught.value.block_size) == (33, 32)


def test_plain_text_is_continued_as_generate_does(tokenizer):
    model = make_model(tokenizer, block_size=24)
    engine = ChatEngine(model, tokenizer)
    prompt = tokenizer.encode("the user")
    [expected] = generate(
        model,
        [prompt],
        max_new_tokens=12,
        seed=3,
        end_of_text=tokenizer.end_of_text,
        vocab_size=tokenizer.vocab_size,
    )
    for start in ("the user", prompt, prompt.tolist()):
        pieces = list(engine.complete(start, max_new_tokens=12, seed=3))
        assert ids(pieces) == expected.tokens[: len(ids(pieces))].tolist()
        assert text_of(pieces) == tokenizer.decode(np.array(ids(pieces)))
    [*_, last] = engine.complete("", max_new_tokens=10**9)
    assert last.n_prompt == 1
    assert last.n_prompt + last.n_new <= 25
    with pytest.raises(ContextLengthError, match="26 tokens, more than the model's block_size=24"):
        engine.complete([1] * 26)
    with pytest.raises(UserError, match="outside the model's vocabulary"):
        engine.complete([10**6])


def test_a_model_without_markers_continues_text_and_answers_nothing():
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=16, vocab_size=256))
    engine = ChatEngine(model, ByteTokenizer())
    assert len(list(engine.complete("ab", max_new_tokens=3))) == 3
    with pytest.raises(UserError, match="scratchgpt sft"):
        engine.stream(ASKED)
    with pytest.raises(UserError, match="do not belong together"):
        ChatEngine(model, train_bpe(["ab"], 257))


def test_bad_arguments_are_refused_before_the_first_piece(tokenizer):
    engine = ChatEngine(make_model(tokenizer), tokenizer)
    for name, value in {"max_new_tokens": 0, "seed": -1, "sample": -1, "n_top": -1}.items():
        with pytest.raises(UserError, match=f"{name}={value}"):
            engine.stream(ASKED, **{name: value})
    with pytest.raises(UserError, match="a stop string is empty"):
        engine.stream(ASKED, stop=[""])
