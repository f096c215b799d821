"""Causal attention, forward and backward, compared with PyTorch's scaled_dot_product_attention.

python benchmarks/attention.py [--rounds 5]

Two cases more have groups of three query heads; PyTorch computes them with ``enable_gqa``, and the
window with a mask.
"""

from typing import NamedTuple

import numpy as np
from interleave import benchmark_parser, check_equal, contest, contestant_of
from measure import median_seconds, print_result
from report import report


class Size(NamedTuple):
    n_batch: int
    n_time: int
    n_head: int
    n_kv_head: int
    d: int
    target: float  # ratio of the times
    window: int | None = None


SIZES = {
    "T = 64": Size(12, 64, 4, 4, 32, 0.35),
    "T = 256": Size(8, 256, 6, 6, 64, 0.45),
    "T = 1024": Size(2, 1024, 12, 12, 64, 0.80),
    "T = 2048": Size(1, 2048, 12, 12, 64, 0.85),
    "groups of 3": Size(4, 256, 9, 3, 64, 0.55),
    "window of 128": Size(1, 1024, 9, 3, 64, 0.25, window=128),
}


def problem(name: str) -> list[np.ndarray]:
    """Return q, k, v and dy as in a model: views (B, H, T, D) of one array (B, T, 2 (H + K) D)."""
    size = SIZES[name]
    counts = (size.n_head, size.n_kv_head, size.n_kv_head, size.n_head)
    shape = (size.n_batch, size.n_time, sum(counts), size.d)
    fused = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    parts = np.split(fused, np.cumsum(counts)[:-1], axis=2)
    return [part.swapaxes(1, 2) for part in parts]


def ours(name: str) -> None:
    from scratchgpt.memory import Arena
    from scratchgpt.ops import attention_backward, attention_forward
    from scratchgpt.threads import one_pool

    q, k, v, dy = problem(name)
    arena = Arena()

    def work() -> float:
        with arena:
            y, saved = attention_forward(q, k, v, causal=True, window=SIZES[name].window)
            dq, dk, _ = attention_backward(dy, saved)
            return float(dq[0, 0, -1, 0] + dk[0, 0, 0, 0] + y[0, 0, -1, 0])

    value = work()
    with one_pool():
        seconds = median_seconds(work)
    print_result(seconds, value=value)


def sdpa(name: str) -> None:
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    q, k, v, dy = (torch.from_numpy(x) for x in problem(name))
    for x in (q, k, v):
        x.requires_grad_()
    size, mask = SIZES[name], None
    if size.window is not None:
        seen = np.tri(size.n_time, dtype=bool) & ~np.tri(size.n_time, k=-size.window, dtype=bool)
        mask = torch.from_numpy(seen)
    settings = {"is_causal": mask is None, "enable_gqa": size.n_head != size.n_kv_head}

    def work() -> float:
        for x in (q, k, v):
            x.grad = None
        y = scaled_dot_product_attention(q, k, v, attn_mask=mask, **settings)
        y.backward(dy)
        return float(q.grad[0, 0, -1, 0] + k.grad[0, 0, 0, 0] + y.detach()[0, 0, -1, 0])

    value = work()
    print_result(median_seconds(work), value=value)


CONTESTANTS = {"ours": ours, "SDPA": sdpa}


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.sizes[0])
        return
    rows = []
    for name in arguments.sizes:
        contestants = [contestant_of(__file__, who, "--sizes", name) for who in CONTESTANTS]
        contest(contestants, arguments.rounds)
        check_equal(name, contestants, "value", 1e-4)
        rows.append((name, contestants, SIZES[name].target))
    report("attention", rows, arguments.out)


if __name__ == "__main__":
    main()
