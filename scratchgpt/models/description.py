"""What a model costs: parameters, memory and arithmetic, from its configuration alone."""

from dataclasses import dataclass

from scratchgpt.backend import kernels_available
from scratchgpt.models.config import GPTConfig
from scratchgpt.ops.attention import FEWEST_QUERIES

INDEX_BYTES = 8  # token ids and targets are int64


@dataclass(frozen=True)
class Description:
    """The cost of a model, without building it.

    Attributes
    ----------
    n_parameters, n_embedding_parameters : int
        All of them; and how many of them are token and position embeddings (an untied head is
        not counted among these).
    parameter_bytes : int
    optimizer_bytes : int
        Gradients and AdamW's two moments.
    activation_bytes : int
        What a training step's forward pass keeps for the backward pass, for a batch of
        ``n_batch`` full blocks.
    recompute_activation_bytes : int
        The same with recomputation: the inputs of all blocks and the activations of one.
    cache_bytes : int
        Keys and values of ``n_batch`` full blocks during generation.
    forward_flops_per_token, training_flops_per_token : int
        Multiplications and additions in matrix products (2 m n k each), in a full block.
    """

    n_parameters: int
    n_embedding_parameters: int
    parameter_bytes: int
    optimizer_bytes: int
    activation_bytes: int
    recompute_activation_bytes: int
    cache_bytes: int
    forward_flops_per_token: int
    training_flops_per_token: int

    @property
    def training_bytes(self) -> int:
        """Parameters, gradients, moments and activations; temporaries come on top."""
        return self.parameter_bytes + self.optimizer_bytes + self.activation_bytes

    @property
    def inference_bytes(self) -> int:
        """Parameters, and keys and values of a full context."""
        return self.parameter_bytes + self.cache_bytes


def describe(config: GPTConfig, *, n_batch: int = 1, itemsize: int = 4) -> Description:
    """Count the cost of a model.

    Parameters
    ----------
    config : GPTConfig
    n_batch : int
        Rows of a batch, each of block_size tokens.
    itemsize : int
        Bytes a number: 4 for float32.
    """
    n_layer, n_channels, n_inner = config.n_layer, config.n_embd, config.inner_size
    n_time, n_head, vocab_size = config.block_size, config.n_head, config.vocab_size
    n_norms = 2 * n_layer + (config.norm_position == "pre")

    embeddings = (vocab_size + n_time) * n_channels
    block = 4 * n_channels**2 + 2 * n_channels * n_inner
    block_bias = 5 * n_channels + n_inner if config.bias else 0
    n_parameters = (
        embeddings
        + n_layer * (block + block_bias)
        + n_norms * n_channels * (1 + config.bias)
        + (0 if config.tied_head else vocab_size * n_channels)
    )

    n_tokens = n_batch * n_time
    # Of each token a block keeps: 6 rows of C (its input, q, k and v, the merged heads, the sum in
    # its middle), where norms come after the halves 2 more (both sums before their norm); 1 of F
    # (before the activation), mean and rstd of two norms, and the attention weights, in place of
    # which the compiled kernel keeps one number.
    flash = n_time >= FEWEST_QUERIES and kernels_available(f"f{itemsize}")
    attention = n_head * (1 if flash else n_time)
    n_rows = 6 if config.norm_position == "pre" else 8
    block_elements = n_tokens * (n_rows * n_channels + n_inner + 4 + attention)
    head_elements = n_tokens * (n_channels + vocab_size + 1)  # input, logits, log of the sum
    if config.norm_position == "pre":
        head_elements += n_tokens * (n_channels + 2)  # of ln_f
    # Tokens and targets, the mask of what counts, and the positions.
    index_bytes = n_tokens * (2 * INDEX_BYTES + 1) + n_time * INDEX_BYTES
    activations = itemsize * (n_layer * block_elements + head_elements) + index_bytes
    inputs = n_tokens * n_channels * (n_layer - 1)  # one is among the activations of a block
    recompute = itemsize * (inputs + block_elements + head_elements) + index_bytes

    block_flops = 2 * block + 4 * n_time * n_channels  # q kᵀ and weights v
    head_flops = 2 * n_channels * vocab_size
    forward_flops = n_layer * block_flops + head_flops
    return Description(
        n_parameters=n_parameters,
        n_embedding_parameters=embeddings,
        parameter_bytes=itemsize * n_parameters,
        optimizer_bytes=3 * itemsize * n_parameters,
        activation_bytes=activations,
        recompute_activation_bytes=recompute,
        cache_bytes=2 * itemsize * n_layer * n_tokens * n_channels,
        forward_flops_per_token=forward_flops,
        training_flops_per_token=3 * forward_flops,  # each product has two in the backward pass
    )
