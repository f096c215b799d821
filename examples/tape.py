"""Autograd, in sixty lines: a tape that records forwards, and calls their backwards in reverse.

    tape = Tape()
    y = tape(linear_forward, x, weight, bias)
    loss = tape(cross_entropy_forward, y, targets)
    tape.backward(loss)

Any pair of functions with the contract of scratchgpt can go on the tape. ``loss_of_a_gpt`` writes
a GPT with it, without a backward pass: the tape has it.
"""

import sys
from inspect import signature

import numpy as np

from scratchgpt.ops import (
    attention_forward,
    broadcast_forward,
    cross_entropy_forward,
    embedding_forward,
    gelu_forward,
    layer_norm_forward,
    linear_forward,
    residual_forward,
)


class Value:
    """An array, and the gradient of the loss with respect to it, once it is known."""

    def __init__(self, data):
        self.data = data
        self.grad = None


class Leaf(Value):
    """A parameter: its gradient has memory of its own, to which each use adds."""

    def __init__(self, data, grad):
        self.data = data
        self.grad = grad

    @property
    def T(self):
        """A transposed view; what is added to its gradient is added to this one's."""
        return Leaf(self.data.T, self.grad.T)


class Tape:
    """Records each call of a forward: the function, what it saved, its inputs and its output."""

    def __init__(self):
        self.records = []

    def __call__(self, forward, *inputs, **settings):
        """Call a forward on values, parameters and constants, and return its output as a value."""
        arrays = [x.data if isinstance(x, Value) else x for x in inputs]
        y, saved = forward(*arrays, **settings)
        output = Value(y)
        self.records.append((forward, saved, inputs, output))
        return output

    def backward(self, loss):
        """Call the backwards from the last record to the first, and add up the gradients."""
        loss.grad = np.ones_like(loss.data)[()]
        for forward, saved, inputs, output in reversed(self.records):
            if output.grad is None:  # the loss does not depend on it
                continue
            names = signature(forward).parameters
            into = {
                f"d{name}_into": x.grad
                for name, x in zip(names, inputs, strict=False)
                if isinstance(x, Leaf)
            }
            gradients = backward_of(forward)(output.grad, saved, **into)
            values = [x for x in inputs if isinstance(x, Value)]
            gradients = gradients if isinstance(gradients, tuple) else (gradients,)
            for x, dx in zip(values, gradients, strict=False):
                if not isinstance(x, Leaf):  # those of parameters are added already
                    x.grad = dx if x.grad is None else x.grad + dx  # a value used twice


def backward_of(forward):
    """Find ``linear_backward`` for ``linear_forward``: it is in the same module."""
    name = forward.__name__.removesuffix("_forward") + "_backward"
    return getattr(sys.modules[forward.__module__], name)


# What is between the operations: heads are views of an array, and their backward is a view too.


def heads_forward(qkv, part, n_head):
    """Queries, keys or values (B, H, T, D), which are part 0, 1 or 2 of qkv (B, T, 3C)."""
    shape = (*qkv.shape[:2], 3, n_head, -1)
    return qkv.reshape(shape).transpose(2, 0, 3, 1, 4)[part], (qkv.shape, part)


def heads_backward(dy, saved):
    """Gradient of the whole qkv: 0 in the two other parts."""
    shape, part = saved
    dqkv = np.zeros(shape, dy.dtype)
    heads_forward(dqkv, part, dy.shape[1])[0][...] = dy
    return dqkv


def merge_forward(y):
    """Heads (B, H, T, D) side by side: (B, T, C)."""
    return y.swapaxes(1, 2).reshape(y.shape[0], y.shape[2], -1), y.shape


def merge_backward(dy, shape):
    """The gradient of each head, a view (B, H, T, D)."""
    return dy.reshape(shape[0], shape[2], shape[1], shape[3]).swapaxes(1, 2)


def loss_of_a_gpt(tape, model, tokens, targets):
    """Compute the loss of a model of scratchgpt on a tape, from its parameters alone."""
    p = {name: Leaf(each.value, each.grad) for name, each in model.store.named.items()}
    n_head = model.config.n_head

    def layer(forward, x, name):
        name = f"transformer.{name}"
        return tape(forward, x, p[f"{name}.weight"], p[f"{name}.bias"])

    wte, wpe = p["transformer.wte.weight"], p["transformer.wpe.weight"]
    x = tape(embedding_forward, tokens, wte)
    positions = tape(embedding_forward, np.arange(tokens.shape[1]), wpe)
    x = tape(residual_forward, x, tape(broadcast_forward, positions, x.data.shape))
    for i in range(model.config.n_layer):
        n = layer(layer_norm_forward, x, f"h.{i}.ln_1")
        qkv = layer(linear_forward, n, f"h.{i}.attn.c_attn")
        q, k, v = (tape(heads_forward, qkv, part, n_head) for part in range(3))
        y = tape(merge_forward, tape(attention_forward, q, k, v, causal=True))
        x = tape(residual_forward, x, layer(linear_forward, y, f"h.{i}.attn.c_proj"))
        n = layer(layer_norm_forward, x, f"h.{i}.ln_2")
        f = tape(gelu_forward, layer(linear_forward, n, f"h.{i}.mlp.c_fc"), "tanh")
        x = tape(residual_forward, x, layer(linear_forward, f, f"h.{i}.mlp.c_proj"))
    x = layer(layer_norm_forward, x, "ln_f")
    logits = tape(linear_forward, x, wte.T)
    return tape(cross_entropy_forward, logits, targets)
