"""Train and evaluate a small model repeatedly; print the memory that each repetition allocates.

The output is JSON. For training and for evaluation it has the page faults of the first repetition,
the maximum of the later ones, and the maximum number of bytes that Python and NumPy allocated
during a later repetition.
"""

import json
import resource
import sys
import tracemalloc

import numpy as np

from scratchgpt.models import GPT, GPTConfig
from scratchgpt.training import NextToken, TrainConfig
from scratchgpt.training.step import Stepper

N_BATCH, N_TIME, N_CHANNELS, VOCAB = 8, 128, 128, 300
WARM = 3  # repetitions: the first finds the sizes, the second touches the arena's block


class Batches:
    """The same tokens each time, so that sampling them allocates nothing."""

    def __init__(self):
        self.tokens = np.random.default_rng(0).integers(0, VOCAB, (N_BATCH, N_TIME))

    def train_batch(self, index):
        return self.tokens, self.tokens

    def validation_batches(self):
        return iter([(self.tokens, self.tokens)] * 2)


def page_faults(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def growth(work):
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    work()
    return tracemalloc.get_traced_memory()[1] - before


def main(optimizer):
    config = GPTConfig(
        n_layer=2,
        n_head=4,
        n_embd=N_CHANNELS,
        block_size=N_TIME,
        vocab_size=VOCAB,
        dropout=0.1,
    )
    settings = TrainConfig(steps=100, grad_accum=2, eval_batches=2, optimizer=optimizer)
    steppers = [Stepper(NextToken(GPT(config)), Batches(), settings) for _ in range(2)]
    works = {"update": lambda: steppers[0].update(1), "evaluate": steppers[1].evaluate}
    answer = {}
    for name, work in works.items():
        faults = [page_faults(work) for _ in range(WARM + 5)]
        answer[name] = {"first_faults": faults[0], "later_faults": max(faults[WARM:])}
    tracemalloc.start()
    for name, work in works.items():
        answer[name]["growth"] = max(growth(work) for _ in range(3))
    print(json.dumps(answer))


main(sys.argv[1])
