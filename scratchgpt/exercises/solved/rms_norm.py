"""RMS norm: each row is divided by the root of its mean square, then weight."""


def forward(x, weight):  # (N, C), (C,)
    rstd = ((x * x).mean(axis=-1, keepdims=True) + 1e-6) ** -0.5  # (N, 1)
    x_hat = x * rstd  # (N, C)
    y = x_hat * weight  # (N, C)
    return y, (x_hat, rstd, weight)


def backward(dy, saved):
    """Return dx and dweight. dy is (N, C)."""
    x_hat, rstd, weight = saved  # (N, C), (N, 1), (C,)
    dweight = (dy * x_hat).sum(axis=0)  # (C,)
    dx_hat = dy * weight  # (N, C)
    projection = (dx_hat * x_hat).mean(axis=-1, keepdims=True)  # (N, 1): through rstd
    dx = (dx_hat - x_hat * projection) * rstd  # (N, C)
    return dx, dweight
