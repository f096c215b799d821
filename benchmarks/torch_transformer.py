"""torch.nn.Transformer with the weights of our model: the peer of the translation benchmarks."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from scratchgpt.models import Transformer
from scratchgpt.ops.cross_entropy import IGNORE_INDEX


class TorchTransformer(nn.Module):
    """Embeddings and head around torch.nn.Transformer, in idiomatic PyTorch.

    Dropout is at the same places as in our model: PyTorch's layers have one more, inside the
    feed-forward layers, which is removed.
    """

    def __init__(self, ours: Transformer, dropout: float = 0.0) -> None:
        super().__init__()
        c = self.config = ours.config
        if not c.bias or c.positions != "sinusoidal" or not (c.shared_embeddings and c.tied_head):
            raise SystemExit("the peer needs biases, sinusoidal positions and a shared embedding")
        self.table = nn.Embedding(c.vocab_size, c.n_embd)
        self.transformer = nn.Transformer(
            c.n_embd,
            c.n_head,
            c.n_encoder_layer,
            c.n_decoder_layer,
            c.inner_size,
            dropout,
            activation={"relu": F.relu, "gelu": F.gelu}[c.activation],
            layer_norm_eps=c.layer_norm_epsilon,
            batch_first=True,
            norm_first=c.norm_position == "pre",
        )
        if c.norm_position == "post":  # PyTorch's has two more norms than the paper's
            self.transformer.encoder.norm = self.transformer.decoder.norm = None
        for layer in (*self.transformer.encoder.layers, *self.transformer.decoder.layers):
            layer.dropout.p = 0.0
        self.drop = nn.Dropout(dropout)
        self.scale = math.sqrt(c.n_embd) if c.scale_embeddings else 1.0
        sinusoids = torch.from_numpy(ours.encoder.embedding.sinusoids).float()
        self.register_buffer("sinusoids", sinusoids)
        with torch.no_grad():
            self._copy(ours)

    def embed(self, tokens: torch.Tensor, start: int = 0) -> torch.Tensor:
        positions = self.sinusoids[start : start + tokens.shape[1]]
        return self.drop(self.table(tokens) * self.scale + positions)

    def forward(self, src, tgt, targets, padding, causal, label_smoothing: float) -> torch.Tensor:
        """Return the loss; ``padding`` is True at source padding, ``causal`` a mask (T, T)."""
        x = self.transformer(
            self.embed(src),
            self.embed(tgt),
            tgt_mask=causal,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        return F.cross_entropy(
            (x @ self.table.weight.T).flatten(0, 1),
            targets.flatten(),
            ignore_index=IGNORE_INDEX,
            label_smoothing=label_smoothing,
        )

    def _copy(self, ours: Transformer) -> None:
        self.table.weight.copy_(torch.from_numpy(ours.encoder.embedding.wte.weight.value))
        halves = (ours.encoder, self.transformer.encoder), (ours.decoder, self.transformer.decoder)
        for half, theirs in halves:
            if half.ln_f:
                _copy(theirs.norm, half.ln_f)
            for block, layer in zip(half.h, theirs.layers, strict=True):
                norms = [layer.norm1, layer.norm2]
                mine = [block.ln_1, block.ln_2]
                if half is ours.decoder:
                    norms.append(layer.norm3)
                    mine.append(block.ln_3)
                    _copy_cross(layer.multihead_attn, block.cross)
                for norm, own in zip(norms, mine, strict=True):
                    _copy(norm, own)
                attention = layer.self_attn
                attention.in_proj_weight.copy_(_matrix(block.attn.c_attn))
                attention.in_proj_bias.copy_(_bias(block.attn.c_attn))
                _copy_linear(attention.out_proj, block.attn.c_proj)
                _copy_linear(layer.linear1, block.mlp.c_fc)
                _copy_linear(layer.linear2, block.mlp.c_proj)


def _copy_cross(attention, cross) -> None:
    attention.in_proj_weight.copy_(torch.cat([_matrix(cross.c_q), _matrix(cross.c_kv)]))
    attention.in_proj_bias.copy_(torch.cat([_bias(cross.c_q), _bias(cross.c_kv)]))
    _copy_linear(attention.out_proj, cross.c_proj)


def _copy_linear(theirs, linear) -> None:
    theirs.weight.copy_(_matrix(linear))
    theirs.bias.copy_(_bias(linear))


def _copy(theirs, norm) -> None:
    theirs.weight.copy_(torch.from_numpy(norm.weight.value))
    theirs.bias.copy_(_bias(norm))


def _matrix(linear) -> torch.Tensor:
    return torch.from_numpy(linear.weight.value).T


def _bias(layer) -> torch.Tensor:
    return torch.from_numpy(layer.bias.value)
