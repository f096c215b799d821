"""The encoder of a contrastive run: new, or with the weights of a trained GPT or encoder."""

from pathlib import Path

from scratchgpt.models import GPTEncoder, GPTEncoderConfig, load_pretrained
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.initial import changed_config, config_of_init, initial_gpt
from scratchgpt.recipes.limits import check_memory
from scratchgpt.recipes.model_folder import find_model

# The settings of a model that need not be those of the model that a run starts from.
_FREE = ("dropout", "pooling", "dims")


def encoder_config(run: RunConfig, preset: str, vocab_size: int | None = None) -> GPTEncoderConfig:
    """Return the configuration of the encoder that a run trains.

    Parameters
    ----------
    run : RunConfig
    preset : str
        The preset of the recipe; a run with ``init`` has no other.
    vocab_size : int, optional
        Number of tokens of the tokenizer, with the start tokens of both roles.

    Raises
    ------
    UserError
        If the settings do not fit together, or ``init`` is not a GPT or an encoder.
    """
    of_tokenizer = {} if vocab_size is None else {"vocab_size": vocab_size}
    if run.init is None:
        return run.model_config(GPTEncoderConfig, **of_tokenizer)
    config = config_of_init(run, preset, "an encoder")
    own = config.as_dict()
    if not isinstance(config, GPTEncoderConfig):
        own["pooling"] = "last"  # a trained GPT collects what a text says in its last tokens
    return changed_config(run, GPTEncoderConfig, own, vocab_size, _FREE)


def new_encoder(run: RunConfig, config: GPTEncoderConfig) -> GPTEncoder:
    """Make the encoder of a run: with random weights, or loaded from ``init``."""
    check_memory(config, 1)
    if run.init is None:
        return GPTEncoder(config, seed=run.training.seed)
    directory = find_model(Path(run.init))
    if isinstance(read_config(directory), GPTEncoderConfig):
        encoder = load_pretrained(directory)
        assert isinstance(encoder, GPTEncoder)
        return encoder.with_config(config)
    gpt = initial_gpt(run, config)
    return GPTEncoder.from_gpt(gpt, pooling=config.pooling, dims=config.dims)
