"""Training runs of four objectives, with all processes that mpiexec started.

python mpi_process.py FOLDER OBJECTIVE [OBJECTIVE ...] [--kill RANK STEP] [--shard]

For each objective it starts or resumes the run in FOLDER/OBJECTIVE. With --kill, one worker kills
itself after this step of the last objective. With --shard, the workers divide the moments.
"""

import os
import signal
import sys
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["SCRATCHGPT_KERNELS"] = "off"  # Numba takes longer to load than these runs take

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.chat import DPO, PreferenceBatch
from scratchgpt.embeddings import Contrastive, ContrastiveBatch
from scratchgpt.models import (
    GPT,
    GPTConfig,
    GPTEncoder,
    GPTEncoderConfig,
    Transformer,
    TransformerConfig,
)
from scratchgpt.text import TokenBatch, TokenRows
from scratchgpt.text.pairs.pair_batches import PairBatch
from scratchgpt.training import NextToken, TrainConfig, Trainer, find_checkpoint, trainer
from scratchgpt.training.mpi import Mpi

VOCAB, TIME, ROWS, STEPS, ACCUM = 11, 6, 3, 20, 6
SIZES = {"n_head": 2, "n_embd": 8, "block_size": 8, "vocab_size": VOCAB, "dropout": 0.1}


class Batches:
    """Batches that a function makes from a random stream; the tokens have something to learn."""

    def __init__(self, make):
        self._make = make

    def train_batch(self, index):
        return self._make(random_stream(3, "train", index))

    def validation_batches(self):
        return (self._make(random_stream(3, "validation", i)) for i in range(3))


def next_token_batch(rng):
    tokens = rng.integers(0, VOCAB, (ROWS, TIME))
    targets = np.where(rng.random(tokens.shape) < 0.3, -100, (3 * tokens + 1) % VOCAB)
    return TokenBatch(tokens, targets)


def pair_batch(rng):
    source = rng.integers(1, VOCAB, (ROWS, TIME))
    target = np.concatenate([np.ones((ROWS, 1), np.int64), source[:, :-1]], axis=1)
    return PairBatch(source, target, np.where(rng.random(source.shape) < 0.3, -100, source))


def contrastive_batch(rng):
    n = 8
    texts = [rng.integers(1, VOCAB, rng.integers(3, 8)) for _ in range(n)]
    texts += [text[1:] for text in texts]
    rows = TokenRows(np.concatenate(texts), np.array([len(text) for text in texts]))
    return ContrastiveBatch(rows, np.arange(2 * n), n)


def preference_batch(rng):
    n = 4
    tokens = rng.integers(1, VOCAB, (2 * n, TIME + 1))
    counted = np.zeros(tokens.shape, bool)
    counted[:, 3 : 4 + rng.integers(1, 4)] = True
    weights = rng.random(n) + 0.5
    return PreferenceBatch(
        *(tokens, counted, np.full(2 * n, TIME + 1), rng.permutation(100)[: 2 * n]),
        *(np.arange(n), np.arange(n, 2 * n), np.zeros(n), weights / weights.sum()),
        n_prompts=int(rng.integers(1, n + 1)),
    )


def case(name):
    """Return an objective in float64, and its batches."""
    if name == "next_token":
        return NextToken(GPT(GPTConfig(n_layer=2, **SIZES), dtype=np.float64)), next_token_batch
    if name == "translation":
        config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, **SIZES)
        return NextToken(Transformer(config, dtype=np.float64), label_smoothing=0.1), pair_batch
    if name == "contrastive":
        model = GPTEncoder(GPTEncoderConfig(n_layer=1, dims=(4,), **SIZES), dtype=np.float64)
        return Contrastive(model, tokens_per_batch=16), contrastive_batch
    reference = random_stream(3, "reference").standard_normal(100)
    model = GPT(GPTConfig(n_layer=1, **SIZES), dtype=np.float64)
    return DPO(model, reference, beta=0.4), preference_batch


def train(name, folder, workers, *, kill=None):
    """Train an objective for 20 steps; return its trainer."""
    objective, make = case(name)
    config = TrainConfig(
        steps=STEPS,
        grad_accum=1 if name == "contrastive" else ACCUM,
        warmup_steps=2,
        eps=1e-7,  # the gradient of a bias of keys is only rounding, which eps keeps small
        eval_interval=8,
        checkpoint_interval=3,
        log_interval=1,
    )
    out = Path(folder) / name
    try:
        find_checkpoint(out)
        resume = True
    except ValueError:
        resume = False
    run = Trainer(objective, Batches(make), config, workers=workers, out_dir=out, resume=resume)

    def die(trainer, record):
        if kill == (workers.rank, trainer.step):
            os.kill(os.getpid(), signal.SIGKILL)

    run.on("step", die)
    run.train()
    return run


def main(folder, *words):
    names = [word for word in words if not word.isdigit() and not word.startswith("--")]
    kill = None
    if "--kill" in words:
        rank, step = words[words.index("--kill") + 1 :][:2]
        kill = int(rank), int(step)
    trainer.plot_metrics = lambda run_directory, unit: False
    with Mpi(shards="--shard" in words) as workers:
        for name in names:
            train(name, folder, workers, kill=kill if name == names[-1] else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
