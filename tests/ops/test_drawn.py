"""The checks of the registered cases at random shapes, layouts, dtypes and values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.verify import check_vjp
from scratchgpt.verify.examples import EXAMPLES, LAYOUTS, arrange

sizes = st.integers(1, 5)
leading = st.lists(st.integers(1, 3), max_size=2).map(tuple)


class Point:
    """Random arrays for a seed and a scale that Hypothesis chooses."""

    def __init__(self, data):
        self._rng = np.random.default_rng(data.draw(st.integers(0, 2**32), label="seed"))
        self._scale = data.draw(st.sampled_from([1e-3, 1.0, 5.0]), label="scale")
        self.data = data

    def draw(self, strategy):
        return self.data.draw(strategy)

    def normal(self, *shape):
        return np.asarray(self._scale * self._rng.standard_normal(shape))

    def unit(self, *shape):
        return np.asarray(self._rng.standard_normal(shape))

    def integers(self, high, shape):
        return self._rng.integers(0, high, shape)

    def booleans(self, *shape):
        return self._rng.random(shape) < 0.7


def linear(p):
    n_in, n_out, rows = p.draw(sizes), p.draw(sizes), p.draw(leading)
    bias = p.normal(n_out) if p.draw(st.booleans()) else None
    return {"x": p.normal(*rows, n_in), "weight": p.unit(n_in, n_out), "bias": bias}, {}


def embedding(p):
    n_rows, n_channels, shape = p.draw(sizes), p.draw(sizes), p.draw(leading)
    return {
        "tokens": np.asarray(p.integers(n_rows, shape)),
        "weight": p.normal(n_rows, n_channels),
    }, {}


def layer_norm(p):
    # With two channels, the output is a pair of signs, and its gradient suffers cancellation.
    n, rows = p.draw(st.integers(3, 7)), p.draw(leading)
    bias = p.unit(n) if p.draw(st.booleans()) else None
    return {"x": p.normal(*rows, n), "weight": p.unit(n), "bias": bias}, {}


def residual_layer_norm(p):
    inputs, settings = layer_norm(p)
    x = inputs.pop("x")
    return {"x": x, "branch": p.unit(*x.shape), **inputs}, settings


def rms_norm(p):
    # With one channel, the output is a sign, and its gradient of 0 is a rounding error.
    n, rows = p.draw(st.integers(2, 7)), p.draw(leading)
    return {"x": p.normal(*rows, n), "weight": p.unit(n) if p.draw(st.booleans()) else None}, {}


def residual_rms_norm(p):
    inputs, settings = rms_norm(p)
    x = inputs.pop("x")
    return {"x": x, "branch": p.unit(*x.shape), **inputs}, settings


def soft_cap(p):
    return {"x": p.normal(*p.draw(leading), p.draw(sizes))}, {"cap": p.draw(st.floats(0.5, 50))}


def gelu(p):
    settings = {"approximate": p.draw(st.sampled_from(["none", "tanh"]))}
    return {"x": p.normal(*p.draw(leading), p.draw(sizes))}, settings


def relu(p):
    x = p.unit(*p.draw(leading), p.draw(sizes))
    return {"x": x + 0.1 * np.sign(x)}, {}


def elementwise(p):
    return {"x": p.normal(*p.draw(leading), p.draw(sizes))}, {}


def gated_product(p):
    x = p.unit(*p.draw(leading), 2 * p.draw(sizes))
    settings = {"activation": p.draw(st.sampled_from(["silu", "gelu_tanh", "gelu", "relu"]))}
    return {"x": x + 0.1 * np.sign(x)}, settings


def rotary(p):
    *rows, n_time, half = (*p.draw(leading), p.draw(sizes), p.draw(sizes))
    own = p.draw(st.booleans())
    angles = p.unit(*(rows if own else []), n_time, half)
    return {"x": p.normal(*rows, n_time, 2 * half)}, {
        "cos": np.cos(angles),
        "sin": np.sin(angles),
        "pairing": p.draw(st.sampled_from(["halves", "neighbors"])),
    }


def softmax(p):
    shape = (*p.draw(leading), p.draw(sizes), p.draw(sizes))
    return {"x": p.normal(*shape)}, {"axis": p.draw(st.integers(-len(shape), len(shape) - 1))}


def cross_entropy(p):
    shape, vocab_size = p.draw(leading), p.draw(st.integers(2, 6))
    targets = np.where(p.booleans(*shape), p.integers(vocab_size, shape), -100)
    return {"logits": p.normal(*shape, vocab_size), "targets": targets}, {
        "label_smoothing": p.draw(st.floats(0, 1)),
        "reduction": p.draw(st.sampled_from(["mean", "sum", "none"])),
    }


def dropout(p):
    x = p.normal(*p.draw(leading), p.draw(sizes))
    return {"x": x}, {"p": p.draw(st.floats(0, 1)), "seed": p.draw(st.integers(0, 2**63))}


def residual(p):
    shape = p.draw(leading)
    return {"x": p.normal(*shape), "branch": p.unit(*shape)}, {}


def broadcast(p):
    shape = p.draw(st.lists(sizes, min_size=1, max_size=3))
    kept = [1 if p.draw(st.booleans()) else n for n in shape]
    return {"x": p.normal(*kept[p.draw(st.integers(0, len(kept))) :])}, {"shape": tuple(shape)}


def attention(p):
    batch, n_head, t, s, d, e = (p.draw(st.integers(1, 4)) for _ in range(6))
    mask = p.draw(st.sampled_from(["none", "boolean", "additive"]))
    settings = {
        "mask": {"none": None, "boolean": p.booleans(t, s), "additive": p.unit(n_head, t, s)}[mask],
        "key_padding_mask": ~p.booleans(batch, s) if p.draw(st.booleans()) else None,
        "causal": p.draw(st.booleans()),
        "dropout_p": p.draw(st.sampled_from([0.0, 0.3])),
        "dropout_seed": p.draw(st.integers(0, 2**63)),
    }
    q, k = p.unit(batch, n_head, t, d), p.unit(batch, n_head, s, d)
    return {"q": q, "k": k, "v": p.normal(batch, n_head, s, e)}, settings


def unit(p):
    # With one channel, the output is a sign, and its gradient of 0 is a rounding error.
    return {"x": p.normal(*p.draw(leading), p.draw(st.integers(2, 6)))}, {}


def pool(p):
    n_texts, n_time, n_channels = p.draw(st.integers(0, 3)), p.draw(sizes), p.draw(sizes)
    lengths = 1 + p.integers(n_time, n_texts)
    return {"x": p.normal(n_texts, n_time, n_channels), "lengths": lengths}, {}


def contrastive(p):
    n_pairs, n_hard, n_channels = p.draw(sizes), p.draw(st.integers(0, 3)), p.draw(sizes)
    keys = {"query_keys": n_pairs, "document_keys": n_pairs + n_hard}
    settings = {
        name: p.integers(4, n) if p.draw(st.booleans()) else None for name, n in keys.items()
    }
    return {
        "queries": p.normal(n_pairs, n_channels),
        "documents": p.unit(n_pairs + n_hard, n_channels),
        "log_scale": p.unit(1),
    }, settings


DRAWN = {
    "attention": attention,
    "broadcast": broadcast,
    "contrastive": contrastive,
    "cross_entropy": cross_entropy,
    "dropout": dropout,
    "embedding": embedding,
    "gated_product": gated_product,
    "gelu": gelu,
    "last_pool": pool,
    "layer_norm": layer_norm,
    "linear": linear,
    "log_softmax": softmax,
    "mean_pool": pool,
    "relu": relu,
    "relu_squared": relu,
    "residual": residual,
    "residual_layer_norm": residual_layer_norm,
    "residual_rms_norm": residual_rms_norm,
    "rms_norm": rms_norm,
    "soft_cap": soft_cap,
    "rotary": rotary,
    "silu": elementwise,
    "softmax": softmax,
    "unit": unit,
}


@pytest.mark.parametrize("name", EXAMPLES)
@given(data=st.data())
def test_backward_is_the_derivative_at_random_points(name, data):
    inputs, settings = DRAWN[name](Point(data))
    layout = data.draw(st.sampled_from(LAYOUTS))
    inputs = {key: x if x is None else arrange(x, layout) for key, x in inputs.items()}
    example = EXAMPLES[name]
    report = check_vjp(
        example.forward,
        example.backward,
        inputs,
        settings=settings,
        seed=data.draw(st.integers(0, 99)),
        max_elements=12,
        tolerance=1e-9,  # the gradient of a saturated softmax suffers cancellation
    )
    report.raise_if_failed()


@pytest.mark.parametrize("name", EXAMPLES)
@given(data=st.data())
def test_float32_in_gives_float32_out_at_random_points(name, data):
    inputs, settings = DRAWN[name](Point(data))
    inputs = {
        key: x.astype(np.float32) if x is not None and x.dtype.kind == "f" else x
        for key, x in inputs.items()
    }
    example = EXAMPLES[name]
    settings = {
        key: x.astype(np.float32) if key in ("cos", "sin") else x for key, x in settings.items()
    }
    y, saved = example.forward(*inputs.values(), **settings)
    assert np.asarray(y).dtype == np.float32
    dy = 1.0 if isinstance(y, np.generic) else np.ones_like(y)
    gradients = example.backward(dy, saved)
    for gradient in gradients if isinstance(gradients, tuple) else (gradients,):
        assert gradient is None or gradient.dtype == np.float32
