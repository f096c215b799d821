"""Divided states of the optimizer: the same run, and checkpoints for any number of workers."""

from pathlib import Path

import pytest

from scratchgpt.training import NextToken, Trainer
from scratchgpt.training.config_checks import OPTIMIZERS


@pytest.fixture(scope="module")
def together(load_file):
    """``together(work)`` runs ``work(worker)`` for the workers of ``test_workers.py``."""
    return load_file(Path(__file__).with_name("test_workers.py")).together


@pytest.fixture
def train(together, make_model, make_config, batches, tmp_path):
    def run(folder, size, *, shards, resume=False, **settings):
        def work(workers):
            trainer = Trainer(
                NextToken(make_model(dropout=0.2, seed=9 if resume else 0)),
                batches,
                make_config(grad_accum=6, freeze="wpe", **settings),
                workers=workers,
                out_dir=tmp_path / folder,
                resume=resume,
            )
            trainer.train()
            return sum(x.size for x in trainer.stepper.optimizer.named_moments().values())

        return together(work, size, shards=shards)

    return run


def files(folder):
    names = ("model.safetensors", "training_state.safetensors")
    return [(folder / "last" / name).read_bytes() for name in names]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("size", [2, 3])
def test_a_run_with_shards_has_the_bits_of_one_without(train, tmp_path, size, optimizer):
    whole = train("whole", size, shards=False, optimizer=optimizer)
    parts = train("parts", size, shards=True, optimizer=optimizer)
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    assert sum(parts) == whole[0]
    assert max(parts) < 0.7 * whole[0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_number_of_shards_may_change_on_resume(train, tmp_path, optimizer):
    """The first steps of three runs are the same; each continues with another division."""
    settings = {"schedule": "constant", "optimizer": optimizer}
    for folder, shards in (("a", True), ("b", False)):
        train(folder, 3, shards=True, steps=4, **settings)
        train(folder, 2, shards=shards, steps=10, **settings, resume=True)
    assert files(tmp_path / "a") == files(tmp_path / "b")
