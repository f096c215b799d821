"""Causal attention, forward and backward, compared with PyTorch's scaled_dot_product_attention.

python benchmarks/attention.py [--rounds 5]
"""

import numpy as np
from interleave import benchmark_parser, check_equal, contest, contestant_of
from measure import median_seconds, print_result
from report import report

# Batch, heads, head size, and target ratio, by number of positions.
SIZES = {
    64: (12, 4, 32, 0.35),
    256: (8, 6, 64, 0.45),
    1024: (2, 12, 64, 0.80),
    2048: (1, 12, 64, 0.85),
}


def problem(n_time: int) -> list[np.ndarray]:
    """Return q, k, v and dy as in a model: views (B, H, T, D) of one array (B, T, 4, H, D)."""
    n_batch, n_head, d, _ = SIZES[n_time]
    rng = np.random.default_rng(0)
    fused = rng.standard_normal((n_batch, n_time, 4, n_head, d), dtype=np.float32)
    return list(fused.transpose(2, 0, 3, 1, 4))


def ours(n_time: int) -> None:
    from scratchgpt.memory import Arena
    from scratchgpt.ops import attention_backward, attention_forward
    from scratchgpt.threads import one_pool

    q, k, v, dy = problem(n_time)
    arena = Arena()

    def work() -> float:
        with arena:
            y, saved = attention_forward(q, k, v, causal=True)
            return float(attention_backward(dy, saved)[0][0, 0, 0, 0] + y[0, 0, 0, 0])

    value = work()
    with one_pool():
        seconds = median_seconds(work)
    print_result(seconds, value=value)


def sdpa(n_time: int) -> None:
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    q, k, v, dy = (torch.from_numpy(x) for x in problem(n_time))
    for x in (q, k, v):
        x.requires_grad_()

    def work() -> float:
        for x in (q, k, v):
            x.grad = None
        y = scaled_dot_product_attention(q, k, v, is_causal=True)
        y.backward(dy)
        return float(q.grad[0, 0, 0, 0] + y.detach()[0, 0, 0, 0])

    value = work()
    print_result(median_seconds(work), value=value)


CONTESTANTS = {"ours": ours, "SDPA": sdpa}


def main() -> None:
    parser = benchmark_parser(__doc__, CONTESTANTS)
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=list(SIZES))
    arguments = parser.parse_args()
    if arguments.contestant:
        CONTESTANTS[arguments.contestant](arguments.sizes[0])
        return
    rows = []
    for size in arguments.sizes:
        contestants = [contestant_of(__file__, name, "--sizes", size) for name in CONTESTANTS]
        contest(contestants, arguments.rounds)
        check_equal(f"T = {size}", contestants, "value", 1e-4)
        rows.append((f"T = {size}", contestants, SIZES[size][3]))
    report("attention", rows, arguments.out)


if __name__ == "__main__":
    main()
