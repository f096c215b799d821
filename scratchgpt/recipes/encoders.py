"""The encoder of a contrastive run: new, or with the weights of a trained GPT or encoder."""

from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.models import GPTConfig, GPTEncoder, GPTEncoderConfig, load_pretrained
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.limits import check_memory
from scratchgpt.recipes.model_folder import find_model, load_gpt

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
    if run.preset != preset:
        raise UserError(
            f"preset={run.preset!r} does not apply with init={run.init!r}, which defines the "
            "sizes; leave out preset"
        )
    config = read_config(find_model(Path(run.init)))
    if not isinstance(config, GPTConfig):
        raise UserError(f"init={run.init!r} is not a GPT; an encoder starts from a GPT")
    own = config.as_dict()
    if not isinstance(config, GPTEncoderConfig):
        own["pooling"] = "last"  # a trained GPT collects what a text says in its last tokens
    changed = GPTEncoderConfig.from_dict({**own, **run.model})
    for name, value in changed.as_dict().items():
        fits = name == "block_size" and value <= config.block_size
        if name not in _FREE and not fits and value != own[name]:
            raise UserError(
                f"{name}={value!r} does not fit the model in {run.init}, which has {own[name]!r}; "
                "leave it out"
            )
    # A table of the model may have more rows than its tokenizer has tokens.
    n_rows = max(config.vocab_size, vocab_size or 0)
    return changed.replace(vocab_size=n_rows)


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
    gpt = load_gpt(directory, dropout=config.dropout)
    if config.block_size < gpt.config.block_size:
        gpt = gpt.crop(config.block_size)
    gpt = gpt.with_vocabulary(config.vocab_size, run.training.seed)
    return GPTEncoder.from_gpt(gpt, pooling=config.pooling, dims=config.dims)
