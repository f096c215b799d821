"""Every layer in every form beside PyTorch's functions and autograd in float64."""

import numpy as np

from scratchgpt.backend import derive_seed
from scratchgpt.ops import dropout_mask


class Peer:
    """The same layers, written with torch.nn.functional."""

    def __init__(self, torch, layer):
        self.torch, self.f = torch, torch.nn.functional
        self.parameters = {
            name: torch.tensor(parameter.value, requires_grad=True)
            for name, parameter in layer.store.named.items()
        }

    def linear(self, x, name):
        p = self.parameters
        return self.f.linear(x, p[f"{name}weight"].T, p.get(f"{name}bias"))

    def norm(self, x, name, eps):
        weight = self.parameters[f"{name}weight"]
        return self.f.layer_norm(x, weight.shape, weight, self.parameters.get(f"{name}bias"), eps)

    def dropout(self, x, p, seed):
        if seed is None:
            return x
        mask = dropout_mask(tuple(x.shape), p, seed, like=np.empty(0))
        return x * self.torch.tensor(mask) / (1 - p) if p < 1 else 0 * x

    def attention(self, x, n_head, p, seed, prefix=""):
        q, k, v = (
            part.unflatten(-1, (n_head, -1)).transpose(1, 2)
            for part in self.linear(x, f"{prefix}c_attn.").chunk(3, dim=-1)
        )
        if seed is None:
            heads = self.f.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.mT / q.shape[-1] ** 0.5
            future = self.torch.ones(scores.shape[-2:], dtype=bool).triu(1)
            weights = scores.masked_fill(future, -float("inf")).softmax(-1)
            heads = self.dropout(weights, p, seed) @ v
        return self.linear(heads.transpose(1, 2).flatten(-2), f"{prefix}c_proj.")

    def mlp(self, x, activation, prefix=""):
        h = self.linear(x, f"{prefix}c_fc.")
        if activation == "relu":
            h = self.f.relu(h)
        else:
            h = self.f.gelu(h, approximate="tanh" if activation == "gelu_tanh" else "none")
        return self.linear(h, f"{prefix}c_proj.")

    def block(self, x, block, seed):
        p, eps = block.drop.p, block.ln_1.eps
        seeds = [
            None if seed is None else derive_seed(seed, name)
            for name in ("attn", "drop_1", "drop_2")
        ]

        def attend(x):
            y = self.attention(x, block.attn.n_head, p, seeds[0], "attn.")
            return self.dropout(y, p, seeds[1])

        def feed_forward(x):
            return self.dropout(self.mlp(x, block.mlp.activation, "mlp."), p, seeds[2])

        if block.norm_position == "pre":
            x = x + attend(self.norm(x, "ln_1.", eps))
            return x + feed_forward(self.norm(x, "ln_2.", eps))
        x = self.norm(x + attend(x), "ln_1.", eps)
        return self.norm(x + feed_forward(x), "ln_2.", eps)


def test_outputs_and_gradients_equal_those_of_pytorch(torch, layer_case, assert_close):
    layer, x = layer_case.build()
    peer = Peer(torch, layer)
    x_peer = torch.tensor(x, requires_grad=x.dtype.kind == "f")
    seed = layer_case.settings.get("dropout_seed")
    match type(layer).__name__:
        case "Linear":
            expected = peer.linear(x_peer, "")
        case "LayerNorm":
            expected = peer.norm(x_peer, "", layer.eps)
        case "Embedding":
            expected = peer.parameters["weight"][x_peer]
        case "Head":
            expected = x_peer @ peer.parameters["weight"].T
        case "Dropout":
            expected = peer.dropout(x_peer, layer.p, layer_case.settings.get("seed"))
        case "SelfAttention":
            expected = peer.attention(x_peer, layer.n_head, layer.dropout, seed)
        case "MLP":
            expected = peer.mlp(x_peer, layer.activation)
        case "Block":
            expected = peer.block(x_peer, layer, seed)

    y, saved = layer.forward(x, **layer_case.settings)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    dx = layer.backward(dy, saved)
    expected.backward(torch.tensor(dy))

    assert_close(y, expected.detach().numpy(), 1e-10, "y")
    if dx is not None:
        assert_close(dx, x_peer.grad.numpy(), 1e-10, "dx")
    for name, parameter in layer.store.named.items():
        assert_close(parameter.grad, peer.parameters[name].grad.numpy(), 1e-10, name)
