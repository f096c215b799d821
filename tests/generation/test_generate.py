import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate, window_start
from scratchgpt.generation.sampling import draw, probabilities

GREEDY = SamplingConfig(temperature=0)
VARIED = SamplingConfig(temperature=1.3, top_k=12, top_p=0.95, repetition_penalty=1.2)
PROMPTS = [[5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [3, 3], list(range(20)) * 2, [7, 1, 4, 9, 2]]


def uncached(model, prompt, n, sampling=GREEDY, stream=None):
    """Generate without a cache and without a batch: a whole forward pass per token."""
    text = list(prompt)
    for _ in range(n):
        visible = text[window_start(len(text), model.config.block_size) :]
        logits = model.forward(np.array([visible]))[0][0, -1]
        seen = np.isin(np.arange(len(logits)), text)
        p = probabilities(logits, sampling, seen)
        text.append(int(draw(p, stream.random()) if stream else p.argmax()))
    return text[len(prompt) :]


def tokens_of(results):
    return [result.tokens.tolist() for result in results]


@pytest.mark.parametrize("norm_position", ["pre", "post"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_greedy_equals_the_uncached_model_for_hundreds_of_tokens_past_the_block(
    make_model, norm_position, dtype
):
    model = make_model(dtype, norm_position=norm_position)
    results = generate(model, PROMPTS, max_new_tokens=250, sampling=GREEDY)
    assert tokens_of(results) == [uncached(model, prompt, 250) for prompt in PROMPTS]
    assert min(len(set(tokens)) for tokens in tokens_of(results)) > 3  # not always the same token


def test_sampling_with_every_option_equals_the_uncached_model(make_model):
    model = make_model()
    results = generate(model, PROMPTS, max_new_tokens=60, sampling=VARIED, num_samples=2, seed=3)
    expected = [
        uncached(model, prompt, 60, VARIED, random_stream(3, "sample", i))
        for prompt in PROMPTS
        for i in range(2)
    ]
    assert tokens_of(results) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_batch_gives_each_prompt_what_it_gets_alone(make_model, dtype):
    model = make_model(dtype)
    options = {"max_new_tokens": 40, "sampling": VARIED, "num_samples": 3, "seed": 9}
    together = generate(model, PROMPTS, **options)
    alone = [result for prompt in PROMPTS for result in generate(model, [prompt], **options)]
    assert tokens_of(together) == tokens_of(alone)


def test_a_sample_does_not_depend_on_how_many_there_are(make_model):
    model = make_model()
    three = generate(model, [[1, 2]], max_new_tokens=20, num_samples=3, seed=1)
    one = generate(model, [[1, 2]], max_new_tokens=20, num_samples=1, seed=1)
    assert tokens_of(three)[0] == tokens_of(one)[0]
    assert len({tuple(tokens) for tokens in tokens_of(three)}) == 3


def test_the_seed_decides(make_model):
    model = make_model()

    def run(seed):
        return tokens_of(generate(model, [[1, 2]], max_new_tokens=20, seed=seed))

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_two_calls_continue_a_text_like_one_call(make_model):
    model = make_model()
    [whole] = tokens_of(generate(model, [[4, 2]], max_new_tokens=33, sampling=GREEDY))
    [first] = tokens_of(generate(model, [[4, 2]], max_new_tokens=15, sampling=GREEDY))
    [rest] = tokens_of(generate(model, [[4, 2, *first]], max_new_tokens=18, sampling=GREEDY))
    assert first + rest == whole


def test_results_come_in_the_order_of_prompts_and_samples(make_model):
    results = generate(make_model(), [[1], [2]], max_new_tokens=3, num_samples=2)
    assert [(r.prompt_index, r.sample_index) for r in results] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert all(r.finish_reason == "length" and len(r.tokens) == 3 for r in results)


def test_end_of_text_ends_its_row_and_does_not_change_the_others(make_model):
    model = make_model()
    options = {"max_new_tokens": 60, "num_samples": 4, "sampling": VARIED}
    free = generate(model, PROMPTS, **options)
    ended = generate(model, PROMPTS, end_of_text=14, **options)
    assert {result.finish_reason for result in ended} == {"end_of_text", "length"}
    for a, b in zip(free, ended, strict=True):
        tokens = a.tokens.tolist()
        n = tokens.index(14) + 1 if 14 in tokens else len(tokens)
        assert b.tokens.tolist() == tokens[:n]
        assert b.finish_reason == ("end_of_text" if 14 in tokens else "length")


def test_the_callback_gets_each_sampled_token_and_can_end_a_sample(make_model):
    model = make_model()
    seen = {}

    def on_token(prompt_index, sample_index, token):
        tokens = seen.setdefault((prompt_index, sample_index), [])
        tokens.append(token)
        return (prompt_index, len(tokens)) == (1, 4)

    results = generate(model, [[1], [2]], max_new_tokens=9, num_samples=2, on_token=on_token)
    assert [(len(r.tokens), r.finish_reason) for r in results] == [
        (9, "length"),
        (9, "length"),
        (4, "stop"),
        (4, "stop"),
    ]
    for r in results:
        assert seen[r.prompt_index, r.sample_index] == r.tokens.tolist()


def test_the_callback_does_not_see_end_of_text(make_model):
    seen = []

    def on_token(prompt_index, sample_index, token):
        seen.append(token)
        return token == end

    [free] = generate(make_model(), [[1]], max_new_tokens=9)
    end = int(free.tokens[-1])
    options = {"max_new_tokens": 9, "end_of_text": end, "on_token": on_token}
    [ended] = generate(make_model(), [[1]], **options)
    assert ended.finish_reason == "end_of_text"
    assert seen == ended.tokens.tolist()[:-1]


def test_generation_stops_computing_when_every_sample_has_ended(make_model):
    calls = []

    def on_token(prompt_index, sample_index, token):
        calls.append(token)
        return True

    generate(make_model(), [[1], [2]], max_new_tokens=1000, on_token=on_token)
    assert len(calls) == 2


def test_the_penalty_counts_prompt_tokens_that_left_the_window(make_model):
    model = make_model()
    prompts = [[token] * 20 + [1, 2, 3, 4, 5, 6, 7] for token in range(8, 23)]
    plain = tokens_of(generate(model, prompts, sampling=GREEDY))
    assert all(tokens == plain[0] for tokens in plain)  # all have the same context window
    penalty = SamplingConfig(temperature=0, repetition_penalty=1.5)
    penalized = tokens_of(generate(model, prompts, sampling=penalty))
    assert penalized == [uncached(model, prompt, 100, penalty) for prompt in prompts]
    assert len({tuple(tokens) for tokens in penalized}) > 1


def test_no_prompts_give_no_results(make_model):
    assert generate(make_model(), []) == []


def test_inputs_are_unchanged(make_model):
    model = make_model()
    weights = model.store.values.copy()
    prompt = np.array([1, 2, 3])
    generate(model, [prompt], max_new_tokens=20)
    assert prompt.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(model.store.values, weights)


@pytest.mark.parametrize(
    ("prompts", "options", "message"),
    [
        ([[1], []], {}, "prompt 1 is empty; give at least one token"),
        ([[1], [2, 23]], {}, "prompt 1 has token id 23 at position 1.*0 to 22"),
        ([[-1]], {}, "token id -1 at position 0"),
        ([1, 2], {}, "prompt 0 must be a list of token ids"),
        ([[1.5]], {}, "prompt 0 must be a list of token ids, got float64"),
        ([[1]], {"max_new_tokens": 0}, "max_new_tokens=0 must be at least 1"),
        ([[1]], {"num_samples": 0}, "num_samples=0 must be at least 1"),
        ([[1]], {"seed": -1}, "seed=-1 must not be negative"),
    ],
)
def test_bad_input_is_an_error_of_one_line(make_model, prompts, options, message):
    with pytest.raises(UserError, match=message) as error:
        generate(make_model(), prompts, **options)
    assert "\n" not in str(error.value)


def test_a_model_with_damaged_weights_is_an_error(make_model):
    model = make_model()
    model.transformer.wpe.weight.value[3] = np.nan
    with pytest.raises(UserError, match="NaN or infinite"):
        generate(model, [[1]], max_new_tokens=20)
