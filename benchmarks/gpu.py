"""A GPU: the tests of the array type that stands for CuPy, parity, and a step beside PyTorch.

    python benchmarks/gpu.py                 all parts, 5 rounds
    python benchmarks/gpu.py --parts tests   only some of them
    python benchmarks/gpu.py --rows 4        a smaller batch

1. `tests`: the suites that run on `tests/device/strict_array.py` without a GPU run on CuPy itself.
   So this type is checked against what it stands for.
2. `parity`: `scratchgpt verify all --device cuda` compares outputs and gradients of every
   operation, layer and small model with those of the CPU in float64: with CuPy's functions, then
   with the CUDA kernels.
3. `step`: a training step of `gpt2` on 8 rows of 1,024 tokens, in float32, TF32 and bfloat16,
   compared with PyTorch on the same GPU, eager and compiled. The losses of the first and of a later
   step must agree.

It needs the extra `cuda`, and PyTorch with CUDA for the last part.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from interleave import benchmark_parser, check_equal, contest, contestant_of
from measure import median_seconds, print_result
from report import report

from scratchgpt.measure import SETTINGS, Shape, one_batch_stepper, random_batch
from scratchgpt.models import GPT, GPTConfig

ROOT = Path(__file__).parents[1]
SUITES = (
    *("tests/ops/test_other_arrays.py", "tests/layers/test_other_arrays.py"),
    *("tests/models/test_other_arrays.py", "tests/training/test_on_a_device.py"),
    *("tests/device/test_cupy_names.py", "tests/kernels/cuda/test_launch.py"),
)
N_TIME = 1024
CHECKED_STEP = 5
# Maximum difference of the losses, from the order of sums, or from the precision of the products.
ALIKE = {"float32": 1e-4, "tf32": 2e-3, "bf16": 1e-2}


def shape_of(rows: int) -> Shape:
    return Shape(replace(GPTConfig.from_preset("gpt2"), dropout=0.0), rows, N_TIME)


def ours(rows: int, precision: str) -> None:
    shape = shape_of(rows)
    model = GPT(shape.config).to("cuda")
    run = one_batch_stepper(model, *random_batch(shape), precision)
    losses = [run.update(0).loss for _ in range(CHECKED_STEP)]  # reading a loss waits for the GPU
    seconds = median_seconds(lambda: run.update(0))
    print_result(seconds, first_loss=losses[0], later_loss=losses[-1])


def torch_step(rows: int, precision: str, *, compiled: bool) -> None:
    import torch
    from torch_gpt import TorchGPT

    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    shape = shape_of(rows)
    model = TorchGPT(GPT(shape.config)).cuda()
    tokens, targets = (torch.from_numpy(np.asarray(x)).cuda() for x in random_batch(shape))
    groups = [
        {
            "params": [p for p in model.parameters() if p.ndim > 1],
            "weight_decay": SETTINGS.weight_decay,
        },
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    betas = (SETTINGS.beta1, SETTINGS.beta2)
    optimizer = torch.optim.AdamW(groups, lr=SETTINGS.lr, betas=betas, fused=True)
    forward = torch.compile(model) if compiled else model

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            loss = forward(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS.grad_clip)
        optimizer.step()
        return loss.item()  # waits for the GPU

    losses = [step() for _ in range(CHECKED_STEP)]
    print_result(median_seconds(step), first_loss=losses[0], later_loss=losses[-1])


CONTESTANTS = {
    **{f"ours, {p}": lambda rows, p=p: ours(rows, p) for p in ALIKE},
    **{f"eager, {p}": lambda rows, p=p: torch_step(rows, p, compiled=False) for p in ALIKE},
    **{f"compiled, {p}": lambda rows, p=p: torch_step(rows, p, compiled=True) for p in ALIKE},
}


def run(*command: str, **environment: str) -> None:
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--rows", type=int, default=8, help="Rows of the batch.")
    parts = ("tests", "parity", "step")
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.rows)
        return
    if "tests" in arguments.parts:
        run(sys.executable, "-m", "pytest", "-q", *SUITES, SCRATCHGPT_DEVICE_TESTS="cuda")
    if "parity" in arguments.parts:
        for kernels in ([], ["--kernels"]):
            run(sys.executable, "-m", "scratchgpt", "verify", "all", "--device", "cuda", *kernels)
    if "step" in arguments.parts:
        rows = []
        for precision, alike in ALIKE.items():
            names = [f"{who}, {precision}" for who in ("ours", "eager", "compiled")]
            contestants = [
                contestant_of(__file__, name, "--rows", str(arguments.rows)) for name in names
            ]
            contest(contestants, arguments.rounds)
            for loss in ("first_loss", "later_loss"):
                check_equal(precision, contestants, loss, alike)
            rows.append((f"gpt2, {arguments.rows} x {N_TIME}, {precision}", contestants, None))
        report("gpu", rows, arguments.out, {})


if __name__ == "__main__":
    main()
