"""GPT in every form, compared with the same model in PyTorch, in float64."""

import numpy as np
import pytest

from scratchgpt.backend import derive_seed
from scratchgpt.ops import dropout_mask


def torch_gpt(torch, model, parameters, tokens, dropout_seed=None, recompute=False):
    """Compute the logits of the model with torch.nn.functional."""
    f, config, p = torch.nn.functional, model.config, parameters

    def linear(x, name):
        return f.linear(x, p[f"{name}.weight"].T, p.get(f"{name}.bias"))

    def rms(x, name):
        weight = p.get(f"{name}.weight")
        return f.rms_norm(x, x.shape[-1:], weight, config.layer_norm_epsilon)

    def norm(x, name):
        if config.norm == "rms":
            return rms(x, name)
        weight, bias = p[f"{name}.weight"], p.get(f"{name}.bias")
        return f.layer_norm(x, weight.shape, weight, bias, config.layer_norm_epsilon)

    def rotate(x):
        """Multiply pairs of channels, as complex numbers, by the turns of their positions."""
        if config.positions == "learned":
            return x
        rotary = model.transformer.rotary  # tests/layers/test_rotary.py proves its frequencies
        angles = torch.arange(x.shape[-2]).double()[:, None] * torch.tensor(rotary.frequencies)
        halves = config.rope_pairing == "halves"
        pairs = x.unflatten(-1, (2, -1)).mT if halves else x.unflatten(-1, (-1, 2))
        turned = torch.view_as_complex(pairs.contiguous()) * torch.polar(
            torch.full_like(angles, rotary.factor), angles
        )
        turned = torch.view_as_real(turned)
        return (turned.mT if halves else turned).flatten(-2)

    def place(x, name):
        """Normalize and rotate queries or keys (B, H, T, D)."""
        if config.qk_norm == "none":
            return rotate(x)
        if config.qk_norm == "after_rotary":
            return rms(rotate(x), name)
        return rotate(rms(x, name))

    def cap(x, limit):
        return x if limit is None else limit * torch.tanh(x / limit)

    def drop(x, seed, *names):
        if seed is None or config.dropout == 0:
            return x
        seed = derive_seed(seed, *names)
        mask = dropout_mask(tuple(x.shape), config.dropout, seed, like=np.empty(0))
        return x * torch.tensor(mask) / (1 - config.dropout)

    def attention(x, name, seed, layer):
        sizes = [config.n_head, config.kv_heads, config.kv_heads]
        q, k, v = (
            part.unflatten(-1, (-1, config.head_size)).transpose(1, 2)
            for part in linear(x, f"{name}.c_attn").split([n * config.head_size for n in sizes], -1)
        )
        q, k = place(q, f"{name}.query_key.q_norm"), place(k, f"{name}.query_key.k_norm")
        k, v = (x.repeat_interleave(config.n_head // config.kv_heads, dim=1) for x in (k, v))
        scores = q @ k.mT
        if config.scale_attn_weights:
            scores = scores / config.head_size**0.5
        if config.scale_attn_by_inverse_layer_idx:
            scores = scores / (layer + 1)
        scores = cap(scores, config.attention_soft_cap)
        hidden = torch.ones(scores.shape[-2:], dtype=bool).triu(1)
        if config.window(layer) is not None:
            hidden |= torch.ones(scores.shape[-2:], dtype=bool).tril(-config.window(layer))
        weights = drop(scores.masked_fill(hidden, -float("inf")).softmax(-1), seed, "attn")
        return linear((weights @ v).transpose(1, 2).flatten(-2), f"{name}.c_proj")

    def mlp(x, name):
        bend = {
            "relu": f.relu,
            "gelu": f.gelu,
            "gelu_tanh": lambda h: f.gelu(h, approximate="tanh"),
            "silu": f.silu,
            "relu_squared": lambda h: f.relu(h) ** 2,
        }[config.activation]
        h = linear(x, f"{name}.c_fc")
        if config.gated_mlp:
            gate, up = h.chunk(2, dim=-1)
            return linear(bend(gate) * up, f"{name}.c_proj")
        return linear(bend(h), f"{name}.c_proj")

    n_time = tokens.shape[1]
    x = p["transformer.wte.weight"][tokens]
    if config.positions == "learned":
        x = x + p["transformer.wpe.weight"][:n_time]
    if config.embedding_norm:
        x = norm(x, "transformer.ln_wte")
    x = drop(x, dropout_seed, "drop")
    for i in range(config.n_layer):
        h = f"transformer.h.{i}"
        seed = None if dropout_seed is None else derive_seed(dropout_seed, "h", i)
        if config.norm_position == "pre":
            x = x + drop(attention(norm(x, f"{h}.ln_1"), f"{h}.attn", seed, i), seed, "drop_1")
            x = x + drop(mlp(norm(x, f"{h}.ln_2"), f"{h}.mlp"), seed, "drop_2")
        else:
            x = norm(x + drop(attention(x, f"{h}.attn", seed, i), seed, "drop_1"), f"{h}.ln_1")
            x = norm(x + drop(mlp(x, f"{h}.mlp"), seed, "drop_2"), f"{h}.ln_2")
    if config.norm_position == "pre":
        x = norm(x, "transformer.ln_f")
    head = "transformer.wte.weight" if config.tied_head else "lm_head.weight"
    return cap(x @ p[head].T, config.logit_soft_cap)


def test_logits_loss_and_all_gradients_equal_those_of_pytorch(torch, model_case, assert_close):
    model = model_case.build()
    tokens, targets = model_case.data()
    logits, _ = model.forward(tokens, **model_case.settings)
    loss, saved = model.loss(tokens, targets, **model_case.settings)
    model.loss_backward(2.5, saved)

    parameters = {
        name: torch.tensor(parameter.value, requires_grad=True)
        for name, parameter in model.store.named.items()
    }
    expected = torch_gpt(torch, model, parameters, torch.tensor(tokens), **model_case.settings)
    expected_loss = torch.nn.functional.cross_entropy(
        expected.flatten(0, 1), torch.tensor(targets).flatten()
    )
    (2.5 * expected_loss).backward()

    assert_close(logits, expected.detach().numpy(), 1e-10, "logits")
    assert_close(loss, expected_loss.item(), 1e-10, "loss")
    for name, parameter in model.store.named.items():
        assert_close(parameter.grad, parameters[name].grad.numpy(), 1e-10, name)


@pytest.mark.parametrize("smoothing", [0.1, 1.0])
def test_a_smoothed_loss_and_its_gradients_equal_those_of_pytorch(
    torch, small_gpt, smoothing, assert_close
):
    model = small_gpt()
    tokens, targets = np.random.default_rng(1).integers(0, model.config.vocab_size, (2, 2, 5))
    targets[0, 1] = -100
    loss, saved = model.loss(tokens, targets, label_smoothing=smoothing)
    model.loss_backward(2.5, saved)

    parameters = {
        name: torch.tensor(parameter.value, requires_grad=True)
        for name, parameter in model.store.named.items()
    }
    logits = torch_gpt(torch, model, parameters, torch.tensor(tokens))
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.tensor(targets).flatten(), label_smoothing=smoothing
    )
    (2.5 * expected).backward()

    assert_close(loss, expected.item(), 1e-10, "loss")
    for name, parameter in model.store.named.items():
        assert_close(parameter.grad, parameters[name].grad.numpy(), 1e-10, name)


def test_greedy_tokens_equal_those_of_pytorch(torch, model_case):
    model = model_case.build()
    parameters = {name: torch.tensor(p.value) for name, p in model.store.named.items()}
    tokens = model_case.data()[0][:, :1]
    while tokens.shape[1] < model.config.block_size:
        ours = model.forward(tokens)[0][:, -1].argmax(axis=-1)
        theirs = torch_gpt(torch, model, parameters, torch.tensor(tokens))[:, -1].argmax(-1)
        np.testing.assert_array_equal(ours, theirs.numpy())
        tokens = np.concatenate([tokens, ours[:, None]], axis=1)
