"""One training step compared with PyTorch, eager and compiled, on an equal model.

    python benchmarks/train_step.py                     all four shapes, 5 rounds
    python benchmarks/train_step.py --shapes char --rounds 3
    python benchmarks/train_step.py --precisions float32    without bfloat16

A step is forward, backward, clipping at 1.0 and AdamW, on one batch. Both programs start from the
same weights, and the losses of the first and of a later step must agree. Our speed is also reported
as a fraction of the machine's peak speed for large float32 matrix products. It counts the
arithmetic in the matrix products of a step, including the masked half of attention, which ours
skips.

The shape ``smollm2`` is that of SmolLM2-135M, in the form of Llama, with B 4 and T 256; its peer is
the model of transformers.

In bfloat16 (`--precision bf16`) ours is compared with PyTorch in float32, eager and compiled, and
with its automatic mixed precision.
"""

import sys

from interleave import benchmark_parser, check_equal, contest, contestant_of
from measure import median_seconds, peak_mib, print_result
from report import report

from scratchgpt import measure
from scratchgpt.measure import SETTINGS, Shape, one_batch_stepper, random_batch, sgemm_speed
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.threads import one_pool

SMOLLM2 = GPTConfig.from_preset("smollm2-135m", block_size=2048)
SHAPES = {**measure.SHAPES, "smollm2": Shape(SMOLLM2, 4, 256)}
# Targets for the ratio of the times.
TARGETS = {"char": 0.70, "baby": 0.87, "gpt2": 0.55, "smollm2": 0.55}
CHECKED_STEP = 5
# Maximum difference of the losses, from the order of sums, or from the precision of bfloat16.
ALIKE = {"float32": 1e-4, "bf16": 1e-2}


def problem(shape: str):
    """Return our model and a batch of random tokens."""
    return GPT(SHAPES[shape].config), *random_batch(SHAPES[shape])


def ours(shape: str, precision: str = "float32") -> None:
    run = one_batch_stepper(*problem(shape), precision)
    with one_pool():
        losses = [run.update(0).loss for _ in range(CHECKED_STEP)]
        seconds = median_seconds(lambda: run.update(0))
    peak = peak_mib()  # before the matrices of the peak-speed measurement
    share = SHAPES[shape].training_flops / seconds / sgemm_speed()
    print_result(
        seconds, peak=peak, first_loss=losses[0], later_loss=losses[-1], of_sgemm_peak=share
    )


def torch_step(shape: str, *, compiled: bool = False, mixed: bool = False) -> None:
    import torch
    from torch_gpt import TorchGPT, TorchLlama

    torch.manual_seed(0)
    reference, tokens, targets = problem(shape)
    model = TorchGPT(reference) if reference.config.norm == "layer" else TorchLlama(reference)
    del reference
    tokens, targets = torch.from_numpy(tokens), torch.from_numpy(targets)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": SETTINGS.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    betas = (SETTINGS.beta1, SETTINGS.beta2)
    optimizer = torch.optim.AdamW(groups, lr=SETTINGS.lr, betas=betas, fused=True)
    forward = torch.compile(model) if compiled else model

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = forward(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS.grad_clip)
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(CHECKED_STEP)]
    print_result(median_seconds(step), first_loss=losses[0], later_loss=losses[-1])


CONTESTANTS = {
    "ours": ours,
    "ours in bf16": lambda shape: ours(shape, "bf16"),
    "eager": torch_step,
    "compiled": lambda shape: torch_step(shape, compiled=True),
    "mixed": lambda shape: torch_step(shape, mixed=True),
}


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--precisions", nargs="+", choices=ALIKE, default=list(ALIKE))
    parser.add_argument(
        "--peers", nargs="*", choices=("eager", "compiled"), default=["eager", "compiled"]
    )
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.shapes[0])
        return
    sides = {
        "float32": ["ours", *arguments.peers],
        "bf16": ["ours in bf16", *arguments.peers, "mixed"],
    }
    sides = {precision: sides[precision] for precision in arguments.precisions}
    rows = []
    for shape in arguments.shapes:
        every = {
            name: contestant_of(__file__, name, "--shapes", shape)
            for name in CONTESTANTS
            if any(name in names for names in sides.values())
        }
        print(f"{shape}:", file=sys.stderr)
        contest(list(every.values()), arguments.rounds)
        for precision, names in sides.items():
            contestants = [every[name] for name in names]
            for loss in ("first_loss", "later_loss"):
                check_equal(shape, contestants, loss, ALIKE[precision])
            plain = precision == "float32"
            title = shape if plain else f"{shape}, {precision}"
            rows.append((title, contestants, TARGETS[shape] if plain else None))
    report("train_step", rows, arguments.out, {"of peak sgemm": ("of_sgemm_peak", "{:.0%}")})


if __name__ == "__main__":
    main()
