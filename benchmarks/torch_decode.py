"""Beam search in PyTorch, with a cache and without: the peers of ``translation_decode.py``.

The search uses our bookkeeping, so that only the computations of the model are compared.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch_transformer import TorchTransformer

from scratchgpt.generation.hypotheses import ActiveHypotheses, Finished, Hypothesis


class Plain:
    """The decoder of torch.nn.Transformer without a cache: whole hypotheses for each new token."""

    def __init__(self, model: TorchTransformer, src, padding, n_beams: int, n_positions: int):
        self.model = model
        memory = model.transformer.encoder(model.embed(src), src_key_padding_mask=padding)
        self.memory, self.padding = memory, padding

    def next_logits(self, targets: torch.Tensor) -> torch.Tensor:
        n_time = targets.shape[1]
        x = self.model.transformer.decoder(
            self.model.embed(targets),
            self.memory,
            tgt_mask=torch.nn.Transformer.generate_square_subsequent_mask(n_time),
            memory_key_padding_mask=self.padding,
            tgt_is_causal=True,
        )
        return x[:, -1] @ self.model.table.weight.T

    def select(self, rows: torch.Tensor) -> None:
        self.memory, self.padding = self.memory[rows], self.padding[rows]


class Cached:
    """A decoder with a cache: it computes the memory once, and then only the last position."""

    def __init__(self, model: TorchTransformer, src, padding, n_beams: int, n_positions: int):
        self.model, self.n_beams, self.n_time = model, 1, 0
        self.layers = model.transformer.decoder.layers
        n_rows, c = len(src) * n_beams, model.config
        memory = model.transformer.encoder(model.embed(src), src_key_padding_mask=padding)
        self.memory = []
        for layer in self.layers:
            attention = layer.multihead_attn
            weight, bias = attention.in_proj_weight[c.n_embd :], attention.in_proj_bias[c.n_embd :]
            kv = F.linear(memory, weight, bias).view(*memory.shape[:2], 2, c.n_head, -1)
            self.memory.append(kv.permute(2, 0, 3, 1, 4).contiguous())  # (2, B, H, S, D)
        self.allowed = ~padding[:, None, None, :]  # (B, 1, 1, S)
        shape = (len(self.layers), 2, n_rows, c.n_head, n_positions, c.head_size)
        self.room = torch.empty(shape), torch.empty(shape)  # select copies from one to the other
        self.texts = self.room[0][:, :, : len(src)]

    def next_logits(self, targets: torch.Tensor) -> torch.Tensor:
        model, c = self.model, self.model.config
        n_rows, time = len(targets), self.n_time
        x = model.embed(targets[:, -1:], time)[:, 0]  # (B K, C)
        self.n_time += 1

        def with_itself(i, layer, x):
            attention = layer.self_attn
            qkv = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)
            q, k, v = qkv.view(n_rows, 3, c.n_head, -1).unbind(1)
            keys, values = self.texts[i]
            keys[:, :, time] = k
            values[:, :, time] = v
            past = slice(0, time + 1)
            y = F.scaled_dot_product_attention(q[:, :, None], keys[:, :, past], values[:, :, past])
            return attention.out_proj(y.reshape(n_rows, -1))

        def with_the_memory(i, layer, x):
            attention = layer.multihead_attn
            weight, bias = attention.in_proj_weight[: c.n_embd], attention.in_proj_bias[: c.n_embd]
            q = F.linear(x, weight, bias).view(-1, self.n_beams, c.n_head, c.head_size)
            y = F.scaled_dot_product_attention(
                q.transpose(1, 2), *self.memory[i], attn_mask=self.allowed
            )
            return attention.out_proj(y.transpose(1, 2).reshape(n_rows, -1))

        def feed_forward(i, layer, x):
            return layer.linear2(layer.activation(layer.linear1(x)))

        for i, layer in enumerate(self.layers):
            branches = (layer.norm1, with_itself), (layer.norm2, with_the_memory)
            for norm, branch in (*branches, (layer.norm3, feed_forward)):
                if layer.norm_first:
                    x = x + branch(i, layer, norm(x))
                else:
                    x = norm(x + branch(i, layer, x))
        norm = model.transformer.decoder.norm
        return F.linear(x if norm is None else norm(x), model.table.weight)

    def select(self, rows: torch.Tensor) -> None:
        past = slice(0, self.n_time)
        self.room = self.room[::-1]
        chosen = self.room[0][:, :, : len(rows)]
        chosen[..., past, :] = self.texts[..., past, :].index_select(2, rows)
        self.texts = chosen
        sentences = torch.unique(rows // self.n_beams)
        self.n_beams = len(rows) // max(len(sentences), 1)
        if len(sentences) != len(self.allowed):
            self.memory = [kv[:, sentences] for kv in self.memory]
            self.allowed = self.allowed[sentences]


@torch.inference_mode()
def search(
    kind: Callable,
    model: TorchTransformer,
    src: np.ndarray,
    padding: np.ndarray,
    limits: np.ndarray,
    end_of_text: int,
    n_beams: int,
    alpha: float,
) -> list[list[Hypothesis]]:
    """:func:`scratchgpt.generation.beam_search` with PyTorch's logits and PyTorch's top k."""
    padding, src = torch.from_numpy(padding), torch.from_numpy(src)
    continuation = kind(model, src, padding, n_beams, int(limits.max()))
    live, finished = ActiveHypotheses(n_beams, end_of_text, limits, alpha), Finished(len(src), 1)
    while live.sentences.size:
        targets = torch.from_numpy(live.tokens.reshape(-1, live.tokens.shape[-1]))
        logits = continuation.next_logits(targets)
        best, tokens = torch.log_softmax(logits, dim=-1).topk(2 * n_beams, dim=-1)
        rows = live.advance(best.double().numpy(), tokens.numpy(), finished)
        if not np.array_equal(rows, np.arange(len(targets))):
            continuation.select(torch.from_numpy(rows))
    return finished.hypotheses
