"""One block of a GPT, with the layer norms before or after its two halves."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, derive_seed
from scratchgpt.layers.attention import CausalSelfAttention, SelfAttentionSaved
from scratchgpt.layers.dropout import Dropout
from scratchgpt.layers.kv_cache import LayerCache
from scratchgpt.layers.layer_norm import LayerNorm
from scratchgpt.layers.mlp import MLP, MLPSaved
from scratchgpt.layers.parameters import Layer
from scratchgpt.memory import borrow, empty_like, lending, scope
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.layer_norm import LayerNormSaved
from scratchgpt.ops.residual import residual_forward


class BlockSaved(NamedTuple):
    ln_1: LayerNormSaved
    attn: SelfAttentionSaved
    drop_1: DropoutSaved
    ln_2: LayerNormSaved
    mlp: MLPSaved
    drop_2: DropoutSaved


class Block(Layer):
    """Attention, then feed-forward, each around a residual connection.

    ``norm_position="pre"`` is GPT-2's block (Radford et al. 2019, section 2.3)::

        x = x + attn(ln_1(x))
        x = x + mlp(ln_2(x))

    ``norm_position="post"`` is GPT-1's and the 2017 Transformer's::

        x = ln_1(x + attn(x))
        x = ln_2(x + mlp(x))

    Parameters
    ----------
    n_embd, n_head, n_inner : int
        C, H and F.
    dropout : float
        On the attention weights and on what each half adds to the residual stream.
    bias : bool
    norm_position : {"pre", "post"}
    activation : {"gelu_tanh", "gelu", "relu"}
    layer_norm_epsilon : float
    proj_std : float
        Standard deviation of the initial weights that write to the residual stream.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        n_inner: int,
        *,
        dropout: float,
        bias: bool,
        norm_position: str,
        activation: str,
        layer_norm_epsilon: float,
        proj_std: float,
    ) -> None:
        self.ln_1 = LayerNorm(n_embd, bias=bias, eps=layer_norm_epsilon)
        self.attn = CausalSelfAttention(
            n_embd, n_head, dropout=dropout, bias=bias, proj_std=proj_std
        )
        self.ln_2 = LayerNorm(n_embd, bias=bias, eps=layer_norm_epsilon)
        self.mlp = MLP(n_embd, n_inner, activation=activation, bias=bias, proj_std=proj_std)
        self.drop = Dropout(dropout)
        self.norm_position = norm_position

    def forward(self, x: Array, dropout_seed: int | None = None) -> tuple[Array, BlockSaved]:
        """x (B, T, C) -> y (B, T, C); without a seed nothing is dropped."""
        attn_seed, seed_1, seed_2 = _seeds(dropout_seed)
        # What a half of the block returns is not needed again, so dropout and the sum are written
        # over it; nor is the norm before a half, which the backward pass makes again.
        if self.norm_position == "pre":
            with lending():
                n, ln_1 = self.ln_1.forward(x, y=borrow(x.shape, like=x))  # 1
                a, attn = self.attn.forward(n, attn_seed)  # 2
            attn = attn._replace(c_attn=attn.c_attn._replace(x=None))
            a, drop_1 = self.drop.forward(a, seed_1, y=a)  # 3
            with lending():
                n = borrow(x.shape, like=x)
                (x, n), ln_2 = self.ln_2.forward_of_sum(x, a, y=a, n=n)  # 4 and 5
                m, mlp = self.mlp.forward(n)  # 6
            mlp = mlp._replace(c_fc=mlp.c_fc._replace(x=None))
            m, drop_2 = self.drop.forward(m, seed_2, y=m)  # 7
            x, _ = residual_forward(x, m, y=m)  # 8
        else:
            a, attn = self.attn.forward(x, attn_seed)  # 1
            a, drop_1 = self.drop.forward(a, seed_1, y=a)  # 2
            (_, x), ln_1 = self.ln_1.forward_of_sum(x, a, y=a)  # 3 and 4
            m, mlp = self.mlp.forward(x)  # 5
            m, drop_2 = self.drop.forward(m, seed_2, y=m)  # 6
            (_, x), ln_2 = self.ln_2.forward_of_sum(x, m, y=m)  # 7 and 8
        return x, BlockSaved(ln_1, attn, drop_1, ln_2, mlp, drop_2)

    def backward(self, dy: Array, saved: BlockSaved) -> Array:
        """dy (B, T, C) -> dx (B, T, C).

        At each residual connection x fans out, so two gradients meet again and are added.
        """
        dx = empty_like(dy)
        with scope():
            if self.norm_position == "pre":
                dm = self.drop.backward(dy, saved.drop_2)  # undoes 8 and 7
                dx_mid = empty_like(dy)
                with scope():
                    n, _ = self.ln_2.forward(saved.ln_2.x)
                    c_fc = saved.mlp.c_fc._replace(x=n)
                    dn = self.mlp.backward(dm, saved.mlp._replace(c_fc=c_fc))  # 6
                    # 5, and 8: past the feed-forward half
                    self.ln_2.backward(dn, saved.ln_2, past=dy, dx=dx_mid)
                da = self.drop.backward(dx_mid, saved.drop_1)  # 4 and 3
                n, _ = self.ln_1.forward(saved.ln_1.x)
                c_attn = saved.attn.c_attn._replace(x=n)
                dn = self.attn.backward(da, saved.attn._replace(c_attn=c_attn))  # 2
                self.ln_1.backward(dn, saved.ln_1, past=dx_mid, dx=dx)  # 1 and 4
            else:
                dsum_2 = self.ln_2.backward(dy, saved.ln_2)  # undoes 8
                dm = self.drop.backward(dsum_2, saved.drop_2)  # 7 and 6
                dx_mid = self.mlp.backward(dm, saved.mlp)  # 5
                dx_mid += dsum_2  # 7: past the feed-forward half
                dsum_1 = self.ln_1.backward(dx_mid, saved.ln_1)  # 4
                da = self.drop.backward(dsum_1, saved.drop_1)  # 3 and 2
                np.add(dsum_1, self.attn.backward(da, saved.attn), out=dx)  # 3 and 1
        return dx

    def extend(self, x: Array, cache: LayerCache, mask: Array) -> Array:
        """New positions x (B, T, C) through the block, for generation; see the attention's."""
        if self.norm_position == "pre":
            x = x + self.attn.extend(self.ln_1.forward(x)[0], cache, mask)
            return x + self.mlp.forward(self.ln_2.forward(x)[0])[0]
        x = self.ln_1.forward(x + self.attn.extend(x, cache, mask))[0]
        return self.ln_2.forward(x + self.mlp.forward(x)[0])[0]


def _seeds(seed: int | None) -> tuple[int | None, int | None, int | None]:
    """Seeds of the three places where a block drops."""
    if seed is None:
        return None, None, None
    return derive_seed(seed, "attn"), derive_seed(seed, "drop_1"), derive_seed(seed, "drop_2")
