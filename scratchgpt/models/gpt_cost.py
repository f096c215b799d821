"""Cost of a GPT in all its forms, of models on its body, and of its 8-bit form."""

from dataclasses import replace

from scratchgpt.backend import kernels_available
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.description import (
    INDEX_BYTES,
    PROCESS_BYTES,
    Description,
    temporary_of_head,
)
from scratchgpt.ops.attention import FEWEST_QUERIES

LINE_BYTES = 64  # of the cache; arrays of a quantized model are padded to it


def block_maps(config: GPTConfig) -> dict[str, tuple[int, int, bool]]:
    """Return (n_in, n_out) of each linear map of a block, and whether it has a bias."""
    n_channels, n_merged = config.n_embd, config.n_head * config.head_size
    n_qkv = n_merged + 2 * config.kv_heads * config.head_size
    n_inner = config.inner_size
    n_hidden = 2 * n_inner if config.gated_mlp else n_inner
    return {
        "attn.c_attn": (n_channels, n_qkv, config.has_bias("qkv")),
        "attn.c_proj": (n_merged, n_channels, config.has_bias("proj")),
        "mlp.c_fc": (n_channels, n_hidden, config.has_bias("mlp")),
        "mlp.c_proj": (n_inner, n_channels, config.has_bias("mlp")),
    }


def norm_vectors(config: GPTConfig) -> list[tuple[int, int]]:
    """Return the numbers of vectors of parameters of the norms, each with the size of a vector."""
    n_norms = 2 * config.n_layer + (config.norm_position == "pre") + config.embedding_norm
    n_vectors = config.norm_weight if config.norm == "rms" else 1 + config.bias
    n_of_heads = 2 * config.n_layer * config.norm_weight if config.qk_norm != "none" else 0
    return [(n_norms * n_vectors, config.n_embd), (n_of_heads, config.head_size)]


def table_rows(config: GPTConfig) -> int:
    """Return the number of rows of the tables of tokens and positions."""
    return config.vocab_size + (config.block_size if config.positions == "learned" else 0)


def describe_gpt(config: GPTConfig, n_batch: int, itemsize: int) -> Description:
    """Count the cost of a GPT; see :func:`scratchgpt.models.describe`."""
    n_layer, n_channels, vocab_size = config.n_layer, config.n_embd, config.vocab_size
    n_time, n_head, n_kv_head = config.block_size, config.n_head, config.kv_heads
    n_merged = n_head * config.head_size  # channels of the queries, and of the merged heads
    maps = block_maps(config).values()

    embeddings = table_rows(config) * n_channels
    block = sum(n_in * n_out for n_in, n_out, _ in maps)
    n_parameters = (
        embeddings
        + n_layer * (block + sum(n_out for _, n_out, has_bias in maps if has_bias))
        + sum(n * size for n, size in norm_vectors(config))
        + (0 if config.tied_head else vocab_size * n_channels)
    )

    n_tokens = n_batch * n_time
    flash = _is_flash(config, itemsize)
    block_elements = n_tokens * _elements_of_block(config, flash)
    around = n_tokens * n_channels  # the input of the head
    n_norms = (config.norm_position == "pre") + config.embedding_norm
    around += n_norms * n_tokens * (n_channels + _statistics(config))
    if config.positions == "rotary":
        around += n_time * config.head_size  # cosine and sine of each pair
    index_bytes = n_tokens * INDEX_BYTES
    if config.positions == "learned":
        index_bytes += n_time * INDEX_BYTES
    activations = itemsize * (n_layer * block_elements + around) + index_bytes
    inputs = n_tokens * n_channels * (n_layer - 1)  # the activations of a block include one input
    recompute = itemsize * (inputs + block_elements + around) + index_bytes

    block_flops = 2 * block + 4 * n_time * n_merged  # q kᵀ and weights v
    head_flops = 2 * n_channels * vocab_size
    forward_flops = n_layer * block_flops + head_flops
    return Description(
        n_parameters=n_parameters,
        n_embedding_parameters=embeddings,
        parameter_bytes=itemsize * n_parameters,
        optimizer_bytes=3 * itemsize * n_parameters,
        activation_bytes=activations,
        recompute_activation_bytes=recompute,
        temporary_bytes=max(
            temporary_of_block(config, n_batch, itemsize),
            itemsize * temporary_of_head(n_tokens, config),
        ),
        process_bytes=PROCESS_BYTES[flash],
        cache_bytes=2 * itemsize * n_layer * n_tokens * n_kv_head * config.head_size,
        forward_flops_per_token=forward_flops,
        training_flops_per_token=3 * forward_flops,  # per product, the backward pass has two
    )


def _statistics(config: GPTConfig) -> int:
    """Return how many numbers a norm saves per row: mean and rstd, or the latter alone."""
    return 1 if config.norm == "rms" else 2


def _is_flash(config: GPTConfig, itemsize: int) -> bool:
    """Whether attention is computed by the kernel, which saves no weights."""
    return config.block_size >= FEWEST_QUERIES and kernels_available(f"f{itemsize}")


def _elements_of_block(config: GPTConfig, flash: bool) -> int:
    """Return how many numbers a block saves for each token."""
    n_head, n_kv_head, n_size = config.n_head, config.kv_heads, config.head_size
    # Its input and the sum between the sublayers; with post-norm also both sums before their norm.
    rows = (2 if config.norm_position == "pre" else 4) * config.n_embd + 2 * _statistics(config)
    attention = 2 * (n_head + n_kv_head) * n_size  # queries, keys, values and the merged heads
    if config.qk_norm != "none":  # the inputs of their norms, too
        attention += (n_head + n_kv_head) * (n_size + 1)
    # The attention weights, and the scores that a cap has limited. Instead of them, the compiled
    # kernel saves one number per query.
    n_scores = config.block_size * (1 if config.attention_soft_cap is None else 2)
    attention += n_head * (1 if flash else n_scores)
    _, n_hidden, _ = block_maps(config)["mlp.c_fc"]  # the input of the activation
    return rows + attention + n_hidden


def temporary_of_block(config: GPTConfig, n_batch: int, itemsize: int) -> int:
    """Return how many bytes the backward pass of a block allocates.

    They are the gradients of the block's output and input, of the sum between the sublayers, of a
    norm's output, and the norm's output itself; then the gradient of the activation's input, or
    those of heads, queries, keys and values. A gated product is also computed again. The reference
    also allocates gradients of the attention weights.
    """
    of_mlp = (3 if config.gated_mlp else 1) * config.inner_size
    of_attention = 2 * (config.n_head + config.kv_heads) * config.head_size
    scores = 0 if _is_flash(config, itemsize) else 2 * config.n_head * config.block_size
    per_token = 6 * config.n_embd + max(of_mlp, of_attention) + scores
    return itemsize * n_batch * config.block_size * per_token


def describe_body(config: GPTConfig, n_batch: int, itemsize: int, n_more: int) -> Description:
    """Count the cost of a GPT without its head, with ``n_more`` parameters above the body."""
    whole = describe_gpt(config.replace(tied_head=True), n_batch, itemsize)
    n_tokens = n_batch * config.block_size
    input_bytes = itemsize * n_tokens * config.n_embd  # of the head
    head_flops = 2 * config.n_embd * config.vocab_size
    return replace(
        whole,
        n_parameters=whole.n_parameters + n_more,
        parameter_bytes=whole.parameter_bytes + itemsize * n_more,
        optimizer_bytes=whole.optimizer_bytes + 3 * itemsize * n_more,
        activation_bytes=whole.activation_bytes - input_bytes,
        recompute_activation_bytes=whole.recompute_activation_bytes - input_bytes,
        temporary_bytes=temporary_of_block(config, n_batch, itemsize),
        cache_bytes=0,
        forward_flops_per_token=whole.forward_flops_per_token - head_flops,
        training_flops_per_token=whole.training_flops_per_token - 3 * head_flops,
    )


def describe_quantized(config: GPTConfig, n_batch: int, itemsize: int) -> Description:
    """Count the cost of a :class:`QuantizedGPT`; the arithmetic is in float32."""
    tables = [config.vocab_size] * (1 if config.tied_head else 2)
    if config.positions == "learned":
        tables.append(config.block_size)
    # One byte per weight, and four per scale and per element of a vector; each starts at a line.
    of_tables = [size for n_rows in tables for size in (n_rows * config.n_embd, 4 * n_rows)]
    of_block = []
    for n_in, n_out, has_bias in block_maps(config).values():
        of_block += [n_in * n_out, 4 * n_out] + ([4 * n_out] if has_bias else [])
    n_bytes = (
        sum(map(_in_lines, of_tables))
        + config.n_layer * sum(map(_in_lines, of_block))
        + sum(n * _in_lines(4 * size) for n, size in norm_vectors(config))
    )
    return replace(
        describe_gpt(config, n_batch, itemsize),
        parameter_bytes=n_bytes,
        optimizer_bytes=0,
        activation_bytes=0,
        recompute_activation_bytes=0,
        temporary_bytes=0,
        training_flops_per_token=0,
    )


def _in_lines(n_bytes: int) -> int:
    """Round up to whole cache lines."""
    return -(-n_bytes // LINE_BYTES) * LINE_BYTES
