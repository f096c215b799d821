"""Each operation forward and backward: our kernels, our plain NumPy, and PyTorch eager.

    python benchmarks/ops.py [--rounds 3] [--ops layer_norm softmax]

The arrays are float32, with the sizes and layouts of training: PyTorch stores the weight of a
linear layer transposed, and a head is the transpose of the embedding. Every call allocates new
gradients, in all programs. All values and gradients are compared before the timing. The time is
that of both passes; AdamW has only one. Dropout samples a different mask in PyTorch, so there the
fraction and the scale of the kept elements are compared.
"""

import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal, NamedTuple

import numpy as np
from interleave import benchmark_parser, contest, contestant_of
from measure import median_laps, print_result
from report import report

from scratchgpt import kernels, ops
from scratchgpt.memory import Arena, zeros
from scratchgpt.threads import one_pool

TOLERANCE = 1e-5  # relative to the largest value
DROPOUT = 0.1
LR, DECAY = 1e-3, 0.1
N_PARAMETERS = 10_000_000
VOCABULARY = 50257
COLUMNS = {"forward": ("forward_ms", "{:.3f} ms"), "backward": ("backward_ms", "{:.3f} ms")}


class Case(NamedTuple):
    """An operation on arrays: ours, and the same operation in PyTorch."""

    shapes: Sequence[tuple[int, ...]]  # shapes of the inputs that get a gradient
    forward: Callable[..., tuple[Any, Any]]  # (*inputs, *integers) -> y, saved
    backward: Callable[[Any, Any], Any]  # (dy, saved) -> gradients
    torch: Callable[..., Any]  # (torch, *inputs, *integers) -> y
    integers: tuple[int, tuple[int, ...]] | None = None  # highest, and shape
    # Memory layout of the second input if it is a weight (n_in, n_out): ours, PyTorch's.
    weight_order: tuple[Literal["C", "F"], Literal["C", "F"]] = ("C", "C")


def linear(n_rows: int, n_in: int, n_out: int) -> Case:
    return Case(
        [(n_rows, n_in), (n_in, n_out), (n_out,)],
        ops.linear_forward,
        ops.linear_backward,
        lambda torch, x, w, b: torch.nn.functional.linear(x, w.T, b),
        weight_order=("C", "F"),
    )


def gelu(approximate: str) -> Case:
    return Case(
        [(2048, 1536)],
        lambda x: ops.gelu_forward(x, approximate),
        ops.gelu_backward,
        lambda torch, x: torch.nn.functional.gelu(x, approximate=approximate),
    )


CASES = {
    "linear 768x128x512": linear(768, 128, 512),
    "linear 2048x384x1152": linear(2048, 384, 1152),
    "linear 256x768x3072": linear(256, 768, 3072),
    "tied head 256x768x50257": Case(
        [(256, 768), (768, VOCABULARY)],
        ops.linear_forward,
        lambda dy, saved: ops.linear_backward(dy, saved, zeros(saved.weight.T.shape, dy).T),
        lambda torch, x, w: torch.nn.functional.linear(x, w.T),
        weight_order=("F", "F"),
    ),
    "layer_norm": Case(
        [(2048, 768), (768,), (768,)],
        ops.layer_norm_forward,
        ops.layer_norm_backward,
        lambda torch, x, w, b: torch.nn.functional.layer_norm(x, (768,), w, b),
    ),
    "rms_norm": Case(
        [(2048, 768), (768,)],
        ops.rms_norm_forward,
        ops.rms_norm_backward,
        lambda torch, x, w: torch.nn.functional.rms_norm(x, (768,), w, 1e-6),
    ),
    "gelu exact": gelu("none"),
    "gelu tanh": gelu("tanh"),
    "softmax": Case(
        [(8, 6, 256, 256)],
        ops.softmax_forward,
        ops.softmax_backward,
        lambda torch, x: x.softmax(-1),
    ),
    "cross_entropy": Case(
        [(256, VOCABULARY)],
        ops.cross_entropy_forward,
        ops.cross_entropy_backward,
        lambda torch, x, targets: torch.nn.functional.cross_entropy(x, targets),
        (VOCABULARY, (256,)),
    ),
    "embedding": Case(
        [(VOCABULARY, 768)],
        lambda weight, tokens: ops.embedding_forward(tokens, weight),
        ops.embedding_backward,
        lambda torch, weight, tokens: torch.nn.functional.embedding(tokens, weight),
        (VOCABULARY, (8, 256)),
    ),
    "dropout": Case(
        [(2048, 1536)],
        lambda x: ops.dropout_forward(x, DROPOUT, 1),
        ops.dropout_backward,
        lambda torch, x: torch.dropout(x, DROPOUT, True),
    ),
}
ADAMW = "AdamW, 10M parameters"


def problem(case: Case, side: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the inputs that get a gradient, and the integers; side 0 is ours, 1 is PyTorch's."""
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(shape, dtype=np.float32) for shape in case.shapes]
    if case.weight_order[side] == "F":
        inputs[1] = np.asfortranarray(inputs[1])
    return inputs, [] if case.integers is None else [rng.integers(0, *case.integers)]


def gradient_of(y: Any) -> Any:
    """Return an upstream gradient: 1 for a loss, random otherwise."""
    if np.ndim(y) == 0:
        return np.float32(1)
    return np.random.default_rng(1).standard_normal(y.shape, dtype=np.float32)


# A contestant is a forward function and a backward function, which returns y and all gradients. The
# optimizer has no backward.
Passes = tuple[Callable[[], Any], Callable[[Any], Sequence[Any]]]


def our_passes(name: str) -> Passes:
    if name == ADAMW:
        return our_adamw()
    case = CASES[name]
    inputs, integers = problem(case, 0)
    dy = gradient_of(case.forward(*inputs, *integers)[0])

    def backward(state: Any) -> Sequence[Any]:
        y, saved = state
        gradients = case.backward(dy, saved)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        return [y, *(gradient for gradient in gradients if gradient is not None)]

    return lambda: case.forward(*inputs, *integers), backward


def torch_passes(name: str) -> Passes:
    import torch

    if name == ADAMW:
        return torch_adamw(torch)
    case = CASES[name]
    inputs, integers = ([torch.from_numpy(x) for x in xs] for xs in problem(case, 1))
    for x in inputs:
        x.requires_grad_()
    dy = torch.as_tensor(gradient_of(case.torch(torch, *inputs, *integers).detach()))
    return (
        lambda: case.torch(torch, *inputs, *integers),
        lambda y: [y.detach(), *torch.autograd.grad(y, inputs, dy)],
    )


def our_adamw() -> Passes:
    from scratchgpt.layers.parameters import Parameter, ParameterStore
    from scratchgpt.optim import AdamW

    values, gradients = adamw_problem()
    store = ParameterStore({"weight": Parameter(values.shape, lambda *_: None)}, np.float32)
    store.named["weight"].value[...] = values
    store.named["weight"].grad[...] = gradients
    optimizer = AdamW(store, weight_decay=DECAY)
    return lambda: optimizer.step(LR), lambda _: [store.named["weight"].value]


def torch_adamw(torch) -> Passes:
    values, gradients = map(torch.from_numpy, adamw_problem())
    parameter = torch.nn.Parameter(values)
    parameter.grad = gradients
    optimizer = torch.optim.AdamW([parameter], lr=LR, weight_decay=DECAY, fused=True)
    return optimizer.step, lambda _: [parameter.detach()]


def adamw_problem() -> np.ndarray:
    """Return parameters and gradients."""
    return np.random.default_rng(0).standard_normal((2, N_PARAMETERS // 1000, 1000), np.float32)


CONTESTANTS = {
    "ours": (our_passes, one_pool),
    "plain NumPy": (our_passes, kernels.disabled),
    "PyTorch": (torch_passes, nullcontext),
}


def take_time(name: str, contestant: str) -> None:
    build, context = CONTESTANTS[contestant]
    arena = Arena()  # as in a training step; PyTorch does not use it
    with context():
        forward, backward = build(name)

        def laps() -> tuple[float, float]:
            with arena:
                began = time.perf_counter()
                state = forward()
                middle = time.perf_counter()
                backward(state)
                return middle - began, time.perf_counter() - middle

        first, second = median_laps(laps, at_least=1.0)
    both = {"forward_ms": 1e3 * first} | ({} if name == ADAMW else {"backward_ms": 1e3 * second})
    print_result(first + second, **both)


def check(name: str) -> None:
    """Exit if the values or gradients of the contestants differ."""
    results = {}
    for contestant, (build, context) in CONTESTANTS.items():
        if contestant == "PyTorch" and not importlib.util.find_spec("torch"):
            continue
        with context():
            forward, backward = build(name)
            results[contestant] = [np.asarray(x) for x in backward(forward())]
    mine = results.pop("ours")
    for peer, theirs in results.items():
        if name == "dropout" and peer == "PyTorch":
            mine, theirs = ([kept_and_scale(x) for x in xs] for xs in (mine, theirs))
        for a, b in zip(mine, theirs, strict=True):
            error = np.abs(a - b).max() / np.abs(b).max()
            if not error <= (1e-3 if name == "dropout" else TOLERANCE):
                raise SystemExit(f"{name}: ours and {peer} differ by {error:.1e} of the largest")


def kept_and_scale(y: np.ndarray) -> np.ndarray:
    """Return the fraction of elements that dropout kept, and their scale."""
    kept = y[y != 0]
    return np.array([kept.size / y.size, np.abs(kept).mean()])


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS, rounds=3)
    names = [*CASES, ADAMW]
    parser.add_argument("--ops", nargs="+", choices=names, default=names, metavar="OP")
    arguments = parser.parse_args()
    if arguments.contestant:
        take_time(arguments.ops[0], arguments.contestant)
        return
    rows = []
    for name in arguments.ops:
        print(f"{name}:", file=sys.stderr)
        check(name)
        contestants = [contestant_of(__file__, one, "--ops", name) for one in CONTESTANTS]
        contest(contestants, arguments.rounds)
        rows.append((name, contestants, None))
    report("ops", rows, arguments.out, COLUMNS)


if __name__ == "__main__":
    main()
