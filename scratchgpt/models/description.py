"""Cost of a model: parameters, memory and arithmetic, computed from its configuration."""

from dataclasses import dataclass
from typing import Any

from scratchgpt.backend import kernels_available
from scratchgpt.layers.head import rows_of_piece
from scratchgpt.models.transformer_config import TransformerConfig
from scratchgpt.ops.attention import FEWEST_QUERIES

INDEX_BYTES = 8  # token ids and targets are int64
# Measured without kernels, and with kernels, which load Numba and LLVM.
PROCESS_BYTES = {False: 45_000_000, True: 163_000_000}


@dataclass(frozen=True)
class Description:
    """Cost of a model, computed without creating it.

    For an encoder-decoder model, a block is a source and a target of block_size tokens each, and
    the cost per token is that of one target token and one source token together.

    A quantized model cannot be trained, so all its costs of training are 0.

    Attributes
    ----------
    n_parameters, n_embedding_parameters : int
        Number of all parameters, and of the parameters of token and position embeddings. An untied
        head does not count as an embedding.
    parameter_bytes : int
    optimizer_bytes : int
        Gradients and both moments of AdamW.
    activation_bytes : int
        What the forward pass of a training step saves for the backward pass, for a batch of
        ``n_batch`` full blocks. The logits are not saved, because a piece of them at a time is
        computed, and its gradient: see :meth:`scratchgpt.layers.Head.loss_in_pieces`.
    recompute_activation_bytes : int
        The activations with recomputation: the inputs of all blocks and the activations of one.
    temporary_bytes : int
        Additional memory of the backward pass of one block, or of a piece of the logits, whichever
        takes more.
    process_bytes : int
        The process itself: Python, NumPy and, if there are compiled kernels, Numba.
    cache_bytes : int
        Keys and values of ``n_batch`` full blocks during generation.
    forward_flops_per_token, training_flops_per_token : int
        Multiplications and additions of the matrix products (2 m n k each), in a full block.
    """

    n_parameters: int
    n_embedding_parameters: int
    parameter_bytes: int
    optimizer_bytes: int
    activation_bytes: int
    recompute_activation_bytes: int
    temporary_bytes: int
    process_bytes: int
    cache_bytes: int
    forward_flops_per_token: int
    training_flops_per_token: int

    @property
    def training_bytes(self) -> int:
        """Bytes of parameters, gradients, moments and activations, without temporary arrays."""
        return self.parameter_bytes + self.optimizer_bytes + self.activation_bytes

    @property
    def peak_bytes(self) -> int:
        """Expected peak memory of the process of a training run."""
        return self.training_bytes + self.temporary_bytes + self.process_bytes

    @property
    def recompute_peak_bytes(self) -> int:
        """Expected peak memory with recomputation."""
        return self.peak_bytes - self.activation_bytes + self.recompute_activation_bytes

    @property
    def inference_bytes(self) -> int:
        """Bytes of the parameters, and of the keys and values of a full context."""
        return self.parameter_bytes + self.cache_bytes


def temporary_of_head(n_tokens: int, config: Any) -> int:
    """Return how many numbers head and loss allocate: logits of a piece, gradient of all inputs.

    Capped logits are a copy, and so is the gradient of those before the cap.
    """
    n_copies = 1 if getattr(config, "logit_soft_cap", None) is None else 3
    n_logits = rows_of_piece(n_tokens, config.vocab_size) * config.vocab_size
    return n_copies * n_logits + n_tokens * config.n_embd


def describe_transformer(config: TransformerConfig, n_batch: int, itemsize: int) -> Description:
    """Count the cost of a Transformer; see :func:`scratchgpt.models.describe`."""
    n_encoder, n_decoder = config.n_encoder_layer, config.n_decoder_layer
    n_channels, n_inner, n_head = config.n_embd, config.inner_size, config.n_head
    n_time, vocab_size = config.block_size, config.vocab_size
    pre = config.norm_position == "pre"

    n_rows = config.source_size + (0 if config.shared_embeddings else vocab_size)
    if config.positions == "learned":
        n_rows += 2 * n_time
    embeddings = n_rows * n_channels
    block = 4 * n_channels**2 + 2 * n_channels * n_inner
    cross = 4 * n_channels**2
    bias = (n_encoder + n_decoder) * (5 * n_channels + n_inner) + n_decoder * 4 * n_channels
    n_norms = 2 * n_encoder + 3 * n_decoder + 2 * pre
    n_parameters = (
        embeddings
        + (n_encoder + n_decoder) * block
        + n_decoder * cross
        + (bias if config.bias else 0)
        + n_norms * n_channels * (1 + config.bias)
        + (0 if config.tied_head else vocab_size * n_channels)
    )

    n_tokens = n_batch * n_time
    # An encoder block saves as much as a block of a GPT. A decoder block also saves queries, keys,
    # values and heads of its cross-attention, one more sum and one more norm.
    flash = n_time >= FEWEST_QUERIES and kernels_available(f"f{itemsize}")
    attention = n_head * (1 if flash else n_time)
    encoder_block = n_tokens * ((6 if pre else 8) * n_channels + n_inner + 4 + attention)
    decoder_block = n_tokens * ((11 if pre else 14) * n_channels + n_inner + 6 + 2 * attention)
    # The memory, the head's input, and the final norms.
    around = n_tokens * 2 * n_channels
    if pre:
        around += 2 * n_tokens * (n_channels + 2)
    index_bytes = 2 * n_tokens * INDEX_BYTES  # both texts; learned positions and padding mask
    if config.positions == "learned":
        index_bytes += 2 * n_time * INDEX_BYTES
    if config.padding_id is not None and flash:
        index_bytes += n_tokens
    blocks = n_encoder * encoder_block + n_decoder * decoder_block
    inputs = n_tokens * n_channels * (n_encoder + n_decoder - 1)  # a block includes one input

    # As in a block of a GPT, plus one more gradient of the stream and two of the memory.
    half = max(n_inner, 4 * n_channels)
    temporary = n_tokens * (9 * n_channels + half + (0 if flash else 2 * attention))

    scores = 4 * n_time * n_channels  # q kᵀ and weights v
    forward_flops = (
        n_encoder * (2 * block + scores)
        + n_decoder * (2 * (block + cross) + 2 * scores)
        + 2 * n_channels * vocab_size
    )
    return Description(
        n_parameters=n_parameters,
        n_embedding_parameters=embeddings,
        parameter_bytes=itemsize * n_parameters,
        optimizer_bytes=3 * itemsize * n_parameters,
        activation_bytes=itemsize * (blocks + around) + index_bytes,
        recompute_activation_bytes=itemsize * (inputs + decoder_block + around) + index_bytes,
        temporary_bytes=itemsize * max(temporary, temporary_of_head(n_tokens, config)),
        process_bytes=PROCESS_BYTES[flash],
        # Self-attention and cross-attention of the decoder.
        cache_bytes=4 * itemsize * n_decoder * n_tokens * n_channels,
        forward_flops_per_token=forward_flops,
        training_flops_per_token=3 * forward_flops,
    )
