import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.generation import beam_search, length_penalty
from scratchgpt.generation.hypotheses import check_penalty

START = 0  # end_of_text, which is also the start of a target


def log_probabilities(model, source, text):
    """Return the log-probability of each possible next token of a text."""
    logits, _ = model.forward(np.array([source]), np.array([[START, *text]]))
    last = logits[0, -1]
    return last - np.log(np.exp(last).sum())


def penalty(n_tokens, alpha):
    return ((5 + n_tokens) / 6) ** alpha


def every_translation(model, source, alpha, limit):
    """Return all translations that end within ``limit`` tokens, best first.

    Each is a tuple (score, log-probability, tokens).
    """
    ended, growing = [], [(0.0, ())]
    for length in range(1, limit + 1):
        longer = []
        for log_p, text in growing:
            for token, more in enumerate(log_probabilities(model, source, text)):
                if token == START:
                    ended.append(((log_p + more) / penalty(length, alpha), log_p + more, text))
                else:
                    longer.append((log_p + more, (*text, token)))
        growing = longer
    return sorted(ended, reverse=True)


def patient_search(model, source, n_beams, alpha, limit):
    """Beam search with lists, without early stopping: ended hypotheses, then cut-off ones."""
    ended, live = [], [(0.0, ())]
    for length in range(1, limit + 1):
        candidates = sorted(
            (
                (log_p + more, text, token)
                for log_p, text in live
                for token, more in enumerate(log_probabilities(model, source, text))
            ),
            reverse=True,
        )
        for log_p, text, token in candidates[:n_beams]:
            if token == START:
                ended.append((log_p / penalty(length, alpha), log_p, text))
        if ended and n_beams == 1:
            return ended
        going_on = [(log_p, (*text, token)) for log_p, text, token in candidates if token != START]
        live = going_on[:n_beams]
    cut_off = [(log_p / penalty(limit, alpha), log_p, text) for log_p, text in live]
    return sorted(ended, reverse=True) + sorted(cut_off, reverse=True)


def found(hypotheses):
    return [(h.score, h.log_probability, tuple(h.tokens.tolist())) for h in hypotheses]


def assert_same(actual, expected):
    assert [text for _, _, text in actual] == [text for _, _, text in expected]
    np.testing.assert_allclose(
        [numbers[:2] for numbers in actual], [numbers[:2] for numbers in expected], rtol=1e-12
    )


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_wide_enough_beam_finds_the_best_translation(table_model, alpha, rng):
    model = table_model(rng, vocab_size=4)
    sources = np.array([[1, 2, 3], [3, 3, 3]])
    results = beam_search(
        model, sources, end_of_text=START, n_beams=108, n_best=20, alpha=alpha, max_length=4
    )
    for source, hypotheses in zip(sources, results, strict=True):
        everything = every_translation(model, source, alpha, limit=4)
        assert len(everything) == 1 + 3 + 9 + 27
        assert_same(found(hypotheses), everything[:20])
        assert {h.finish_reason for h in hypotheses} == {"end_of_text"}


def test_if_fewer_hypotheses_exist_than_requested_all_are_returned(table_model, rng):
    model = table_model(rng, vocab_size=3)
    (hypotheses,) = beam_search(
        model, np.array([[1]]), end_of_text=START, n_beams=30, n_best=30, max_length=3
    )
    n_ended, n_cut_off = 1 + 2 + 4, 8
    assert_same(found(hypotheses[:n_ended]), every_translation(model, [1], 0.6, limit=3))
    assert [h.finish_reason for h in hypotheses[n_ended:]] == ["length"] * n_cut_off
    scores = [h.score for h in hypotheses[n_ended:]]
    assert scores == sorted(scores, reverse=True)


@given(
    n_beams=st.integers(1, 5),
    n_best=st.integers(1, 5),
    alpha=st.sampled_from([0.0, 0.6, 1.0, 3.0]),
    limit=st.integers(1, 8),
    vocab_size=st.integers(2, 6),
    seed=st.integers(0, 10_000),
)
def test_it_stops_early_and_yet_finds_what_a_patient_search_finds(
    table_model, n_beams, n_best, alpha, limit, vocab_size, seed
):
    n_best = min(n_best, n_beams)
    rng = np.random.default_rng(seed)
    model = table_model(rng, vocab_size)
    sources = rng.integers(1, 9, (5, 3))
    results = beam_search(
        model,
        sources,
        end_of_text=START,
        n_beams=n_beams,
        n_best=n_best,
        alpha=alpha,
        max_length=limit,
    )
    for source, hypotheses in zip(sources, results, strict=True):
        patient = patient_search(model, source, n_beams, alpha, limit)
        assert_same(found(hypotheses), patient[:n_best])


def test_one_beam_takes_the_most_probable_token_each_time(table_model, rng):
    model = table_model(rng, vocab_size=5)
    (hypothesis,) = beam_search(model, np.array([[2, 1]]), end_of_text=START, n_beams=1)[0]
    text = []
    while len(text) < model.config.block_size:
        logits, _ = model.forward(np.array([[2, 1]]), np.array([[START, *text]]))
        token = int(logits[0, -1].argmax())
        if token == START:
            break
        text.append(token)
    assert hypothesis.tokens.tolist() == text


def test_a_sentence_that_is_done_leaves_the_batch(table_model, rng):
    model = table_model(rng, vocab_size=6, block_size=20)
    model.table[1, :, :, :, START] += 20  # ends at once
    model.table[2, 12:, :, :, START] += 20  # ends late
    model.table[2, :12, :, :, START] -= 20
    results = beam_search(model, np.array([[1], [2]]), end_of_text=START, n_beams=3)
    assert [len(hypotheses[0].tokens) for hypotheses in results] == [0, 12]
    assert model.n_rows == [2] + [3] * (len(model.n_rows) - 1)
    assert 13 <= len(model.n_rows) < 20


@pytest.mark.parametrize("n_beams", [1, 4])
def test_a_sentence_is_translated_as_it_would_be_alone(table_model, n_beams, rng):
    model = table_model(rng, vocab_size=5, padding_id=4)
    sources = np.array([[1, 2, 3], [3, 4, 4], [1, 1, 4], [2, 2, 2]])
    options = {"end_of_text": START, "n_beams": n_beams, "n_best": n_beams}
    together = beam_search(model, sources, **options)
    for source, hypotheses in zip(sources, together, strict=True):
        real = source[source != 4]
        alone = beam_search(model, real[None], **options, max_length=model.config.block_size)
        assert found(hypotheses) == found(alone[0])


def test_a_given_mask_decides_what_is_padding(table_model, rng):
    model = table_model(rng, vocab_size=5)
    mask = np.array([[False, False, True]])
    options = {"end_of_text": START, "max_length": 6}
    masked = beam_search(model, np.array([[1, 2, 3]]), src_key_padding_mask=mask, **options)
    assert found(masked[0]) == found(beam_search(model, np.array([[1, 2]]), **options)[0])


@pytest.mark.parametrize("n_beams", [1, 3])
def test_with_a_cache_and_without_it_finds_the_same(table_model, n_beams, rng):
    model = table_model(rng, vocab_size=7, padding_id=6)
    sources = np.array([[1, 2, 3], [3, 6, 6], [5, 5, 6]])
    options = {"end_of_text": START, "n_beams": n_beams, "n_best": n_beams}
    cached = beam_search(model, sources, **options)
    plain = beam_search(model, sources, **options, use_cache=False)
    assert [found(h) for h in cached] == [found(h) for h in plain]


def some_sources(rng, vocab_size=23, padding_id=1):
    """Sentences of several lengths, padded."""
    lengths = np.array([9, 2, 6, 1, 9, 4])
    sources = rng.integers(2, vocab_size, (len(lengths), lengths.max()))
    return np.where(np.arange(lengths.max()) < lengths[:, None], sources, padding_id)


@pytest.mark.parametrize("n_beams", [1, 3, 5])
@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_a_transformer_translates_with_a_cache_as_without(
    make_transformer, norm_position, n_beams, rng
):
    model = make_transformer(norm_position=norm_position)
    model.lm_head.weight.value[START] = model.lm_head.weight.value[2:9].sum(
        axis=0
    )  # otherwise nothing would end
    sources = some_sources(rng)
    options = {"end_of_text": START, "n_beams": n_beams, "n_best": n_beams}
    cached = beam_search(model, sources, **options)
    plain = beam_search(model, sources, **options, use_cache=False)
    for one, other in zip(cached, plain, strict=True):
        assert_same(found(one), found(other))
    assert "end_of_text" in {h.finish_reason for hypotheses in cached for h in hypotheses}


def test_in_float32_with_a_cache_the_scores_are_those_of_the_hypotheses(make_transformer, rng):
    model, exact = make_transformer(np.float32), make_transformer()
    sources = some_sources(rng)
    results = beam_search(model, sources, end_of_text=START, n_best=4)
    for source, hypotheses in zip(sources, results, strict=True):
        for h in hypotheses:
            ended = [START] if h.finish_reason == "end_of_text" else []
            text = np.array([START, *h.tokens, *ended])
            loss, _ = exact.loss(source[None], text[None, :-1], text[None, 1:])
            n_tokens = len(text) - 1
            assert h.log_probability == pytest.approx(-float(loss) * n_tokens, rel=1e-4)
            assert h.score == pytest.approx(h.log_probability / penalty(n_tokens, 0.6))


@pytest.mark.parametrize("n_beams", [1, 4])
def test_a_transformer_translates_a_sentence_as_it_would_alone(make_transformer, n_beams, rng):
    model = make_transformer()
    sources = some_sources(rng)
    options = {"end_of_text": START, "n_beams": n_beams, "n_best": n_beams, "max_length": 12}
    together = beam_search(model, sources, **options)
    for source, hypotheses in zip(sources, together, strict=True):
        alone = beam_search(model, source[None, source != 1], **options)
        assert_same(found(hypotheses), found(alone[0]))


def test_a_wide_beam_finds_the_best_translation_of_a_transformer(make_transformer, rng):
    model = make_transformer(vocab_size=4, padding_id=None)
    source = rng.integers(1, 4, 5)
    (hypotheses,) = beam_search(
        model, source[None], end_of_text=START, n_beams=108, n_best=20, max_length=4
    )
    assert_same(found(hypotheses), every_translation(model, source, 0.6, limit=4)[:20])


def test_each_sentence_may_have_a_limit_of_its_own(table_model, rng):
    model = table_model(rng, vocab_size=5)
    model.table[..., START] -= 20
    limits = np.array([3, 1, 5])
    results = beam_search(
        model, np.array([[1], [2], [3]]), end_of_text=START, n_best=2, max_length=limits
    )
    for limit, hypotheses in zip(limits, results, strict=True):
        assert [len(h.tokens) for h in hypotheses] == [limit] * 2
        assert [h.finish_reason for h in hypotheses] == ["length"] * 2


def test_by_default_a_translation_may_have_fifty_tokens_more_than_its_source(table_model, rng):
    model = table_model(rng, vocab_size=3, block_size=80, padding_id=2)
    model.table[..., START] -= 20
    sources = np.array([[1] * 7, [1] * 3 + [2] * 4])
    results = beam_search(model, sources, end_of_text=START, n_beams=1)
    assert [len(hypotheses[0].tokens) for hypotheses in results] == [57, 53]
    short = table_model(rng, vocab_size=3, block_size=9)
    short.table[..., START] -= 20
    (hypothesis,) = beam_search(short, sources, end_of_text=START, n_beams=1)[0]
    assert len(hypothesis.tokens) == 9


def test_a_large_alpha_prefers_long_translations(table_model, rng):
    model = table_model(rng, vocab_size=6, block_size=30)
    lengths = [
        len(beam_search(model, np.array([[3]]), end_of_text=START, alpha=alpha)[0][0].tokens)
        for alpha in (0.0, 6.0)
    ]
    assert lengths[0] < lengths[1]


@given(alpha=st.floats(0, 1e6), longest=st.integers(1, 100_000))
@example(alpha=256.0, longest=90)
def test_a_length_penalty_is_finite_or_refused(alpha, longest):
    penalty, largest = alpha * np.log((5 + longest) / 6), np.log(np.finfo(float).max)
    assume(abs(penalty - largest) > 1e-9 * largest)  # rounding decides
    if penalty < largest:
        check_penalty(alpha, longest)
        assert np.isfinite(length_penalty(longest, alpha))
    else:
        with pytest.raises(UserError, match="is too large: the length penalty"):
            check_penalty(alpha, longest)


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("n_beams", [1, 4, 30])
def test_padding_is_never_part_of_a_translation(table_model, n_beams, use_cache, rng):
    """Also if the model gives it the highest probability, and with a beam over all tokens."""
    model = table_model(rng, vocab_size=5, padding_id=4)
    plain = table_model(np.random.default_rng(0), vocab_size=5)
    plain.table[...] = model.table
    model.table[..., 4] += 5
    plain.table[..., 4] -= 1e4
    options = {"end_of_text": START, "n_beams": n_beams, "n_best": n_beams, "use_cache": use_cache}
    sources = np.array([[1, 2, 3], [3, 3, 3]])
    without = beam_search(plain, sources, **options)
    for found_here, other in zip(beam_search(model, sources, **options), without, strict=True):
        assert all(4 not in h.tokens for h in found_here)
        assert 1 <= len(found_here) <= n_beams
        if n_beams == 1:  # each next token is the most probable one that is not padding
            assert found_here[0].tokens.tolist() == other[0].tokens.tolist()


def test_the_length_penalty_is_that_of_wu_and_others():
    np.testing.assert_allclose(length_penalty(np.array([1, 7, 13]), 1.0), [1, 2, 3])
    assert length_penalty(13, 0.5) == pytest.approx(np.sqrt(3))


def test_no_sentences_give_no_translations(table_model, rng):
    assert beam_search(table_model(rng), np.zeros((0, 3), int), end_of_text=START) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_beams": 0}, "n_beams=0 must be at least 1"),
        ({"n_best": 0}, "n_best=0 must be from 1 to the number of beams, 4"),
        ({"n_best": 5}, "n_best=5 must be from 1 to the number of beams, 4"),
        ({"alpha": -0.1}, r"alpha=-0.1 must be 0 \(no length penalty\) or more"),
        ({"alpha": np.nan}, "alpha=nan must be 0"),
        ({"n_beams": 2.5}, "n_beams=2.5 must be a whole number"),
        ({"n_beams": True}, "n_beams=True must be a whole number"),
        ({"n_best": 1.0}, "n_best=1.0 must be a whole number"),
        ({"alpha": "0.6"}, "alpha=0.6 must be 0"),
        ({"alpha": 1e308}, r"alpha=1e\+308 is too large: the length penalty of 8 tokens"),
        (
            {"max_length": 2.5},
            "max_length=2.5 must be a whole number, or one for each of 2 sen",
        ),
        ({"max_length": np.nan}, "max_length=nan must be a whole number"),
        ({"max_length": np.array([3.0, np.nan])}, r"max_length=\[ 3. nan\] must be a whole number"),
        ({"max_length": True}, "max_length=True must be a whole number"),
        ({"max_length": np.array([3, 4, 5])}, "one for each of 2 sentences"),
        ({"src_key_padding_mask": np.zeros((2, 2))}, "mask must be bool .2, 2., True at padding"),
        ({"src_key_padding_mask": np.zeros(2, bool)}, "mask must be bool .2, 2., True at padding"),
        ({"max_length": 0}, "max_length=0 must be from 1 to the model's block_size of 8"),
        ({"max_length": np.array([3, 9])}, "max_length=9 must be from 1"),
    ],
)
def test_invalid_options_are_refused(table_model, options, message, rng):
    sources = np.array([[1, 2], [2, 3]])
    with pytest.raises(UserError, match=message):
        beam_search(table_model(rng), sources, end_of_text=START, **options)


def test_an_empty_source_is_refused(table_model, rng):
    model = table_model(rng, padding_id=3)
    with pytest.raises(UserError, match="sentence 1 is empty; there is nothing to translate"):
        beam_search(model, np.array([[1, 2], [3, 3]]), end_of_text=START)
    with pytest.raises(UserError, match=r"src must have the shape \(B, S\), got \(3,\)"):
        beam_search(model, np.array([1, 2, 3]), end_of_text=START)


def test_a_damaged_model_is_refused(table_model, rng):
    model = table_model(rng)
    model.table[0] = np.nan
    with pytest.raises(UserError, match="the model's logits are NaN or infinite"):
        beam_search(model, np.array([[7]]), end_of_text=START)
