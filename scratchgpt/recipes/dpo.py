"""Direct preference optimization: a chat model learns from preferences among answers."""

from dataclasses import asdict, dataclass
from pathlib import Path

from scratchgpt.backend import Array
from scratchgpt.chat import (
    DPO,
    PreferenceBatches,
    Renderer,
    encode_preferences,
    reference_log_probs,
)
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.evaluation import EvaluationSettings, Watcher
from scratchgpt.recipes.methods import DPOConfig, method_of
from scratchgpt.recipes.model_folder import find_model, load_gpt_to_evaluate
from scratchgpt.recipes.preferences import (
    EncodedParts,
    PreferenceEvaluation,
    batches_of,
    encode_parts,
    evaluate_preferences,
    split_preferences,
)
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.recipes.run_file import CONFIG_FILE, read_settings
from scratchgpt.recipes.sft import chat_config, load_chat_tokenizer, new_chat_gpt, sample_answer
from scratchgpt.recipes.sft_recipe import SFT
from scratchgpt.text import BPETokenizer, ProgressCallback, Tokenizer

# Rafailov et al. 2023, arXiv:2305.18290, appendix B, with a learning rate for models of millions of
# parameters. No dropout: policy and reference must be equal at the start.
_DEFAULTS: Settings = {
    "model": {"dropout": 0.0},
    "method": asdict(DPOConfig()),
    "training": {
        "steps": 200,
        "tokens_per_batch": 4096,
        "lr": 3e-5,
        "beta2": 0.95,
        "weight_decay": 0.0,
        "eval_interval": 25,
        "checkpoint_interval": 25,
    },
}


@dataclass(frozen=True)
class DPOData:
    """The preferences that a chat model is trained on."""

    parts: EncodedParts
    config: GPTConfig

    @property
    def tokenizer(self) -> BPETokenizer:
        return self.parts.tokenizer

    @property
    def fingerprint(self) -> str:
        return self.parts.fingerprint

    def new_model(self, run: RunConfig) -> GPT:
        return new_chat_gpt(run, self.config, self.tokenizer)

    def objective(self, run: RunConfig, model: GPT) -> DPO:
        """Compute the log-probabilities of the reference, which is the model at the start.

        A run that is resumed loads those of its start afterwards.
        """
        reference = reference_log_probs(model, self.batches(run, model))
        return _objective(run, model, reference)

    def batches(self, run: RunConfig, model: GPT) -> PreferenceBatches:
        return self.parts.batches(run)

    def describe(self, model: GPT) -> str:
        return self.parts.describe()

    def sample(self, model: GPT, seed: int) -> str:
        """Return a validation prompt with the answer of the model."""
        one = self.parts.val_text[seed % len(self.parts.val_text)]
        return sample_answer(model, Renderer(self.tokenizer), one.prompt, seed)

    def evaluate(self, model: GPT) -> dict[str, float]:
        return {}  # the measures of the validation are all there is


def _objective(run: RunConfig, model: GPT, reference: Array) -> DPO:
    method = method_of(run, DPOConfig)
    return DPO(
        model,
        reference,
        loss=method.loss,
        beta=method.beta,
        noise=method.noise,
        recompute=run.training.recompute,
    )


def _open(run: RunConfig, progress: ProgressCallback | None = None) -> DPOData:
    tokenizer = load_chat_tokenizer(run)
    train, val = split_preferences(run)
    config = chat_config(run, tokenizer.vocab_size)
    # The last token is only predicted.
    return DPOData(encode_parts(train, val, tokenizer, config.block_size + 1), config)


def _defaults(corpus: tuple[str, ...]) -> Settings:
    return _DEFAULTS


def _check(run: RunConfig) -> None:
    if not run.corpus:
        raise UserError("there are no preferences to train on; name one or more .jsonl files")
    if run.init is None:
        raise UserError(
            "direct preference optimization starts from a chat model; name it with init (--init), "
            "for example a run of `scratchgpt sft`"
        )
    chat_config(run)


def _unused(run: RunConfig) -> dict[str, str]:
    return {
        **OF_ENCODERS,
        "batch_size": "the batches of preferences have tokens_per_batch positions",
        "label_smoothing": "the losses for wrong preferences have noise instead",
    }


def _evaluate_run(
    model: GPT,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> PreferenceEvaluation:
    """Evaluate on the validation part of the preferences, with the model of the start."""
    train, val = split_preferences(run)
    part = encode_preferences(val, Renderer(tokenizer), model.config.block_size + 1)
    batches = batches_of(part)
    reference = load_gpt_to_evaluate(find_model(_start(run)))
    if reference.config.block_size > model.config.block_size:
        reference = reference.crop(model.config.block_size)
    objective = _objective(run, model, reference_log_probs(reference, batches))
    name = f"the validation part of {' and '.join(run.corpus)}"
    return evaluate_preferences(objective, batches, run.corpus, val, name, train)


def _start(run: RunConfig) -> Path:
    """Return the folder of the model that a run started from, which its file names."""
    assert run.init is not None
    path = Path(run.init).parent / CONFIG_FILE
    init = read_settings(path).get("init", run.init) if path.exists() else run.init
    return Path(str(init))


DPO_RECIPE = Recipe(
    makes_data=False,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=_open,
    load=load_gpt_to_evaluate,
    evaluation=frozenset(),
    evaluate_run=_evaluate_run,
    evaluate_corpus=SFT.evaluate_corpus,  # a file without its reference has conversations
    chats=True,
    method=DPOConfig,
)
