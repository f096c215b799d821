"""One training step against PyTorch, eager and compiled, on an equal model.

    python benchmarks/train_step.py                     all three shapes, 5 rounds
    python benchmarks/train_step.py --shapes char --rounds 3

A step is forward, backward, clipping at 1.0 and AdamW, on one batch. Both sides start from the same
weights, and the losses of the first and of a later step must agree. Our speed is also told as a
share of the machine's best product of large float32 matrices, from the arithmetic in the matrix
products of a step (of attention the whole square, though ours skips what the mask forbids).
"""

import sys

import numpy as np
from interleave import benchmark_parser, check_equal, contest, itself
from machine import sgemm_peak
from measure import median_seconds, peak_mib, tell
from report import report

# layers, heads, channels, block size, vocabulary, batch, tokens of a text; target of the ratio
SHAPES = {
    "char": ((4, 4, 128, 64, 65, 12, 64), 0.70),
    "baby": ((6, 6, 384, 256, 65, 8, 256), 0.87),
    "gpt2": ((12, 12, 768, 1024, 50257, 4, 64), 0.55),
}
CHECKED_STEP = 5
SETTINGS = {"lr": 1e-3, "betas": (0.9, 0.99), "weight_decay": 0.1}


def problem(
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    vocab_size: int,
    n_batch: int,
    n_time: int,
):
    """Our model and a batch of random tokens."""
    from scratchgpt.models import GPT, GPTConfig

    model = GPT(
        GPTConfig(
            n_layer=n_layer,
            n_head=n_head,
            n_embd=n_embd,
            block_size=block_size,
            vocab_size=vocab_size,
            dropout=0.0,
        )
    )
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, vocab_size, (2, n_batch, n_time))
    return model, tokens[0], tokens[1]


def stepper(model, tokens, targets):
    """What makes one update after the other from one batch."""
    from scratchgpt.training.config import TrainConfig
    from scratchgpt.training.step import Stepper

    class OneBatch:
        def train_batch(self, index):
            return tokens, targets

        def validation_batches(self):
            return iter(())

    config = TrainConfig(
        lr=SETTINGS["lr"],
        min_lr=SETTINGS["lr"],
        warmup_steps=0,
        beta1=SETTINGS["betas"][0],
        beta2=SETTINGS["betas"][1],
        weight_decay=SETTINGS["weight_decay"],
        grad_clip=1.0,
    )
    return Stepper(model, OneBatch(), config)


def ours(shape: str) -> None:
    model, tokens, targets = problem(*SHAPES[shape][0])
    run = stepper(model, tokens, targets)
    losses = [run.update(0).loss for _ in range(CHECKED_STEP)]
    seconds = median_seconds(lambda: run.update(0))
    peak = peak_mib()  # before the matrices that the best product takes
    share = step_flops(model, tokens) / seconds / sgemm_peak()
    tell(seconds, peak=peak, first_loss=losses[0], later_loss=losses[-1], of_sgemm_peak=share)


def step_flops(model, tokens) -> int:
    """Multiplications and additions in the matrix products of one step."""
    from scratchgpt.models import describe

    per_token = describe(model.config.replace(block_size=tokens.shape[1])).training_flops_per_token
    return per_token * tokens.size


def torch_step(shape: str, *, compiled: bool) -> None:
    import torch
    from torch_gpt import TorchGPT

    torch.manual_seed(0)
    reference, tokens, targets = problem(*SHAPES[shape][0])
    model = TorchGPT(reference)
    del reference
    tokens, targets = torch.from_numpy(tokens), torch.from_numpy(targets)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, **SETTINGS, fused=True)
    forward = torch.compile(model) if compiled else model

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(CHECKED_STEP)]
    tell(median_seconds(step), first_loss=losses[0], later_loss=losses[-1])


CONTESTANTS = {
    "ours": ours,
    "eager": lambda shape: torch_step(shape, compiled=False),
    "compiled": lambda shape: torch_step(shape, compiled=True),
}


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument(
        "--peers", nargs="*", choices=("eager", "compiled"), default=["eager", "compiled"]
    )
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.shapes[0])
        return
    rows = []
    for shape in arguments.shapes:
        names = ("ours", *arguments.peers)
        contestants = [itself(__file__, name, "--shapes", shape) for name in names]
        print(f"{shape}:", file=sys.stderr)
        contest(contestants, arguments.rounds)
        for loss in ("first_loss", "later_loss"):
            check_equal(shape, contestants, loss, 1e-4)
        rows.append((shape, contestants, SHAPES[shape][1]))
    report("train_step", rows, arguments.out, {"of sgemm's peak": ("of_sgemm_peak", "{:.0%}")})


if __name__ == "__main__":
    main()
