"""Training steps of a translation model compared with eager torch.nn.Transformer, equal models.

    python benchmarks/translation_train.py [--rounds 5]

The model is the small one. The recipe is that of translation: label smoothing 0.1, clipping at 1.0
and Adam with β₂ 0.98. Random pairs with lengths like those of Multi30k are bucketed by length, and
batches have a fixed number of tokens. Both programs take the same batches in the same order, and
start from the same weights. Without dropout, the losses of the first and of a later step must
agree. With dropout, the programs drop different elements, so the loss without dropout, before
training, must agree.
"""

import sys

import numpy as np
from interleave import benchmark_parser, check_equal, contest, contestant_of, ratio
from measure import median_seconds, print_result
from multi30k_like import random_lengths
from report import report

from scratchgpt.models import Transformer, TransformerConfig
from scratchgpt.text import PairBatches, TokenPairs, TokenRows
from scratchgpt.threads import one_pool
from scratchgpt.training import NextToken, TrainConfig
from scratchgpt.training.step import Stepper

DROPOUTS = {"without dropout": 0.0, "dropout 0.3": 0.3}
TARGET = 1.2  # ratio of tokens per second
END_OF_TEXT, PADDING = 0, 1
TOKENS_PER_BATCH, N_BATCHES, N_PAIRS = 2048, 3, 2000
SETTINGS = TrainConfig(
    lr=5e-4,
    min_lr=5e-4,
    warmup_steps=0,
    beta1=0.9,
    beta2=0.98,
    eps=1e-9,
    weight_decay=0.0,
    grad_clip=1.0,
    label_smoothing=0.1,
)


class FirstBatches:
    """Data source that repeats the first batches of a corpus."""

    def __init__(self, vocab_size: int) -> None:
        rng = np.random.default_rng(0)
        lengths = random_lengths(rng, N_PAIRS)
        others = np.maximum(lengths + rng.integers(-3, 4, N_PAIRS), 2)
        drawn = (
            TokenRows(rng.integers(2, vocab_size, (both - 1).sum()), both - 1)
            for both in (lengths, others)
        )
        pairs = TokenPairs(*drawn)
        batches = PairBatches(
            *(pairs, pairs),
            tokens_per_batch=TOKENS_PER_BATCH,
            seed=0,
            end_of_text=END_OF_TEXT,
            padding=PADDING,
        )
        self.batches = [batches.train_batch(i) for i in range(N_BATCHES)]

    def train_batch(self, index: int) -> tuple[np.ndarray, ...]:
        return self.batches[index % N_BATCHES]

    def validation_batches(self):
        return iter(())

    @property
    def n_tokens(self) -> int:
        """Number of target tokens in all batches, without padding."""
        return sum(int((targets >= 0).sum()) for _, _, targets in self.batches)


def problem(dropout: float) -> tuple[Transformer, FirstBatches]:
    settings = {"padding_id": PADDING, "dropout": dropout}
    config = TransformerConfig.from_preset("transformer-small", **settings)
    return Transformer(config), FirstBatches(config.vocab_size)


def measure(step, first_loss: float, n_tokens: int) -> None:
    """Time a pass over all batches, after a pass for the losses."""
    losses = [step(i) for i in range(N_BATCHES)]
    seconds = median_seconds(lambda: [step(i) for i in range(N_BATCHES)], warm_up=1)
    print_result(
        seconds / N_BATCHES,
        tokens_per_s=n_tokens / seconds,
        first_loss=first_loss,
        later_loss=losses[-1],
    )


def ours(dropout: float) -> None:
    model, batches = problem(dropout)
    first = batches.train_batch(0)
    first_loss = float(model.loss(*first, label_smoothing=SETTINGS.label_smoothing)[0])
    run = Stepper(NextToken.from_config(model, SETTINGS), batches, SETTINGS)
    with one_pool():
        measure(lambda i: run.update(i).loss, first_loss, batches.n_tokens)


def eager(dropout: float) -> None:
    import torch
    from torch_transformer import TorchTransformer

    torch.manual_seed(0)
    reference, batches = problem(dropout)
    model = TorchTransformer(reference, dropout)
    del reference
    ready = []
    for src, tgt, targets in batches.batches:
        causal = torch.nn.Transformer.generate_square_subsequent_mask(tgt.shape[1])
        src, tgt, targets = (torch.from_numpy(x) for x in (src, tgt, targets))
        ready.append((src, tgt, targets, src == PADDING, causal, SETTINGS.label_smoothing))
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=SETTINGS.lr,
        betas=(SETTINGS.beta1, SETTINGS.beta2),
        eps=SETTINGS.eps,
        weight_decay=0.0,
        fused=True,
    )
    model.eval()
    with torch.no_grad():
        first_loss = model(*ready[0]).item()
    model.train()

    def step(index: int) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = model(*ready[index % N_BATCHES])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS.grad_clip)
        optimizer.step()
        return loss.item()

    measure(step, first_loss, batches.n_tokens)


CONTESTANTS = {"ours": ours, "eager": eager}


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--dropouts", nargs="+", choices=DROPOUTS, default=list(DROPOUTS))
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](DROPOUTS[arguments.dropouts[0]])
        return
    rows = []
    for name in arguments.dropouts:
        contestants = [contestant_of(__file__, who, "--dropouts", name) for who in CONTESTANTS]
        print(f"{name}:", file=sys.stderr)
        contest(contestants, arguments.rounds)
        check_equal(name, contestants, "first_loss", 1e-4)
        if DROPOUTS[name] == 0:
            check_equal(name, contestants, "later_loss", 1e-4)
        rows.append((name, contestants, 1 / TARGET))
    columns = {"target tokens/s": ("tokens_per_s", "{:.0f}")}
    report("translation_train", rows, arguments.out, columns)
    for name, (mine, peer), _ in rows:
        if not peer.missing:
            times, low, high = ratio(mine, peer, "tokens_per_s")
            print(
                f"{name}: {times:.2f} ({low:.2f} to {high:.2f}) times the tokens/s of eager, "
                f"target {TARGET}"
            )


if __name__ == "__main__":
    main()
