"""The configuration of an encoder-decoder Transformer."""

from dataclasses import dataclass

from scratchgpt.arguments import whole_number
from scratchgpt.errors import UserError
from scratchgpt.layers.mlp import ACTIVATIONS
from scratchgpt.models.config import NORM_POSITIONS
from scratchgpt.models.model_config import ModelConfig
from scratchgpt.models.presets import TRANSFORMER_KIND


@dataclass(frozen=True)
class TransformerConfig(ModelConfig):
    """Sizes and form of a Transformer. The defaults are the paper's base model.

    Parameters
    ----------
    n_encoder_layer : int
        Number of encoder blocks of a Transformer.
    n_decoder_layer : int
        Number of decoder blocks of a Transformer.
    n_head : int
        Attention heads per block; must divide n_embd.
    n_embd : int
        Number of channels: the width of embeddings and blocks.
    n_inner : int, optional
        Width of the feed-forward layers; by default 4 n_embd.
    block_size : int
        Maximum number of positions of a source, and of a target.
    vocab_size : int
        Vocabulary size of the target, and of the source unless it has its own.
    source_vocab_size : int, optional
    dropout : float
        Dropout probability in training. It applies to embeddings, attention weights and residual
        branches.
    bias : bool
        Whether linear layers and layer norms have a bias.
    norm_position : {"post", "pre"}
        Position of the layer norms: after the sublayers, as in the paper, or before them. With
        "pre" a last layer norm follows the blocks of each half.
    activation : {"relu", "gelu", "gelu_tanh"}
    positions : {"sinusoidal", "learned"}
    scale_embeddings : bool
        Whether embeddings are multiplied by the square root of n_embd.
    shared_embeddings : bool
        Whether source and target share one token embedding.
    tied_head : bool
        Whether the output head shares the token embedding of the target.
    layer_norm_epsilon : float
    padding_id : int, optional
        The token that pads a source.

    Raises
    ------
    UserError
        If a value is out of range, or different vocabularies are to share an embedding.
    """

    kind = TRANSFORMER_KIND
    task = "translates"
    verb = "translate"

    n_encoder_layer: int = 6
    n_decoder_layer: int = 6
    n_head: int = 8
    n_embd: int = 512
    n_inner: int | None = None
    block_size: int = 256
    vocab_size: int = 37000
    source_vocab_size: int | None = None
    dropout: float = 0.1
    bias: bool = True
    norm_position: str = "post"
    activation: str = "relu"
    positions: str = "sinusoidal"
    scale_embeddings: bool = True
    shared_embeddings: bool = True
    tied_head: bool = True
    layer_norm_epsilon: float = 1e-5
    padding_id: int | None = None

    def __post_init__(self) -> None:
        self._check(
            sizes=(
                "n_encoder_layer",
                "n_decoder_layer",
                "n_head",
                "n_embd",
                "n_inner",
                "block_size",
                "vocab_size",
                "source_vocab_size",
            ),
            switches=("bias", "scale_embeddings", "shared_embeddings", "tied_head"),
            choices={
                "norm_position": NORM_POSITIONS,
                "activation": ACTIVATIONS,
                "positions": ("sinusoidal", "learned"),
            },
        )
        if self.shared_embeddings and self.source_size != self.vocab_size:
            raise UserError(
                f"a source_vocab_size of {self.source_size} and a vocab_size of {self.vocab_size} "
                "cannot share a table; set shared_embeddings to false"
            )
        padding = whole_number(self.padding_id)
        valid = padding is not None and 0 <= padding < self.source_size
        if self.padding_id is not None and not valid:
            raise UserError(
                f"padding_id={self.padding_id!r} must be a token of the source, "
                f"0 to {self.source_size - 1}"
            )

    @property
    def source_size(self) -> int:
        """Vocabulary size of the source."""
        return self.vocab_size if self.source_vocab_size is None else self.source_vocab_size
