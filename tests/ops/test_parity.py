"""Every operation at every registered case, compared with PyTorch in float64.

``torch.nn.functional`` and autograd are an independent implementation: they share neither our
formulas nor our mistakes.
"""

import math

import numpy as np
import pytest

from scratchgpt.ops import attention_forward, dropout_mask
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
):
    scores = q @ k.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    scores = scores + total_mask(torch, scores, mask, key_padding_mask, causal)
    weights = softmax(torch, scores)
    return dropout(torch, weights, dropout_p, dropout_seed) @ v


def total_mask(torch, scores, mask, key_padding_mask, causal):
    """Combine all masks into one tensor to add to the scores."""
    forbid = torch.tensor(-math.inf, dtype=torch.float64)
    allow = torch.tensor(0.0, dtype=torch.float64)
    total = torch.zeros(scores.shape, dtype=torch.float64)
    if mask is not None:
        mask = torch.tensor(np.ascontiguousarray(mask))
        total = total + (torch.where(mask, allow, forbid) if mask.dtype == torch.bool else mask)
    if key_padding_mask is not None:
        padding = torch.tensor(np.ascontiguousarray(key_padding_mask))
        while padding.ndim < scores.ndim:
            padding = padding[:, None]
        total = total + torch.where(padding, forbid, allow)
    if causal:
        t, s = torch.meshgrid(*(torch.arange(n) for n in scores.shape[-2:]), indexing="ij")
        total = total + torch.where(s <= t, allow, forbid)
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


@pytest.mark.parametrize("case", EXAMPLES["attention"].cases, ids=lambda case: case.note)
def test_attention_equals_scaled_dot_product_attention(torch, case, assert_close):
    inputs, settings = case.build()
    if settings.pop("dropout_p", 0.0) > 0:
        settings.pop("dropout_seed", None)  # compare without dropout: PyTorch's mask differs
    y, _ = attention_forward(*inputs.values(), **settings)
    q, k, v = (torch.tensor(x.copy()) for x in inputs.values())
    mask = total_mask(
        torch,
        q @ k.mT,
        settings.get("mask"),
        settings.get("key_padding_mask"),
        settings.get("causal", False),
    )
    expected = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, scale=settings.get("scale")
    ).numpy()
    seen = np.isfinite(mask.numpy()).any(axis=-1)  # elsewhere PyTorch's result varies by version
    assert_close(y[seen], expected[seen], TOLERANCE, "y")
    assert (y[~seen] == 0).all(), "a query that may not attend to any key gets zeros"


def test_causal_attention_equals_pytorchs(torch, assert_close):
    case = next(c for c in EXAMPLES["attention"].cases if c.note == "self-attention")
    inputs, settings = case.build()
    y, _ = attention_forward(*inputs.values(), **settings)
    tensors = (torch.tensor(x) for x in inputs.values())
    expected = torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=True)
    assert_close(y, expected.numpy(), TOLERANCE)
