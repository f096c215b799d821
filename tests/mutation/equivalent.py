"""Mutants that no test can catch, because they compute the same; each with the reason why.

They are recognized by file, function and the text of the lines, so they stay valid as code moves.
"""

# (file, function, original, mutant): reason
EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    (
        "scratchgpt/ops/broadcast.py",
        "broadcast_backward",
        "dx = dy.sum(axis=(*range(n_new), *repeated), keepdims=True)",
        "dx = dy.sum(axis=(*range(n_new), *repeated))",
    ): "The reshape that follows restores the summed axes.",
    (
        "scratchgpt/ops/broadcast.py",
        "broadcast_backward",
        "dx = dy.sum(axis=(*range(n_new), *repeated), keepdims=True)",
        "dx = dy.sum(axis=(*repeated, *range(n_new)), keepdims=True)",
    ): "The order in which axes are summed does not matter.",
    (
        "scratchgpt/ops/layer_norm.py",
        "layer_norm_backward",
        "dbias = as_rows(dy).sum(axis=0) if has_bias else None",
        "dbias = as_rows(dy).sum(axis=-2) if has_bias else None",
    ): "Axes 0 and -2 of a matrix are the same.",
    (
        "scratchgpt/ops/layer_norm.py",
        "layer_norm_backward",
        "dweight = as_rows(dx).sum(axis=0)",
        "dweight = as_rows(dx).sum(axis=-2)",
    ): "Axes 0 and -2 of a matrix are the same.",
    (
        "scratchgpt/ops/layer_norm.py",
        "layer_norm_backward",
        'projection = np.einsum("...c,...c->...", dx, x_hat)[..., None] / n_channels',
        'projection = np.einsum("...c,...c->...", x_hat, dx)[..., None] / n_channels',
    ): "A dot product commutes.",
    (
        "scratchgpt/ops/linear.py",
        "linear_backward",
        "dbias += dy_rows.sum(axis=0)",
        "dbias += dy_rows.sum(axis=-2)",
    ): "Axes 0 and -2 of a matrix are the same.",
    (
        "scratchgpt/ops/rms_norm.py",
        "rms_norm_backward",
        'dweight = np.einsum("nc,nc->c", as_rows(dy), as_rows(x_hat))',
        'dweight = np.einsum("nc,nc->c", as_rows(x_hat), as_rows(dy))',
    ): "A product of two numbers commutes.",
    (
        "scratchgpt/ops/rms_norm.py",
        "rms_norm_backward",
        'projection = np.einsum("...c,...c->...", dx, x_hat)[..., None] / x.shape[-1]',
        'projection = np.einsum("...c,...c->...", x_hat, dx)[..., None] / x.shape[-1]',
    ): "A dot product commutes.",
    (
        "scratchgpt/ops/softmax.py",
        "softmax_into",
        "shift[np.isneginf(shift)] = 0",
        "shift[np.isneginf(shift)] = 1",
    ): "Any finite shift of -inf is -inf.",
    (
        "scratchgpt/layers/stack.py",
        "BlockStack.backward",
        "dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f and saved.ln_f else dy",
        "dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f or saved.ln_f else dy",
    ): "The layer and what it saved are there together or not at all.",
    (
        "scratchgpt/layers/stack.py",
        "BlockStack.backward",
        "dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f and saved.ln_f else dy",
        "dx[...] = self.ln_f.backward(dy, saved.ln_f) if saved.ln_f else dy",
    ): "The layer and what it saved are there together or not at all.",
    (
        "scratchgpt/layers/stack.py",
        "BlockStack.backward",
        "dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f and saved.ln_f else dy",
        "dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f else dy",
    ): "The layer and what it saved are there together or not at all.",
    (
        "scratchgpt/layers/stack.py",
        "BlockStack.backward",
        "for block, block_saved in zip(reversed(self.h), reversed(saved.h), strict=True):",
        "for block, block_saved in zip(reversed(self.h), reversed(saved.h)):",
    ): "There is one saved for each block; strict says so to the reader.",
    (
        "scratchgpt/ops/cross_entropy.py",
        "cross_entropy_forward",
        'if reduction not in ("mean", "sum", "none"):',
        'if reduction not in ("sum", "mean", "none"):',
    ): "The order of a set of names does not matter.",
    (
        "scratchgpt/ops/cross_entropy.py",
        "cross_entropy_forward",
        'if reduction not in ("mean", "sum", "none"):',
        'if reduction not in ("mean", "none", "sum"):',
    ): "The order of a set of names does not matter.",
    (
        "scratchgpt/ops/cross_entropy.py",
        "cross_entropy_forward",
        "z_target = np.take_along_axis(logits, targets[..., None], axis=-1)",
        "z_target = np.take_along_axis(logits, targets[..., None])",
    ): "The last axis is NumPy's default since 2.3.",
    (
        "scratchgpt/ops/dropout.py",
        "dropout_mask",
        "bits = empty(((n + 1) // 2,), like=like, dtype=np.uint64)",
        "bits = empty(((n + 1) * 2,), like=like, dtype=np.uint64)",
    ): "More numbers are drawn than are used; the first n are the same.",
    (
        "scratchgpt/ops/dropout.py",
        "dropout_mask",
        "bits = empty(((n + 1) // 2,), like=like, dtype=np.uint64)",
        "bits = empty(((n + 1),), like=like, dtype=np.uint64)",
    ): "More numbers are drawn than are used; the first n are the same.",
    (
        "scratchgpt/ops/dropout.py",
        "dropout_mask",
        "bits = empty(((n + 1) // 2,), like=like, dtype=np.uint64)",
        "bits = empty(((n + 2) // 2,), like=like, dtype=np.uint64)",
    ): "More numbers are drawn than are used; the first n are the same.",
    (
        "scratchgpt/ops/dropout.py",
        "dropout_mask",
        'halves = bits.astype("<u8", copy=False).view("<u4")[:n]',
        'halves = bits.astype("<u8").view("<u4")[:n]',
    ): "A copy has the same values.",
    (
        "scratchgpt/ops/embedding.py",
        "embedding_forward",
        "weight.take(tokens, axis=0, out=y, **mode)",
        "weight.take(tokens, axis=-2, out=y, **mode)",
    ): "Axes 0 and -2 of a matrix are the same.",
    (
        "scratchgpt/ops/layer_norm.py",
        "check_parameters",
        'for name, parameter in (("weight", weight), ("bias", bias)):',
        'for name, parameter in (("bias", bias), ("weight", weight)):',
    ): "Either is refused, whichever is looked at first.",
    (
        "scratchgpt/ops/log_softmax.py",
        "log_sum_exp",
        "shift = x.real.max(axis=axis, keepdims=True)",
        "shift = x.max(axis=axis, keepdims=True)",
    ): "Any shift cancels; the largest complex number has the largest real part.",
    (
        "scratchgpt/ops/softmax.py",
        "softmax_into",
        "total[total == 0] = 1",
        "total[total == 0] = 2",
    ): "Zero divided by any other number is zero.",
    (
        "scratchgpt/layers/attention.py",
        "SelfAttention.forward",
        "p, seed = (0.0, 0) if dropout_seed is None else (self.dropout, dropout_seed)",
        "p, seed = (0, 0.0) if dropout_seed is None else (self.dropout, dropout_seed)",
    ): "Where p is 0 nothing is drawn, so the seed is not used.",
    (
        "scratchgpt/layers/attention.py",
        "SelfAttention.forward",
        "p, seed = (0.0, 0) if dropout_seed is None else (self.dropout, dropout_seed)",
        "p, seed = (0.0, 1) if dropout_seed is None else (self.dropout, dropout_seed)",
    ): "Where p is 0 nothing is drawn, so the seed is not used.",
    (
        "scratchgpt/layers/cross_attention.py",
        "CrossAttention.forward",
        "p, seed = (0.0, 0) if dropout_seed is None else (self.dropout, dropout_seed)",
        "p, seed = (0, 0.0) if dropout_seed is None else (self.dropout, dropout_seed)",
    ): "Where p is 0 nothing is drawn, so the seed is not used.",
    (
        "scratchgpt/layers/cross_attention.py",
        "CrossAttention.forward",
        "p, seed = (0.0, 0) if dropout_seed is None else (self.dropout, dropout_seed)",
        "p, seed = (0.0, 1) if dropout_seed is None else (self.dropout, dropout_seed)",
    ): "Where p is 0 nothing is drawn, so the seed is not used.",
    (
        "scratchgpt/layers/mlp.py",
        "",
        "Pair = tuple[Callable[..., tuple[Any, Any]], Callable[..., Any]]",
        "Pair = tuple[Callable[..., Any], Callable[..., tuple[Any, Any]]]",
    ): "A type; no value depends on it.",
}
