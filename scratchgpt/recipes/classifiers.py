"""The model of a fine-tuning run: new, or with the weights of a trained GPT or classifier."""

from pathlib import Path

from scratchgpt.errors import UserError, counted
from scratchgpt.models import GPTClassifier, GPTClassifierConfig, GPTConfig, load_pretrained
from scratchgpt.models.classifier_config import N_SPECIAL
from scratchgpt.models.pretrained import is_quantized, read_config
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.limits import check_memory
from scratchgpt.recipes.model_folder import find_model, load_gpt

PRESET = "gpt-micro"
# The settings of a model that need not be those of the model that a run starts from.
_FREE = (
    *("dropout", "classifier_dropout", "lm_weight", "problem", "columns", "label_column"),
    *("labels", "center", "spread"),
)


def classifier_config(
    run: RunConfig, n_tokens: int | None = None, **of_data: object
) -> GPTClassifierConfig:
    """Return the configuration of the model that a run fine-tunes.

    Parameters
    ----------
    run : RunConfig
    n_tokens : int, optional
        Number of tokens of the tokenizer.
    **of_data
        Fields that the training data determines, if it is already known.

    Raises
    ------
    UserError
        If the settings do not fit together, or ``init`` is not a GPT or a classifier.
    """
    if run.model.get("problem", run.task) != run.task:
        raise UserError(
            f"problem={run.model['problem']!r} is not the task {run.task}; leave out problem"
        )
    fields = {**run.model, "problem": run.task, **of_data}
    if run.init is None:
        if n_tokens is not None:
            fields["vocab_size"] = n_tokens + N_SPECIAL
        return GPTClassifierConfig.from_preset(run.preset, **fields)
    if run.preset != PRESET:
        raise UserError(
            f"preset={run.preset!r} does not apply with init={run.init!r}, which defines the "
            "sizes; leave out preset"
        )
    config = read_config(find_model(Path(run.init)))
    is_classifier = isinstance(config, GPTClassifierConfig)
    if type(config) is not GPTConfig and not is_classifier:
        raise UserError(
            f"the model in {run.init} {config.task}; fine-tuning starts from a GPT that continues "
            "texts, or from one that was fine-tuned before"
        )
    own = config.as_dict()
    if not is_classifier:
        own["vocab_size"] += N_SPECIAL
    else:  # of another problem, perhaps
        own = {name: value for name, value in own.items() if name not in ("columns", "labels")}
    changed = GPTClassifierConfig.from_dict({**own, **fields})
    for name, value in changed.as_dict().items():
        fits = name == "block_size" and value <= config.block_size
        if name not in _FREE and not fits and value != own[name]:
            raise UserError(
                f"{name}={value!r} does not fit the model in {run.init}, which has {own[name]!r}; "
                "leave it out"
            )
    if n_tokens is not None and not changed.fits_vocabulary(n_tokens):
        raise UserError(
            f"the tokenizer has {counted(n_tokens, 'token')}, but the model in {run.init} has "
            f"{changed.vocab_size - N_SPECIAL:,}, so they do not belong together; leave out "
            "tokenizer"
        )
    return changed


def new_classifier(run: RunConfig, config: GPTClassifierConfig) -> GPTClassifier:
    """Make the model of a run: with random weights, or with those of ``init``."""
    check_memory(config, run.training.batch_size * config.n_rows, only_adapters=run.lora_rank > 0)
    seed = run.training.seed
    if run.init is None:
        return GPTClassifier(config, seed=seed)
    directory = find_model(Path(run.init))
    if is_quantized(directory):
        raise UserError(
            f"the model in {run.init} is quantized, so that it cannot be trained; name the model "
            "that it was quantized from"
        )
    if not isinstance(read_config(directory), GPTClassifierConfig):
        return GPTClassifier.from_gpt(load_gpt(directory), config, seed)
    classifier = load_pretrained(directory)
    assert isinstance(classifier, GPTClassifier)
    return GPTClassifier.from_gpt(classifier, config, seed)
