import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.models import GPT, GPTConfig
from scratchgpt.training import NextToken, TrainConfig, Trainer, trainer

VOCAB, TIME = 11, 6


class RandomBatches:
    """Tokens that are a function of the index; the number of counted targets differs by batch."""

    def __init__(self, rows=3, n_validation=2):
        self.rows = rows
        self.n_validation = n_validation

    def _batch(self, *seed):
        rng = np.random.default_rng(seed)
        tokens = rng.integers(0, VOCAB, (self.rows, TIME))
        targets = (3 * tokens + 1) % VOCAB  # something to learn
        targets[rng.random(targets.shape) < 0.3] = -100
        return tokens, targets

    def train_batch(self, index):
        return self._batch(1, index)

    def validation_batches(self):
        return (self._batch(2, i) for i in range(self.n_validation))


@pytest.fixture
def batches():
    return RandomBatches()


@pytest.fixture
def make_batches():
    return RandomBatches


@pytest.fixture
def make_model():
    def make(dtype=np.float32, seed=0, **changes):
        config = GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=TIME, vocab_size=VOCAB)
        return GPT(config.replace(**changes), seed=seed, dtype=dtype)

    return make


@pytest.fixture
def make_config():
    """Ten short steps with all options on."""

    def make(**changes):
        settings = {
            "steps": 10,
            "grad_accum": 2,
            "lr": 1e-2,
            "warmup_steps": 2,
            "eval_interval": 4,
            "checkpoint_interval": 3,
            "log_interval": 1,
            "grad_clip": 0.5,
        }
        return TrainConfig(**{**settings, **changes})

    return make


@pytest.fixture
def make_trainer(make_model, make_config, batches):
    """A trainer for a new small model; keyword arguments go to the configuration or the trainer."""

    def make(*, model=None, out_dir=None, resume=False, tokenizer=None, data=None, **settings):
        config = make_config(**settings)
        model = make_model(dropout=0.2) if model is None else model
        return Trainer(
            NextToken.from_config(model, config),
            batches,
            config,
            out_dir=out_dir,
            resume=resume,
            tokenizer=tokenizer,
            data_fingerprint=data,
        )

    return make


@pytest.fixture(scope="session")
def objectives(load_file):
    """The module ``objectives.py`` beside this file."""
    return load_file(Path(__file__).with_name("objectives.py"))


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Do not plot, because plotting takes longer than training here."""
    monkeypatch.setattr(trainer, "plot_metrics", lambda run_directory, unit: False)


@pytest.fixture
def stop_after():
    """Interrupt a trainer as a signal does, after its update number ``step``."""

    def arrange(trainer, step, number=signal.SIGINT):
        def interrupt(trainer, record):
            if trainer.step == step:
                signal.raise_signal(number)

        trainer.on("step", interrupt)

    return arrange


@pytest.fixture
def start_training():
    """Start ``training_process.py`` as a separate process; kill it at the end of the test."""
    processes = []

    def start(*arguments, script="training_process.py"):
        path = Path(__file__).with_name(script)
        command = [sys.executable, str(path), *map(str, arguments)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        processes.append(subprocess.Popen(command, text=True, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()
