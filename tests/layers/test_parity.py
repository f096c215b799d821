"""Every layer in every form, compared with PyTorch's functions and autograd in float64."""

import numpy as np

from scratchgpt.backend import derive_seed
from scratchgpt.layers import CAUSAL, UNMASKED, sinusoids
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

    def low_rank(self, x, layer, seed, prefix=""):
        a, b = (self.parameters[f"{prefix}lora_{name}"] for name in "AB")
        return layer.scale * (self.dropout(x, layer.drop.p, seed) @ a @ b)

    def lora(self, x, layer, seed):
        y = self.linear(x, "")
        for i, (adapter, part) in enumerate(zip(layer.adapters, layer.columns, strict=True)):
            own = None if seed is None else derive_seed(seed, layer.name, i)
            change = self.low_rank(x, adapter, own, f"adapters.{i}.")
            y = y + self.f.pad(change, (part.start, y.shape[-1] - part.stop))
        return y

    def norm(self, x, name, eps):
        weight = self.parameters[f"{name}weight"]
        return self.f.layer_norm(x, weight.shape, weight, self.parameters.get(f"{name}bias"), eps)

    def rms_norm(self, x, name, eps):
        return self.f.rms_norm(x, x.shape[-1:], self.parameters.get(f"{name}weight"), eps)

    def dropout(self, x, p, seed):
        if seed is None:
            return x
        mask = dropout_mask(tuple(x.shape), p, seed, like=np.empty(0))
        return x * self.torch.tensor(mask) / (1 - p) if p < 1 else 0 * x

    def attention(self, x, layer, seed, prefix="", masks=CAUSAL, rotation=None):
        n_heads = (layer.n_head, layer.n_kv_head, layer.n_kv_head)
        qkv = self.linear(x, f"{prefix}c_attn.")
        parts = qkv.split([n * layer.head_size for n in n_heads], dim=-1)
        parts = (
            part.unflatten(-1, (n, -1)).repeat_interleave(layer.n_head // n, dim=-2).flatten(-2)
            for part, n in zip(parts, n_heads, strict=True)
        )

        def place(x, which):
            return self.place(x, which, rotation, layer.query_key, prefix)

        return self.attend(
            *parts,
            layer.n_head,
            layer.dropout,
            seed,
            masks,
            prefix,
            place,
            scale=layer.scale,
            window=layer.window,
            soft_cap=layer.soft_cap,
        )

    def place(self, x, which, rotation, query_key, prefix):
        """Normalize and rotate queries or keys (B, H, T, D)."""
        layer = query_key and getattr(query_key, f"{which}_norm")
        name = f"{prefix}query_key.{which}_norm."
        if layer and query_key.rotate_first:
            return self.rms_norm(self.rotate(x, rotation), name, layer.eps)
        if layer:
            x = self.rms_norm(x, name, layer.eps)
        return self.rotate(x, rotation)

    def rotate(self, x, rotation):
        if rotation is None:
            return x
        cos, sin = (self.torch.tensor(table) for table in rotation[:2])
        if rotation.pairing == "halves":
            first, second = x.chunk(2, dim=-1)
            pairs = first * cos - second * sin, second * cos + first * sin
            return self.torch.cat(pairs, dim=-1)
        first, second = x[..., ::2], x[..., 1::2]
        pairs = first * cos - second * sin, second * cos + first * sin
        return self.torch.stack(pairs, dim=-1).flatten(-2)

    def cross(self, x, memory, n_head, p, seed, prefix="", masks=UNMASKED):
        keys_and_values = self.linear(memory, f"{prefix}c_kv.").chunk(2, dim=-1)
        q = self.linear(x, f"{prefix}c_q.")
        return self.attend(q, *keys_and_values, n_head, p, seed, masks, prefix)

    def attend(
        self,
        q,
        k,
        v,
        n_head,
        p,
        seed,
        masks,
        prefix,
        place=lambda x, which: x,
        *,
        scale=None,
        window=None,
        soft_cap=None,
    ):
        q, k, v = (part.unflatten(-1, (n_head, -1)).transpose(1, 2) for part in (q, k, v))
        q, k = place(q, "q"), place(k, "k")
        scale = q.shape[-1] ** -0.5 if scale is None else scale
        added = self.torch.zeros(*q.shape[:-1], k.shape[-2], dtype=q.dtype)
        forbidden = self.torch.zeros(added.shape, dtype=bool)
        if masks.causal:
            forbidden |= self.torch.ones(added.shape[-2:], dtype=bool).triu(1)
        if window is not None:
            forbidden |= self.torch.ones(added.shape[-2:], dtype=bool).tril(-window)
        if masks.key_padding_mask is not None:
            forbidden |= self.torch.tensor(masks.key_padding_mask)[:, None, None, :]
        if masks.mask is not None and masks.mask.dtype == bool:
            forbidden |= ~self.torch.tensor(masks.mask)
        elif masks.mask is not None:
            added = added + self.torch.tensor(masks.mask)
        added = added.masked_fill(forbidden, -float("inf"))
        if seed is None and soft_cap is None:
            heads = self.f.scaled_dot_product_attention(q, k, v, added, scale=scale)
        else:
            nothing = (added == -float("inf")).all(-1, keepdim=True)  # softmax would be NaN
            scores = scale * q @ k.mT
            if soft_cap is not None:
                scores = soft_cap * self.torch.tanh(scores / soft_cap)
            scores = scores + added.masked_fill(nothing, 0)
            weights = scores.softmax(-1).masked_fill(nothing, 0)
            heads = self.dropout(weights, p, seed) @ v
        return self.linear(heads.transpose(1, 2).flatten(-2), f"{prefix}c_proj.")

    def mlp(self, x, activation, prefix=""):
        h = self.activate(self.linear(x, f"{prefix}c_fc."), activation)
        return self.linear(h, f"{prefix}c_proj.")

    def gated_mlp(self, x, activation):
        gate, up = self.linear(x, "c_fc.").chunk(2, dim=-1)
        return self.linear(self.activate(gate, activation) * up, "c_proj.")

    def activate(self, h, activation):
        match activation:
            case "relu":
                return self.f.relu(h)
            case "relu_squared":
                return self.f.relu(h) ** 2
            case "silu":
                return self.f.silu(h)
        return self.f.gelu(h, approximate="tanh" if activation == "gelu_tanh" else "none")

    def block(self, x, block, dropout_seed=None, masks=CAUSAL, memory=None, memory_masks=UNMASKED):
        p, eps, n_head = block.drop.p, block.ln_1.eps, block.attn.n_head

        def seed(name):
            return None if dropout_seed is None else derive_seed(dropout_seed, name)

        branches = [lambda x: self.attention(x, block.attn, seed("attn"), "attn.", masks)]
        if memory is not None:
            branches.append(
                lambda x: self.cross(x, memory, n_head, p, seed("cross"), "cross.", memory_masks)
            )
        branches.append(lambda x: self.mlp(x, block.mlp.activation, "mlp."))
        for i, branch in enumerate(branches, start=1):
            if block.norm_position == "pre":
                y = branch(self.norm(x, f"ln_{i}.", eps))
                x = x + self.dropout(y, p, seed(f"drop_{i}"))
            else:
                y = self.dropout(branch(x), p, seed(f"drop_{i}"))
                x = self.norm(x + y, f"ln_{i}.", eps)
        return x

    def input_embedding(self, tokens, layer, seed):
        x = self.parameters["wte.weight"][tokens] * layer.scale
        if layer.wpe:
            x = x + self.parameters["wpe.weight"][: x.shape[1]]
        else:
            x = x + self.torch.tensor(sinusoids(*x.shape[1:]))
        return self.dropout(x, layer.drop.p, seed)


def test_outputs_and_gradients_equal_those_of_pytorch(torch, layer_case, assert_close):
    layer, *inputs = layer_case.build()
    peer = Peer(torch, layer)
    peers = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    x_peer = peers[0]
    settings = layer_case.settings
    seed, masks = settings.get("dropout_seed"), settings.get("masks")
    match type(layer).__name__:
        case "Linear":
            expected = peer.linear(x_peer, "")
        case "LowRank":
            expected = peer.low_rank(x_peer, layer, seed)
        case "LoRALinear":
            expected = peer.lora(x_peer, layer, seed)
        case "LayerNorm":
            expected = peer.norm(x_peer, "", layer.eps)
        case "RMSNorm":
            expected = peer.rms_norm(x_peer, "", layer.eps)
        case "Embedding":
            expected = peer.parameters["weight"][x_peer]
        case "Head":
            expected = x_peer @ peer.parameters["weight"].T
        case "Dropout":
            expected = peer.dropout(x_peer, layer.p, layer_case.settings.get("seed"))
        case "SelfAttention":
            rotation = settings.get("rotation")
            expected = peer.attention(x_peer, layer, seed, masks=masks or CAUSAL, rotation=rotation)
        case "CrossAttention":
            expected = peer.cross(
                *peers, layer.n_head, layer.dropout, seed, masks=masks or UNMASKED
            )
        case "InputEmbedding":
            expected = peer.input_embedding(x_peer, layer, seed)
        case "MLP":
            expected = peer.mlp(x_peer, layer.activation)
        case "GatedMLP":
            expected = peer.gated_mlp(x_peer, layer.activation)
        case "Block":
            expected = peer.block(x_peer, layer, **settings)
        case "DecoderBlock":
            expected = peer.block(x_peer, layer, memory=peers[1], **settings)

    y, saved = layer.forward(*inputs, **settings)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    found = layer.backward(dy, saved)
    dinputs = found if isinstance(found, tuple) else () if found is None else (found,)
    expected.backward(torch.tensor(dy))

    assert_close(y, expected.detach().numpy(), 1e-10, "y")
    for dx, other in zip(dinputs, peers[: len(dinputs)], strict=True):
        assert_close(dx, other.grad.numpy(), 1e-10, "dx")
    for name, parameter in layer.store.named.items():
        assert_close(parameter.grad, peer.parameters[name].grad.numpy(), 1e-10, name)
