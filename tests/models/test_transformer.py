import numpy as np
import pytest

from scratchgpt.memory import nbytes
from scratchgpt.models import Transformer, TransformerConfig

SIZES = {"n_head": 2, "n_embd": 4, "block_size": 3, "vocab_size": 5}


def texts(n_source=5, n_target=4, n_batch=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 13, (n_batch, n_source)), rng.integers(1, 13, (n_batch, n_target))


def test_future_tokens_do_not_change_past_logits_and_the_source_changes_all(small_transformer):
    model = small_transformer()
    src, tgt = texts()
    logits, _ = model.forward(src, tgt)
    for t in range(tgt.shape[1] - 1):
        other = tgt.copy()
        other[:, t + 1 :] = (other[:, t + 1 :] + 1) % 13
        changed, _ = model.forward(src, other)
        np.testing.assert_array_equal(changed[:, : t + 1], logits[:, : t + 1])
        assert (changed[:, t + 1 :] != logits[:, t + 1 :]).any(axis=-1).all()
    for s in range(src.shape[1]):
        other = src.copy()
        other[:, s] = (other[:, s] + 1) % 13
        assert (model.forward(other, tgt)[0] != logits).any(axis=-1).all()


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_padding_of_both_texts_does_not_change_the_results(
    small_transformer, norm_position, assert_close, gradients
):
    model = small_transformer(padding_id=0, norm_position=norm_position)
    src, tgt = texts()
    loss, expected = gradients(model, src, tgt, tgt)
    padded_loss, padded = gradients(
        model,
        np.pad(src, ((0, 0), (0, 2))),
        np.pad(tgt, ((0, 0), (0, 2)), constant_values=3),
        np.pad(tgt, ((0, 0), (0, 2)), constant_values=-100),
    )
    assert_close(padded_loss, loss, 1e-13)
    assert_close(padded, expected, 1e-12)


def test_padding_can_be_specified_by_masks_too(small_transformer):
    src, tgt = texts()
    src[1, 3:] = 0
    expected, _ = small_transformer(padding_id=0).forward(src, tgt)
    model = small_transformer()
    mask = src == 0
    both = {"src_key_padding_mask": mask, "memory_key_padding_mask": mask}
    np.testing.assert_array_equal(model.forward(src, tgt, **both)[0], expected)
    one, _ = model.forward(src, tgt, src_key_padding_mask=mask)
    assert (one != expected).any()  # as in PyTorch, one mask does not imply another
    knows, _ = small_transformer(padding_id=0).forward(src, tgt, src_key_padding_mask=mask)
    np.testing.assert_array_equal(knows, expected)


def test_recomputation_saves_far_less(transformer_case):
    model = transformer_case.build()
    data = transformer_case.data()
    settings = {**transformer_case.settings, "recompute": False}
    kept = [
        nbytes(model.loss(*data, **{**settings, "recompute": r})[1], exclude=[model.store.values])
        for r in (False, True)
    ]
    assert kept[1] < kept[0] / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_its_memory_and_its_cache_have_its_dtype(transformer_case, dtype):
    model = transformer_case.build(dtype)
    src, tgt, _ = transformer_case.data()
    memory = model.encode(src)
    cache = model.new_cache(memory)
    extended = model.extend(tgt, cache)
    assert memory.dtype == cache.keys.dtype == cache.memory_keys.dtype == extended.dtype == dtype


def test_inputs_of_a_pass_are_unchanged(transformer_case):
    model = transformer_case.build()
    src, tgt, _ = transformer_case.data()
    logits, saved = model.forward(src, tgt, **transformer_case.settings)
    dlogits = np.random.default_rng(0).standard_normal(logits.shape)
    before = dlogits.copy(), saved.decoder.memory.copy()
    model.backward(dlogits, saved)
    np.testing.assert_array_equal(dlogits, before[0])
    np.testing.assert_array_equal(saved.decoder.memory, before[1])
    np.testing.assert_array_equal(src, transformer_case.data()[0])


def test_dropout_needs_a_seed_and_no_two_places_share_a_mask(small_transformer):
    model = small_transformer(dropout=0.3)
    src, tgt = texts()
    results = [model.forward(src, tgt, dropout_seed=seed)[0] for seed in (None, 1, 1, 2)]
    np.testing.assert_array_equal(results[1], results[2])
    assert (results[1] != results[3]).any()
    assert (results[1] != results[0]).any()
    np.testing.assert_array_equal(
        results[0], small_transformer(dropout=0.0).forward(src, tgt, dropout_seed=1)[0]
    )
    _, saved = model.forward(src, tgt, dropout_seed=1)
    seeds = [saved.encoder.embedding.drop.seed, saved.decoder.embedding.drop.seed]
    for block in saved.encoder.stack.h:
        seeds += [block.attn.branch.attention.dropout_seed]
        seeds += [block.attn.drop.seed, block.mlp.drop.seed]
    for block in saved.decoder.stack.h:
        seeds += [block.attn.branch.attention.dropout_seed]
        seeds += [block.cross.branch.attention.dropout_seed]
        seeds += [block.attn.drop.seed, block.cross.drop.seed, block.mlp.drop.seed]
    assert len(set(seeds)) == len(seeds) == 2 + 2 * 3 + 3 * 5


def test_the_gradient_may_overwrite_the_logits(small_transformer, gradients):
    model = small_transformer()
    src, tgt = texts()
    _, expected = gradients(model, src, tgt, tgt, label_smoothing=0.1)
    model.store.zero_grad()
    _, saved = model.loss(src, tgt, tgt, label_smoothing=0.1)
    model.loss_backward(1.0, saved, in_place=True)
    np.testing.assert_array_equal(model.store.grads, expected)


def test_label_smoothing_is_that_of_the_loss(small_transformer):
    from scratchgpt.ops import cross_entropy_forward

    model = small_transformer()
    src, tgt = texts()
    logits, _ = model.forward(src, tgt)
    for smoothing in (0.0, 0.1):
        expected, _ = cross_entropy_forward(logits, tgt, label_smoothing=smoothing)
        assert model.loss(src, tgt, tgt, label_smoothing=smoothing)[0] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("src_mask", r"\(5, 5\) or \(9, 5, 5\)"),
        ("tgt_mask", r"\(4, 4\) or \(9, 4, 4\)"),
        ("memory_mask", r"\(4, 5\) or \(9, 4, 5\)"),
        ("src_key_padding_mask", r"\(3, 5\)"),
        ("tgt_key_padding_mask", r"\(3, 4\)"),
        ("memory_key_padding_mask", r"\(3, 5\)"),
    ],
)
def test_masks_of_the_wrong_shape_are_refused_in_one_line(small_transformer, name, expected):
    model = small_transformer()
    with pytest.raises(ValueError, match=rf"^{name} has shape \(4, 7\); it must be {expected}$"):
        model.forward(*texts(), **{name: np.zeros((4, 7), bool)})
    with pytest.raises(TypeError, match=rf"^{name} is int64; use bool"):
        model.forward(*texts(), **{name: np.zeros((3, 5), int)})


def test_texts_that_do_not_fit_are_refused(small_transformer):
    model = small_transformer()
    src, tgt = texts()
    with pytest.raises(ValueError, match="src has 3 rows but tgt has 2; they must be pairs"):
        model.forward(src, tgt[:2])
    for data in (texts(8, 4), texts(5, 8)):
        with pytest.raises(ValueError, match="8 tokens are more than the model's block_size of 7"):
            model.forward(*data)
    with pytest.raises(ValueError, match="token id 13 at position"):
        model.forward(np.full((3, 5), 13), tgt)


def test_its_parameters_have_names_that_say_where_they_are():
    config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, **SIZES, norm_position="pre")
    model = Transformer(config)
    block = {
        "ln_1.weight": (4,),
        "ln_1.bias": (4,),
        "attn.c_attn.weight": (4, 12),
        "attn.c_attn.bias": (12,),
        "attn.c_proj.weight": (4, 4),
        "attn.c_proj.bias": (4,),
        "ln_2.weight": (4,),
        "ln_2.bias": (4,),
        "mlp.c_fc.weight": (4, 16),
        "mlp.c_fc.bias": (16,),
        "mlp.c_proj.weight": (16, 4),
        "mlp.c_proj.bias": (4,),
    }
    cross = {
        "cross.c_q.weight": (4, 4),
        "cross.c_q.bias": (4,),
        "cross.c_kv.weight": (4, 8),
        "cross.c_kv.bias": (8,),
        "cross.c_proj.weight": (4, 4),
        "cross.c_proj.bias": (4,),
        "ln_3.weight": (4,),
        "ln_3.bias": (4,),
    }
    assert {name: p.shape for name, p in model.store.named.items()} == {
        "encoder.embedding.wte.weight": (5, 4),
        **{f"encoder.h.0.{name}": shape for name, shape in block.items()},
        "encoder.ln_f.weight": (4,),
        "encoder.ln_f.bias": (4,),
        **{f"decoder.h.0.{name}": shape for name, shape in (block | cross).items()},
        "decoder.ln_f.weight": (4,),
        "decoder.ln_f.bias": (4,),
    }


def test_tables_are_shared_as_the_configuration_says():
    sizes = {"n_encoder_layer": 1, "n_decoder_layer": 1, **SIZES}
    table = 5 * 4
    for shared in (True, False):
        for tied in (True, False):
            model = Transformer(
                TransformerConfig(**sizes, shared_embeddings=shared, tied_head=tied)
            )
            source, target = model.encoder.embedding.wte, model.decoder.embedding.wte
            assert (source is target) == shared
            assert (model.lm_head.weight is target.weight) == tied
            n_tables = 3 - shared - tied
            smallest = Transformer(TransformerConfig(**sizes)).store.size
            assert model.store.size == smallest + (n_tables - 1) * table


def test_it_starts_with_variances_of_one():
    """Weights are those of Glorot, and scaled embeddings have a magnitude of about 1."""
    config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, n_embd=64, vocab_size=97)
    model = Transformer(config.replace(positions="learned"), seed=3)
    for name, parameter in model.store.named.items():
        value = parameter.value
        if name.endswith("bias"):
            assert (value == 0).all()
        elif "ln_" in name:
            assert (value == 1).all()
        else:
            std = 1 / 8 if "embedding" in name else (2 / sum(value.shape)) ** 0.5
            assert abs(value.std() / std - 1) < 0.06, name
            assert abs(value.mean()) < 0.1 * std
    src, tgt = texts(30, 20)
    logits, _ = model.forward(src, tgt)
    assert 0.5 < logits.std() < 2
    unscaled = Transformer(config.replace(scale_embeddings=False))
    assert abs(unscaled.lm_head.weight.value.std() / 0.02 - 1) < 0.06
