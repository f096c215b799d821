import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.memory import nbytes
from scratchgpt.models import GPT, GPTConfig


def test_future_tokens_do_not_change_past_logits(model_case):
    model = model_case.build()
    tokens, _ = model_case.data()
    logits, _ = model.forward(tokens)
    for t in range(tokens.shape[1] - 1):
        other = tokens.copy()
        other[:, t + 1 :] = (other[:, t + 1 :] + 1) % 13
        changed, _ = model.forward(other)
        np.testing.assert_array_equal(changed[:, : t + 1], logits[:, : t + 1])
        assert (changed[:, t + 1 :] != logits[:, t + 1 :]).any(axis=-1).all()


def test_accumulated_gradients_equal_those_of_the_big_batch(model_case, assert_close, gradients):
    """The micro-batches are weighted by targets. Dropout is off: its mask depends on the shape."""
    model = model_case.build()
    rng = np.random.default_rng(0)
    tokens, targets = rng.integers(0, 13, (2, 6, 5))
    targets[rng.random((6, 5)) < 0.3] = -100
    targets[0, :4] = -100
    n_counted = (targets != -100).sum()
    loss, expected = gradients(model, tokens, targets)

    model.store.zero_grad()
    total = 0.0
    for rows in (slice(1), slice(1, 3), slice(3, 6)):
        weight = float((targets[rows] != -100).sum() / n_counted)
        part, saved = model.loss(tokens[rows], targets[rows])
        model.loss_backward(weight, saved)
        total += weight * part
    assert_close(model.store.grads, expected, 1e-12)
    assert_close(total, loss, 1e-14)


def test_padded_equals_unpadded(model_case, assert_close, gradients):
    """Padding at the end with ignored targets changes neither loss nor gradients."""
    model = model_case.build()
    tokens, targets = model_case.data()
    if tokens.shape[1] == model.config.block_size:
        return
    loss, expected = gradients(model, tokens, targets)
    padded_loss, padded = gradients(
        model,
        np.pad(tokens, ((0, 0), (0, 1)), constant_values=3),
        np.pad(targets, ((0, 0), (0, 1)), constant_values=-100),
    )
    assert_close(padded_loss, loss, 1e-13)
    assert_close(padded, expected, 1e-12)


def test_the_upstream_gradient_is_unchanged(model_case):
    model = model_case.build()
    x, saved = model.transformer.forward(model_case.data()[0], **model_case.settings)
    dy = np.random.default_rng(0).standard_normal(x.shape)
    before = dy.copy()
    model.transformer.backward(dy, saved)
    np.testing.assert_array_equal(dy, before)


def test_dropout_needs_a_seed_and_depends_on_it(small_gpt):
    model = small_gpt(dropout=0.3)
    tokens = np.arange(10).reshape(2, 5)
    evaluation, first, again, second = (
        model.forward(tokens, dropout_seed=seed)[0] for seed in (None, 1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert (first != evaluation).any()
    np.testing.assert_array_equal(
        small_gpt(dropout=0.0).forward(tokens, dropout_seed=1)[0], evaluation
    )


def test_no_two_places_share_a_dropout_mask(small_gpt):
    model = small_gpt(dropout=0.3)
    _, saved = model.forward(np.arange(10).reshape(2, 5), dropout_seed=1)
    seeds = [saved.transformer.drop.seed]
    for block in saved.transformer.stack.h:
        seeds += [block.attn.branch.attention.dropout_seed]
        seeds += [block.attn.drop.seed, block.mlp.drop.seed]
    assert len(set(seeds)) == len(seeds) == 7


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_extending_a_cache_gives_the_logits_of_the_whole_text(
    small_gpt, norm_position, assert_close
):
    model = small_gpt(norm_position=norm_position)
    tokens = np.random.default_rng(0).integers(0, 13, (3, 7))
    expected, _ = model.forward(tokens)
    cache = model.new_cache(3)
    done = 0
    for n in (2, 1, 3, 1):
        logits = model.extend(tokens[:, done : done + n], cache)
        done += n
        assert_close(logits, expected[:, done - 1], 1e-12)
        np.testing.assert_array_equal(cache.lengths, done)


def test_rows_of_different_lengths_extend_as_if_alone(small_gpt, assert_close):
    model = small_gpt()
    rng = np.random.default_rng(1)
    tokens, counts = rng.integers(0, 13, (3, 5)), np.array([5, 2, 3])
    cache = model.new_cache(3)
    logits = model.extend(tokens, cache, counts)
    following = rng.integers(0, 13, (3, 2))
    logits_2 = model.extend(following, cache)
    np.testing.assert_array_equal(cache.lengths, counts + 2)
    for b, count in enumerate(counts):
        text = tokens[b : b + 1, :count]
        assert_close(logits[b], model.forward(text)[0][0, -1], 1e-12)
        text = np.concatenate([text, following[b : b + 1]], axis=1)
        assert_close(logits_2[b], model.forward(text)[0][0, -1], 1e-12)


def test_texts_longer_than_a_block_are_refused(small_gpt):
    model = small_gpt()
    with pytest.raises(ValueError, match="8 tokens are more than the model's block_size of 7"):
        model.forward(np.zeros((1, 8), int))
    cache = model.new_cache(1)
    model.extend(np.zeros((1, 7), int), cache)
    with pytest.raises(ValueError, match="8 tokens are more than"):
        model.extend(np.zeros((1, 1), int), cache)


def test_the_parameters_have_the_names_and_layouts_of_the_published_checkpoints():
    model = GPT(GPTConfig(n_layer=1, n_head=2, n_embd=4, block_size=3, vocab_size=5))
    assert {name: p.shape for name, p in model.store.named.items()} == {
        "transformer.wte.weight": (5, 4),
        "transformer.wpe.weight": (3, 4),
        "transformer.h.0.ln_1.weight": (4,),
        "transformer.h.0.ln_1.bias": (4,),
        "transformer.h.0.attn.c_attn.weight": (4, 12),
        "transformer.h.0.attn.c_attn.bias": (12,),
        "transformer.h.0.attn.c_proj.weight": (4, 4),
        "transformer.h.0.attn.c_proj.bias": (4,),
        "transformer.h.0.ln_2.weight": (4,),
        "transformer.h.0.ln_2.bias": (4,),
        "transformer.h.0.mlp.c_fc.weight": (4, 16),
        "transformer.h.0.mlp.c_fc.bias": (16,),
        "transformer.h.0.mlp.c_proj.weight": (16, 4),
        "transformer.h.0.mlp.c_proj.bias": (4,),
        "transformer.ln_f.weight": (4,),
        "transformer.ln_f.bias": (4,),
    }


def test_a_tied_head_is_the_embedding_and_an_untied_one_is_not():
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 4, "block_size": 3, "vocab_size": 5}
    tied, untied = GPT(GPTConfig(**sizes)), GPT(GPTConfig(**sizes, tied_head=False))
    assert tied.lm_head.weight is tied.transformer.wte.weight
    assert untied.lm_head.weight.shape == (5, 4)
    assert untied.store.size == tied.store.size + 20


def test_it_is_initialized_like_gpt2():
    config = GPTConfig(n_layer=8, n_head=2, n_embd=64, block_size=32, vocab_size=97)
    model = GPT(config.replace(tied_head=False), seed=3)
    for name, parameter in model.store.named.items():
        if name.endswith("bias"):
            assert (parameter.value == 0).all()
        elif "ln_" in name:
            assert (parameter.value == 1).all()
        else:
            std = 0.02 / 4 if name.endswith("c_proj.weight") else 0.02  # √(2 · 8 branches) = 4
            assert abs(parameter.value.std() / std - 1) < 0.06, name
            assert abs(parameter.value.mean()) < 0.1 * std


def test_a_new_model_predicts_nearly_uniform_probabilities():
    config = GPTConfig(n_layer=2, n_head=2, n_embd=16, block_size=8, vocab_size=50)
    tokens, targets = np.random.default_rng(0).integers(0, 50, (2, 4, 8))
    loss, _ = GPT(config).loss(tokens, targets)
    assert abs(float(loss) - np.log(50)) < 0.05


def test_smoothing_mixes_in_the_mean_over_all_tokens(small_gpt, assert_close):
    model = small_gpt()
    rng = np.random.default_rng(0)
    tokens, targets = rng.integers(0, model.config.vocab_size, (2, 2, 5))
    of_each = [
        model.loss(tokens, np.full_like(tokens, token))[0]
        for token in range(model.config.vocab_size)
    ]
    hard, _ = model.loss(tokens, targets)
    smoothed, _ = model.loss(tokens, targets, label_smoothing=0.2)
    assert_close(smoothed, 0.8 * hard + 0.2 * np.mean(of_each), 1e-13)


def test_recomputation_saves_far_less():
    config = GPTConfig(n_layer=6, n_head=2, n_embd=16, block_size=16, vocab_size=11)
    model = GPT(config)
    tokens = np.zeros((2, 16), int)
    kept = [
        nbytes(model.loss(tokens, tokens, recompute=r)[1], exclude=[model.store.values])
        for r in (False, True)
    ]
    assert kept[1] < kept[0] / 4


@pytest.mark.parametrize("tied_head", [True, False])
def test_a_cropped_model_computes_the_same_in_its_shorter_context(small_gpt, tied_head):
    model = small_gpt(tied_head=tied_head)  # of 7 positions
    cropped = model.crop(4)
    assert cropped.config == model.config.replace(block_size=4)
    assert cropped.dtype == model.dtype
    tokens = np.arange(8).reshape(2, 4)
    np.testing.assert_array_equal(cropped.forward(tokens)[0], model.forward(tokens)[0])
    cropped.transformer.wte.weight.value[...] = 0
    assert model.transformer.wte.weight.value.any()
    with pytest.raises(UserError, match="block_size=8 is more than the 7 positions of the model"):
        model.crop(8)


@pytest.mark.parametrize("tied_head", [True, False])
def test_tokens_can_be_added_to_a_model(small_gpt, tied_head):
    model = small_gpt(np.float32, tied_head=tied_head)
    model.special_ids = model.special_ids.with_end(3)
    larger = model.with_vocabulary(15)
    assert larger.config == model.config.replace(vocab_size=15)
    assert larger.dtype == model.dtype
    assert larger.special_ids == model.special_ids
    tokens = np.arange(10).reshape(2, 5)
    logits = larger.forward(tokens)[0]
    assert logits.shape == (2, 5, 15)
    np.testing.assert_allclose(logits[..., :13], model.forward(tokens)[0], rtol=1e-5)
    new = larger.transformer.wte.weight.value[13:]
    assert 0.01 < new.std() < 0.03
    assert (new[0] != new[1]).any()
    np.testing.assert_array_equal(new, model.with_vocabulary(15).transformer.wte.weight.value[13:])
    with pytest.raises(UserError, match="vocab_size=12 is less than the model's 13 tokens"):
        model.with_vocabulary(12)


def test_a_capped_gradient_is_the_same_if_the_loss_overwrites_the_logits():
    config = GPTConfig(
        n_layer=1, n_head=2, n_embd=6, block_size=5, vocab_size=7, logit_soft_cap=0.5
    )
    model = GPT(config, dtype=np.float64)
    rng = np.random.default_rng(0)
    for parameter in model.store.named.values():
        parameter.value[...] = rng.standard_normal(parameter.shape)
    tokens = rng.integers(0, 7, (2, 5))
    grads = []
    for in_place in (False, True):
        _, saved = model.loss(tokens[:, :-1], tokens[:, 1:])
        model.store.zero_grad()
        model.loss_backward(1.0, saved, in_place=in_place)
        grads.append(model.store.grads.copy())
    np.testing.assert_array_equal(*grads)
    assert np.abs(grads[0]).max() > 1e-3
