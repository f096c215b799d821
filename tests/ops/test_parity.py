"""Every operation at every registered case, compared with PyTorch in float64.

``torch.nn.functional`` and autograd are an independent implementation: they share neither our
formulas nor our mistakes.
"""

import math

import numpy as np
import pytest

from scratchgpt.ops import attention_backward, attention_forward, dropout_mask
from scratchgpt.verify.examples import EXAMPLES

TOLERANCE = 1e-10


def test_outputs_and_gradients_equal_those_of_pytorch(torch, example, case, assert_close):
    for name, ours, theirs in compared(torch, example, case):
        assert_close(ours, theirs, TOLERANCE, name)


def compared(torch, example, case):
    """Yield the output of a case and its gradients: the name, our array and that of PyTorch."""
    inputs, settings = case.build()
    y, saved = example.forward(*inputs.values(), **settings)
    dy = np.asarray(np.random.default_rng(7).standard_normal(np.shape(y)))
    dy[np.isinf(y)] = 0
    gradients = example.backward(dy if isinstance(y, np.ndarray) else dy[()], saved)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)

    tensors = {
        name: x if x is None else torch.tensor(x, requires_grad=x.dtype.kind == "f")
        for name, x in case.build(layout="C")[0].items()
    }
    expected = PEERS[example.name](torch, *tensors.values(), **settings)
    # For infinite outputs, a slope of 0 becomes NaN in autograd: exclude them from the sum.
    (expected * torch.tensor(dy))[torch.tensor(np.isfinite(y))].sum().backward()

    yield "y", y, expected.detach().numpy()
    names = [name for name, x in inputs.items() if x is not None and x.dtype.kind == "f"]
    gradients = [gradient for gradient in gradients if gradient is not None]
    for name, gradient in zip(names, gradients, strict=True):
        yield f"d{name}", gradient, tensors[name].grad.numpy()


def test_every_operation_has_a_peer():
    assert set(PEERS) == set(EXAMPLES)


def linear(torch, x, weight, bias=None):
    return torch.nn.functional.linear(x, weight.T, bias)


def embedding(torch, tokens, weight):
    return torch.nn.functional.embedding(tokens, weight)


def layer_norm(torch, x, weight, bias=None, eps=1e-5):
    return torch.nn.functional.layer_norm(x, weight.shape, weight, bias, eps)


def gelu(torch, x, approximate="none"):
    return torch.nn.functional.gelu(x, approximate=approximate)


def relu(torch, x):
    return torch.nn.functional.relu(x)


def relu_squared(torch, x):
    return torch.nn.functional.relu(x) ** 2


def silu(torch, x):
    return torch.nn.functional.silu(x)


def gated_product(torch, x, activation="silu"):
    gate, up = x.chunk(2, dim=-1)
    activate = {
        "silu": torch.nn.functional.silu,
        "gelu_tanh": lambda gate: gelu(torch, gate, "tanh"),
        "gelu": torch.nn.functional.gelu,
        "relu": torch.nn.functional.relu,
    }[activation]
    return activate(gate) * up


def rotary(torch, x, cos, sin, pairing="halves"):
    """Multiply complex numbers, each made of a pair, by numbers of absolute value 1."""
    halves = x.unflatten(-1, (2, -1)).mT if pairing == "halves" else x.unflatten(-1, (-1, 2))
    turned = torch.view_as_complex(halves.contiguous()) * torch.tensor(cos + 1j * sin)
    pairs = torch.view_as_real(turned)
    return (pairs.mT if pairing == "halves" else pairs).flatten(-2)


def softmax(torch, x, axis=-1):
    line_masked = torch.isneginf(x).all(dim=axis, keepdim=True)
    x = torch.where(line_masked, torch.zeros_like(x), x)
    return torch.where(line_masked, 0, torch.softmax(x, axis))


def log_softmax(torch, x, axis=-1):
    return torch.log_softmax(x, axis)


def dropout(torch, x, p, seed):
    mask = dropout_mask(tuple(x.shape), p, seed, like=np.empty(0))
    return x * torch.tensor(mask) / (1 - p) if p < 1 else 0 * x


def residual(torch, x, branch):
    return x + branch


def residual_layer_norm(torch, x, branch, weight, bias=None, eps=1e-5):
    return torch.stack([x + branch, layer_norm(torch, x + branch, weight, bias, eps)])


def rms_norm(torch, x, weight=None, eps=1e-6):
    return torch.nn.functional.rms_norm(x, x.shape[-1:], weight, eps)


def residual_rms_norm(torch, x, branch, weight=None, eps=1e-6):
    return torch.stack([x + branch, rms_norm(torch, x + branch, weight, eps)])


def soft_cap(torch, x, cap):
    return cap * torch.tanh(x / cap)


def broadcast(torch, x, shape):
    return x.expand(shape)


def cross_entropy(torch, logits, targets, reduction="mean", **settings):
    vocab_size = logits.shape[-1]
    loss = torch.nn.functional.cross_entropy(
        logits.reshape(-1, vocab_size),
        targets.reshape(-1),
        reduction="none" if reduction == "none" else "sum",
        **settings,
    )
    if reduction == "none":
        return loss.reshape(targets.shape)
    n_counted = int((targets != settings.get("ignore_index", -100)).sum())
    return loss / max(n_counted, 1) if reduction == "mean" else loss


def attention(
    torch,
    q,
    k,
    v,
    mask=None,
    key_padding_mask=None,
    causal=False,
    dropout_p=0.0,
    dropout_seed=0,
    scale=None,
    window=None,
    soft_cap=None,
):
    if q.ndim > 2:
        k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], dim=-3) for x in (k, v))
    scores = q @ k.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if soft_cap is not None:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    scores = scores + total_mask(torch, scores.shape, mask, key_padding_mask, causal, window)
    weights = softmax(torch, scores)
    return dropout(torch, weights, dropout_p, dropout_seed) @ v


def total_mask(torch, shape, mask=None, key_padding_mask=None, causal=False, window=None):
    """Combine all masks into one tensor (..., T, S) to add to the scores."""
    forbid = torch.tensor(-math.inf, dtype=torch.float64)
    allow = torch.tensor(0.0, dtype=torch.float64)
    total = torch.zeros(shape, dtype=torch.float64)
    if mask is not None:
        mask = torch.tensor(np.ascontiguousarray(mask))
        total = total + (torch.where(mask, allow, forbid) if mask.dtype == torch.bool else mask)
    if key_padding_mask is not None:
        padding = torch.tensor(np.ascontiguousarray(key_padding_mask))
        while padding.ndim < len(shape):
            padding = padding[:, None]
        total = total + torch.where(padding, forbid, allow)
    if causal:
        t, s = torch.meshgrid(*(torch.arange(n) for n in shape[-2:]), indexing="ij")
        seen = (s <= t) & (s > t - (shape[-2] if window is None else window))
        total = total + torch.where(seen, allow, forbid)
    return total


def unit(torch, x):
    return torch.nn.functional.normalize(x, dim=-1)


def mean_pool(torch, x, lengths):
    return torch.stack([states[:n].mean(dim=0) for states, n in zip(x, lengths, strict=True)])


def last_pool(torch, x, lengths):
    return x[torch.arange(len(x)), lengths - 1]


def contrastive(torch, queries, documents, log_scale, query_keys=None, document_keys=None):
    n_pairs = len(queries)
    scores = log_scale.exp() * queries @ documents.T
    own = torch.eye(*scores.shape, dtype=torch.bool)
    if query_keys is not None:
        equal = torch.tensor(np.equal.outer(query_keys, query_keys))
        pairs = scores[:, :n_pairs].masked_fill(equal & ~own[:, :n_pairs], -math.inf)
        scores = torch.cat([pairs, scores[:, n_pairs:]], dim=1)
    if document_keys is not None:
        equal = torch.tensor(np.equal.outer(document_keys[:n_pairs], document_keys))
        scores = scores.masked_fill(equal & ~own, -math.inf)
    loss, targets = torch.nn.functional.cross_entropy, torch.arange(n_pairs)
    return (loss(scores, targets) + loss(scores[:, :n_pairs].T, targets)) / 2


PEERS = {
    "attention": attention,
    "broadcast": broadcast,
    "contrastive": contrastive,
    "cross_entropy": cross_entropy,
    "dropout": dropout,
    "embedding": embedding,
    "gated_product": gated_product,
    "gelu": gelu,
    "last_pool": last_pool,
    "layer_norm": layer_norm,
    "linear": linear,
    "log_softmax": log_softmax,
    "mean_pool": mean_pool,
    "relu": relu,
    "relu_squared": relu_squared,
    "residual": residual,
    "residual_layer_norm": residual_layer_norm,
    "residual_rms_norm": residual_rms_norm,
    "rms_norm": rms_norm,
    "soft_cap": soft_cap,
    "rotary": rotary,
    "silu": silu,
    "softmax": softmax,
    "unit": unit,
}


# PyTorch's function has no soft cap.
UNCAPPED = [case for case in EXAMPLES["attention"].cases if "soft_cap" not in case.settings]


@pytest.mark.parametrize("case", UNCAPPED, ids=lambda case: case.note)
def test_attention_equals_scaled_dot_product_attention(torch, case, assert_close):
    inputs, settings = case.build()
    if settings.pop("dropout_p", 0.0) > 0:
        settings.pop("dropout_seed", None)  # compare without dropout: PyTorch's mask differs
    y, saved = attention_forward(*inputs.values(), **settings)
    q, k, v = (torch.tensor(x.copy(), requires_grad=True) for x in inputs.values())
    scale = settings.pop("scale", None)
    mask = total_mask(torch, (*q.shape[:-1], k.shape[-2]), **settings)
    seen = np.isfinite(mask.numpy()).any(axis=-1)  # elsewhere PyTorch's result varies by version
    mask[torch.tensor(~seen)] = 0
    grouped = q.shape[:-2] != k.shape[:-2]
    expected = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, scale=scale, enable_gqa=grouped
    )
    dy = np.random.default_rng(7).standard_normal(y.shape)
    dy[~seen] = 0
    expected.backward(torch.tensor(dy))
    tolerance = 1e-12
    assert_close(y[seen], expected.detach().numpy()[seen], tolerance, "y")
    gradients = attention_backward(dy, saved)
    for name, x, gradient in zip("qkv", (q, k, v), gradients, strict=True):
        assert_close(gradient, x.grad.numpy(), tolerance, f"d{name}")
    assert (y[~seen] == 0).all(), "a query that may not attend to any key gets zeros"


def test_causal_attention_equals_pytorchs(torch, assert_close):
    case = next(c for c in EXAMPLES["attention"].cases if c.note == "self-attention")
    inputs, settings = case.build()
    y, _ = attention_forward(*inputs.values(), **settings)
    tensors = (torch.tensor(x) for x in inputs.values())
    expected = torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=True)
    assert_close(y, expected.numpy(), TOLERANCE)
