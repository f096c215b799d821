"""The shapes of models and batches in the benchmarks."""

from typing import NamedTuple

from scratchgpt.models import GPTConfig, describe


class Shape(NamedTuple):
    """A model configuration and the size of its batches, B rows of T tokens."""

    config: GPTConfig
    n_batch: int
    n_time: int

    @property
    def n_tokens(self) -> int:
        """Tokens per batch."""
        return self.n_batch * self.n_time

    @property
    def training_flops(self) -> int:
        """Multiplications and additions of a training step.

        The count is that of :func:`scratchgpt.models.describe`: all of attention, including the
        half that a causal kernel skips.
        """
        config = self.config.replace(block_size=self.n_time)
        return describe(config).training_flops_per_token * self.n_tokens


def _shape(
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    vocab_size: int,
    n_batch: int,
    n_time: int,
) -> Shape:
    config = GPTConfig(
        n_layer=n_layer,
        n_head=n_head,
        n_embd=n_embd,
        block_size=block_size,
        vocab_size=vocab_size,
    )
    return Shape(config, n_batch, n_time)


# layers, heads, channels, block size, vocabulary; batch, tokens per row. All have biases; the
# preset char has none.
SHAPES = {
    "char": _shape(4, 4, 128, 64, 65, 12, 64),  # character model for a laptop
    "baby": _shape(6, 6, 384, 256, 65, 8, 256),  # nanoGPT's character model for a GPU
    "gpt2": _shape(12, 12, 768, 1024, 50257, 4, 64),  # GPT-2 with 124M parameters
}
