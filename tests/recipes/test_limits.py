import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPTConfig, preset_config
from scratchgpt.recipes import limits
from scratchgpt.recipes.limits import check_memory, memory_bytes

HUGE = [{"n_layer": 2**31 - 1}, {"n_embd": 10**9}, {"n_inner": 2**31 - 1, "n_layer": 10**4}]


@pytest.mark.parametrize("sizes", HUGE, ids=str)
def test_a_model_that_no_machine_can_train_is_refused_before_it_is_created(sizes):
    config = GPTConfig(**{"n_layer": 1, "n_head": 1, "n_embd": 4, "vocab_size": 9, **sizes})
    with pytest.raises(UserError, match="use a smaller model"):
        check_memory(config, n_batch=1)


def test_a_huge_batch_is_refused():
    with pytest.raises(UserError, match="GB of memory"):
        check_memory(preset_config("gpt-nano"), n_batch=10**12)


def test_models_that_fit_are_trained():
    check_memory(preset_config("gpt-nano"), n_batch=1)


def test_without_a_known_memory_nothing_is_refused(monkeypatch):
    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(limits.os, "sysconf", unknown)
    assert memory_bytes() is None
    check_memory(GPTConfig(n_layer=2**31 - 1), n_batch=1)


def test_frozen_weights_need_no_memory_for_gradients_and_moments(monkeypatch):
    config = preset_config("tinyllama-1.1b")
    monkeypatch.setattr(limits, "memory_bytes", lambda: 9_000_000_000)
    with pytest.raises(UserError, match="GB of memory"):
        check_memory(config, 1)
    check_memory(config, 1, only_adapters=True)
