"""Parameters that training leaves alone."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.layers import Layer, Linear
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.optim import AdamW
from scratchgpt.training import TrainConfig
from scratchgpt.training.freezing import frozen_names

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


def test_a_pattern_that_fits_nothing_is_refused():
    with pytest.raises(UserError, match=r"freeze='wtf' fits no parameter.* like wte.weight"):
        frozen_names(NAMES, "wpe,wtf")
    with pytest.raises(UserError, match="leaves nothing to train"):
        frozen_names(NAMES, "transformer,lm_head")
    with pytest.raises(UserError, match="freeze=3 must be a string"):
        TrainConfig(freeze=3)


class Maps(Layer):
    """Four maps, the flat array of whose parameters has gaps."""

    def __init__(self):
        self.maps = [Linear(3, 5), Linear(5, 7), Linear(7, 2), Linear(2, 300)]


@pytest.mark.parametrize("frozen", [(), (0,), (3,), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("compiled", [True, False])
def test_the_frozen_stay_and_the_others_move_as_ever(rng, frozen, compiled):
    """The names of whole maps, so that stretches end in matrices and in biases."""
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


def test_what_is_frozen_has_no_part_in_the_norm(make_trainer):
    """Or a large gradient of what does not move would make the steps of the rest smaller."""
    trainer = make_trainer(freeze="wte,h.0", steps=3, eval_interval=0)
    trainer.train()
    store = trainer.model.store
    for name in trainer.stepper.frozen:
        with pytest.raises(AttributeError, match="frozen"):
            store.named[name].grad  # noqa: B018
    assert np.isfinite(store.grads).all()
    assert store.grads.any()
