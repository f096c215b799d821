"""Frozen parameters."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.layers import Layer, Linear
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.tensor_file import TensorFile, save_tensors
from scratchgpt.ops import linear
from scratchgpt.optim import AdamW
from scratchgpt.training import NextToken, TrainConfig, find_checkpoint
from scratchgpt.training.freezing import frozen_names
from scratchgpt.training.step import Stepper

CONFIG = GPTConfig(n_layer=2, n_head=1, n_embd=4, block_size=3, vocab_size=5, tied_head=False)
NAMES = list(GPT(CONFIG).store.named)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("", lambda name: False),
        ("wte", lambda name: name == "transformer.wte.weight"),
        ("transformer.wte", lambda name: name == "transformer.wte.weight"),
        ("h.1", lambda name: ".h.1." in name),
        ("h.[0-1].mlp, lm_head", lambda name: ".mlp." in name or name == "lm_head.weight"),
        ("*.bias", lambda name: name.endswith(".bias")),
        ("h.?.ln_*", lambda name: ".ln_1." in name or ".ln_2." in name),
        ("transformer", lambda name: name.startswith("transformer.")),
    ],
)
def test_patterns_name_parameters_and_whole_layers(patterns, expected):
    assert frozen_names(NAMES, patterns) == set(filter(expected, NAMES))


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(UserError, match=r"freeze='wtf' matches no parameter.* like wte.weight"):
        frozen_names(NAMES, "wpe,wtf")
    with pytest.raises(UserError, match="leaves nothing to train"):
        frozen_names(NAMES, "transformer,lm_head")
    with pytest.raises(UserError, match="freeze=3 must be a string"):
        TrainConfig(freeze=3)


class Maps(Layer):
    """Four linear layers; the flat array of their parameters has gaps."""

    def __init__(self):
        self.maps = [Linear(3, 5), Linear(5, 7), Linear(7, 2), Linear(2, 300)]


@pytest.mark.parametrize("frozen", [(), (0,), (3,), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("compiled", [True, False])
def test_frozen_parameters_stay_and_the_others_are_updated_as_usual(rng, frozen, compiled):
    """Freeze whole layers, so that trained stretches end in matrices and in biases."""
    one, other = Maps().initialize(3), Maps().initialize(3)
    names = {name for i in frozen for name in one.store.named if name.startswith(f"maps.{i}.")}
    other.store.freeze(names)
    free = AdamW(one.store, weight_decay=0.3)
    held = AdamW(other.store, weight_decay=0.3)
    before = {name: parameter.value.copy() for name, parameter in other.store.named.items()}
    context = kernels.disabled(np.float64) if compiled else kernels.disabled()
    with context:
        for _ in range(3):
            one.store.grads[...] = rng.standard_normal(one.store.grads.size)
            for name in other.store.trained:
                other.store.named[name].grad[...] = one.store.named[name].grad
            free.step(0.1)
            held.step(0.1)
    for name, parameter in other.store.named.items():
        if name in names:
            np.testing.assert_array_equal(parameter.value, before[name])
        else:
            np.testing.assert_allclose(
                parameter.value, one.store.named[name].value, rtol=1e-6, atol=1e-7
            )
        assert (name in names) == (f"exp_avg.{name}" not in held.named_moments())
    n_trained = sum(one.store.named[name].size for name in other.store.trained)
    assert held.exp_avg.size < n_trained + 16 * len(other.store.trained)


def test_frozen_parameters_do_not_count_in_the_gradient_norm(make_trainer):
    """Otherwise a large gradient of a frozen parameter would shrink the steps of the others."""
    trainer = make_trainer(freeze="wte,h.0", steps=3, eval_interval=0)
    trainer.train()
    store = trainer.model.store
    for name in trainer.stepper.frozen:
        with pytest.raises(AttributeError, match="frozen"):
            store.named[name].grad  # noqa: B018
    assert np.isfinite(store.grads).all()
    assert store.grads.any()


def test_the_weight_gradient_of_a_frozen_map_is_not_computed(
    make_model, make_config, batches, monkeypatch
):
    """Count the matrix products by their shapes, in the reference implementation."""
    products = []

    def counting(a, b, out):
        products.append((a.shape, b.shape))
        np.matmul(a, b, out=out)

    def products_of(freeze):
        products.clear()
        config = make_config(freeze=freeze, grad_accum=1)
        model = make_model(np.float64)
        stepper = Stepper(NextToken(model), batches, config)
        with kernels.disabled(), monkeypatch.context() as patch:
            patch.setattr(linear, "multiply", counting)
            stepper.update(0)
        return len(products)

    every = products_of("")
    assert every > 0
    # Four linear layers per block: c_attn and c_proj of attention, c_fc and c_proj of the MLP.
    assert every - products_of("h.0.*.c_*") == 4
    assert every - products_of("h") == 8


def test_no_memory_is_allocated_for_frozen_gradients_and_moments(make_model, make_config, batches):
    model = make_model()
    stepper = Stepper(NextToken(model), batches, make_config(freeze="h,wte"))
    n_trained = sum(model.store.named[name].size for name in model.store.trained)
    most = n_trained + 16 * len(model.store.trained)  # each is padded to 64 bytes
    assert most < model.store.size / 4
    for flat in (model.store.grads, stepper.optimizer.exp_avg, stepper.optimizer.exp_avg_sq):
        assert flat.size <= most


def test_a_checkpoint_has_no_moments_of_frozen_parameters(make_trainer, tmp_path):
    trainer = make_trainer(freeze="wte,h.0", out_dir=tmp_path)
    trainer.train()
    names = TensorFile(find_checkpoint(tmp_path) / "training_state.safetensors").tensors.keys()
    trained = trainer.model.store.trained
    assert names == {f"{m}.{name}" for m in ("exp_avg", "exp_avg_sq") for name in trained}


def test_a_run_of_an_older_version_with_moments_of_frozen_parameters_resumes(
    make_trainer, stop_after, tmp_path
):
    settings = {"freeze": "wte,h.0"}
    whole = make_trainer(**settings)
    whole.train()
    broken = make_trainer(out_dir=tmp_path, **settings)
    stop_after(broken, 5)
    broken.train()
    path = tmp_path / "last" / "training_state.safetensors"
    moments = stored_arrays(path)
    for name in broken.stepper.frozen:
        for moment in ("exp_avg", "exp_avg_sq"):
            moments[f"{moment}.{name}"] = np.ones_like(broken.model.store.named[name].value)
    save_tensors(path, moments)
    resumed = make_trainer(out_dir=tmp_path, resume=True, **settings)
    resumed.train()
    np.testing.assert_array_equal(resumed.model.store.values, whole.model.store.values)


@pytest.mark.parametrize("name", ["exp_avg.transformer.h.7.ln_1.weight", "exp_avg_of.wte", "more"])
def test_any_other_array_is_refused(make_trainer, tmp_path, name):
    make_trainer(freeze="wte", out_dir=tmp_path).train()
    path = tmp_path / "last" / "training_state.safetensors"
    save_tensors(path, {**stored_arrays(path), name: np.ones(2, np.float32)})
    with pytest.raises(UserError, match=f"unexpected array '{name}'"):
        make_trainer(freeze="wte", out_dir=tmp_path, resume=True)


def stored_arrays(path):
    file = TensorFile(path)
    arrays = {name: np.empty(tensor.shape, np.float32) for name, tensor in file.tensors.items()}
    for name, array in arrays.items():
        file.read(name, array)
    return arrays
