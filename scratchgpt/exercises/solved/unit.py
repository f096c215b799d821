"""Unit vectors: each row divided by its length, y = x / |x|."""


def forward(x):  # (N, C)
    length = (x * x).sum(axis=-1, keepdims=True) ** 0.5  # (N, 1)
    y = x / length  # (N, C)
    return y, (y, length)


def backward(dy, saved):
    """Return dx (N, C). dy is (N, C)."""
    y, length = saved  # (N, C), (N, 1)
    along = (dy * y).sum(axis=-1, keepdims=True)  # (N, 1): a longer x is the same y
    return (dy - y * along) / length  # (N, C)
