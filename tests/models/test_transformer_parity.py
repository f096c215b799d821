"""The Transformer, compared with ``torch.nn.Transformer`` in float64 with the same weights."""

import math
import warnings

import numpy as np
import pytest

from scratchgpt.layers import sinusoids

B, S, T, H = 2, 5, 4, 3
each_norm_position = pytest.mark.parametrize("norm_position", ["pre", "post"])


def copy_weights(torch, model, peer):
    """Copy weights to the peer; return functions that find each of our gradients in the peer."""

    def linear(ours, theirs):
        weights.append((ours.weight, theirs.weight, None))
        weights.append((ours.bias, theirs.bias, None))

    def attention(ours, theirs, *maps):
        start = 0
        for part in maps:  # PyTorch stores queries, keys and values as rows of one matrix
            rows = slice(start, start + part.weight.shape[1])
            weights.append((part.weight, theirs.in_proj_weight, rows))
            weights.append((part.bias, theirs.in_proj_bias, rows))
            start = rows.stop
        linear(ours.c_proj, theirs.out_proj)

    weights = []
    for half, their_half in ((model.encoder, peer.encoder), (model.decoder, peer.decoder)):
        for block, layer in zip(half.h, their_half.layers, strict=True):
            attention(block.attn, layer.self_attn, block.attn.c_attn)
            linear(block.ln_1, layer.norm1)
            linear(block.ln_2, layer.norm2)
            linear(block.mlp.c_fc, layer.linear1)
            linear(block.mlp.c_proj, layer.linear2)
            if half is model.decoder:
                attention(block.cross, layer.multihead_attn, block.cross.c_q, block.cross.c_kv)
                linear(block.ln_3, layer.norm3)
        if half.ln_f:
            linear(half.ln_f, their_half.norm)
    with torch.no_grad():
        for ours, theirs, rows in weights:
            (theirs if rows is None else theirs[rows])[...] = torch.tensor(ours.value.T)
    return weights


class Peer:
    """The model with PyTorch's layers, plus our own embeddings and head."""

    def __init__(self, torch, model):
        c, nn = model.config, torch.nn
        settings = {
            "d_model": c.n_embd,
            "nhead": c.n_head,
            "dim_feedforward": c.inner_size,
            "dropout": 0.0,
            "activation": c.activation,
            "layer_norm_eps": c.layer_norm_epsilon,
            "batch_first": True,
            "norm_first": c.norm_position == "pre",
            "dtype": torch.float64,
        }
        norms = [
            nn.LayerNorm(c.n_embd, c.layer_norm_epsilon, dtype=torch.float64)
            if c.norm_position == "pre"
            else None  # the paper's blocks end with a norm
            for _ in range(2)
        ]
        encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**settings),
            c.n_encoder_layer,
            norms[0],
            enable_nested_tensor=False,
        )
        decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(**settings), c.n_decoder_layer, norms[1]
        )
        self.transformer = nn.Transformer(
            c.n_embd, c.n_head, custom_encoder=encoder, custom_decoder=decoder, batch_first=True
        )
        self.weights = copy_weights(torch, model, self.transformer)
        self.torch, self.model = torch, model
        tables = {
            "source": model.encoder.embedding.wte.weight,
            "target": model.decoder.embedding.wte.weight,
            "head": model.lm_head.weight,
        }
        tensors = {
            id(table): torch.tensor(table.value, requires_grad=True) for table in tables.values()
        }
        self.tables = {name: (table, tensors[id(table)]) for name, table in tables.items()}

    def embed(self, name, tokens):
        config = self.model.config
        positions = self.torch.tensor(sinusoids(tokens.shape[1], config.n_embd))
        vectors = self.tables[name][1][self.torch.tensor(tokens)]
        return vectors * math.sqrt(config.n_embd) + positions

    def __call__(self, src, tgt, tgt_is_causal=True, **masks):
        masks = {name: self.torch.tensor(mask) for name, mask in masks.items()}
        if tgt_is_causal:
            future = self.torch.ones(tgt.shape[1], tgt.shape[1], dtype=bool).triu(1)
            given = masks.get("tgt_mask", self.torch.zeros_like(future))
            if given.dtype == self.torch.bool:
                masks["tgt_mask"] = given | future
            else:
                masks["tgt_mask"] = given.masked_fill(future, -math.inf)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about masks of different types
            x = self.transformer(self.embed("source", src), self.embed("target", tgt), **masks)
        return x @ self.tables["head"][1].T

    def gradients(self):
        """Pairs of one of our parameters and its gradient here."""
        for ours, theirs, rows in self.weights:
            yield ours, (theirs.grad if rows is None else theirs.grad[rows]).numpy().T
        for ours, theirs in self.tables.values():
            yield ours, theirs.grad.numpy()


def compare(torch, model, assert_close, **settings):
    """Compare the logits, and all gradients for a random upstream gradient."""
    src, tgt = distinct_tokens(model.config)
    logits, saved = model.forward(src, tgt, **settings)
    dlogits = np.random.default_rng(1).standard_normal(logits.shape)
    model.store.zero_grad()
    model.backward(dlogits, saved)

    peer = Peer(torch, model)
    expected = peer(src, tgt, **settings)
    expected.backward(torch.tensor(dlogits))
    assert torch.isfinite(expected).all()
    assert_close(logits, expected.detach().numpy(), 1e-10, "logits")
    names = {id(parameter): name for name, parameter in model.store.named.items()}
    seen = set()
    for parameter, gradient in peer.gradients():
        name = names[id(parameter)]
        seen.add(name)
        assert_close(parameter.grad, gradient, 1e-10, name)
    assert seen == set(names.values())


def distinct_tokens(config):
    """No token repeats in a text, so the gradients of the tables are those of the inputs."""
    rng = np.random.default_rng(0)
    src = rng.permutation(config.source_size)[: B * S].reshape(B, S)
    tgt = rng.permutation(config.vocab_size)[: B * T].reshape(B, T)
    return src, tgt


def boolean(*shape, seed=0):
    """Sample a mask, True forbids; at least one position remains allowed in every row."""
    mask = np.random.default_rng(seed).random(shape) < 0.4
    mask[..., 0] = False
    return mask


def additive(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(boolean(*shape, seed=seed), -np.inf, rng.standard_normal(shape))


SHAPES = {
    "src_mask": (S, S),
    "tgt_mask": (T, T),
    "memory_mask": (T, S),
    "src_key_padding_mask": (B, S),
    "tgt_key_padding_mask": (B, T),
    "memory_key_padding_mask": (B, S),
}


def masks(kind, names=tuple(SHAPES)):
    make = boolean if kind == "boolean" else additive
    return {name: make(*SHAPES[name], seed=i) for i, name in enumerate(names)}


@each_norm_position
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_every_form_of_block(torch, small_transformer, assert_close, norm_position, activation):
    model = small_transformer(norm_position=norm_position, activation=activation)
    compare(torch, model, assert_close)


@pytest.mark.parametrize("shared_embeddings", [False, True])
@pytest.mark.parametrize("tied_head", [False, True])
def test_every_sharing_of_tables(
    torch, small_transformer, assert_close, shared_embeddings, tied_head
):
    model = small_transformer(shared_embeddings=shared_embeddings, tied_head=tied_head)
    compare(torch, model, assert_close)


@each_norm_position
@pytest.mark.parametrize("kind", ["boolean", "additive"])
@pytest.mark.parametrize("name", SHAPES)
def test_each_mask_alone(torch, small_transformer, assert_close, norm_position, kind, name):
    model = small_transformer(norm_position=norm_position)
    compare(torch, model, assert_close, tgt_is_causal=False, **masks(kind, [name]))


@each_norm_position
@pytest.mark.parametrize("tgt_is_causal", [False, True])
@pytest.mark.parametrize("kind", ["boolean", "additive"])
def test_all_masks_together(
    torch, small_transformer, assert_close, norm_position, kind, tgt_is_causal
):
    model = small_transformer(norm_position=norm_position)
    compare(torch, model, assert_close, tgt_is_causal=tgt_is_causal, **masks(kind))


@pytest.mark.parametrize("of_positions", ["boolean", "additive"])
def test_masks_of_two_kinds_together(torch, small_transformer, assert_close, of_positions):
    other = {"boolean": "additive", "additive": "boolean"}[of_positions]
    names = list(SHAPES)
    mixed = masks(of_positions, names[:3]) | masks(other, names[3:])
    compare(torch, small_transformer(), assert_close, **mixed)


@pytest.mark.parametrize("kind", ["boolean", "additive"])
def test_a_mask_for_each_head_of_each_row(torch, small_transformer, assert_close, kind):
    make = boolean if kind == "boolean" else additive
    names = list(SHAPES)[:3]
    compare(
        torch,
        small_transformer(),
        assert_close,
        **{name: make(B * H, *SHAPES[name], seed=i) for i, name in enumerate(names)},
        src_key_padding_mask=boolean(B, S, seed=7),
    )


@each_norm_position
@pytest.mark.parametrize("kind", ["boolean", "additive"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_position_that_may_not_attend_to_anything(
    torch, small_transformer, assert_close, norm_position, kind, name
):
    """All of a row of a mask, or of a text, is masked: PyTorch's result is finite, too."""
    mask = masks(kind, [name])[name]
    mask[1] = True if kind == "boolean" else -np.inf
    model = small_transformer(norm_position=norm_position)
    compare(torch, model, assert_close, tgt_is_causal=False, **{name: mask})


@each_norm_position
def test_encoder_and_decoder_alone(torch, small_transformer, assert_close, norm_position):
    """The gradient of the memory equals PyTorch's."""
    model = small_transformer(norm_position=norm_position)
    peer = Peer(torch, model)
    src, tgt = distinct_tokens(model.config)
    rng = np.random.default_rng(3)

    memory, saved = model.encoder.forward(src)
    expected = peer.transformer.encoder(peer.embed("source", src))
    assert_close(memory, expected.detach().numpy(), 1e-10, "memory")

    memory = rng.standard_normal(memory.shape)
    x, saved = model.decoder.forward(tgt, memory)
    dx = rng.standard_normal(x.shape)
    dmemory = model.decoder.backward(dx, saved)
    their_memory = torch.tensor(memory, requires_grad=True)
    future = torch.ones(T, T, dtype=bool).triu(1)
    expected = peer.transformer.decoder(peer.embed("target", tgt), their_memory, tgt_mask=future)
    expected.backward(torch.tensor(dx))
    assert_close(x, expected.detach().numpy(), 1e-10, "x")
    assert_close(dmemory, their_memory.grad.numpy(), 1e-10, "dmemory")
