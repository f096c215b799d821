"""A training run as a separate process, to be killed or interrupted by the tests.

python training_process.py OUT_DIR STEPS CHECKPOINT_INTERVAL [wait]

It resumes if there is a checkpoint, prints "step N" after each update, and at the end "done" or
"interrupted by SIGNAL". With "wait" it waits for a line on standard input after each update.
"""

import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import CharacterTokenizer
from scratchgpt.training import NextToken, TrainConfig, Trainer, find_checkpoint, trainer


class RandomBatches:
    def train_batch(self, index):
        tokens = np.random.default_rng(index).integers(0, 11, (3, 6))
        return tokens, (tokens + 1) % 11

    def validation_batches(self):
        yield self.train_batch(10**6)


def main(out_dir, steps, checkpoint_interval, wait=False):
    trainer.plot_metrics = lambda run_directory, unit: False
    config = GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=6, vocab_size=11, dropout=0.1)
    settings = TrainConfig(
        steps=steps,
        grad_accum=2,
        warmup_steps=2,
        schedule="constant",  # so that runs of different lengths agree on their common steps
        eval_interval=5,
        checkpoint_interval=checkpoint_interval,
        log_interval=1,
    )
    try:
        find_checkpoint(out_dir)
        resume = True
    except ValueError:
        resume = False
    run = Trainer(
        NextToken(GPT(config)),
        RandomBatches(),
        settings,
        out_dir=out_dir,
        resume=resume,
        tokenizer=CharacterTokenizer("abcdefghijk"),
    )

    def report(trainer, record):
        print("step", trainer.step, flush=True)
        if wait:
            sys.stdin.readline()

    run.on("step", report)
    result = run.train()
    print("done" if result.interrupted is None else f"interrupted by {result.interrupted}")


if __name__ == "__main__":
    out_dir, steps, checkpoint_interval, *rest = sys.argv[1:]
    main(out_dir, int(steps), int(checkpoint_interval), wait=rest == ["wait"])
