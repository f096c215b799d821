"""Layer norm: each row is shifted to mean 0, scaled to variance 1, then weight and bias."""


def forward(x, weight, bias):  # (N, C), (C,), (C,)
    mean = x.mean(axis=-1, keepdims=True)  # (N, 1)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)  # (N, 1)
    rstd = (variance + 1e-5) ** -0.5  # (N, 1)
    x_hat = (x - mean) * rstd  # (N, C)
    y = x_hat * weight + bias  # (N, C)
    return y, (x_hat, rstd, weight)


def backward(dy, saved):
    """Return dx, dweight and dbias. dy is (N, C)."""
    x_hat, rstd, weight = saved  # (N, C), (N, 1), (C,)
    dweight = (dy * x_hat).sum(axis=0)  # (C,)
    dbias = dy.sum(axis=0)  # (C,)
    dx_hat = dy * weight  # (N, C)
    mean = dx_hat.mean(axis=-1, keepdims=True)  # (N, 1): through the mean
    projection = (dx_hat * x_hat).mean(axis=-1, keepdims=True)  # (N, 1): through rstd
    dx = (dx_hat - mean - x_hat * projection) * rstd  # (N, C)
    return dx, dweight, dbias
