"""Squared ReLU: y = x^2 if x is positive, and otherwise 0."""


def forward(x):
    positive = x * (x.real > 0)  # (...)
    y = positive**2  # (...)
    return y, positive


def backward(dy, saved):
    """Return dx. dy has the shape of y."""
    positive = saved
    return dy * 2 * positive
