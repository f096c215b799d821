"""Reward models: a GPT learns to score answers from preferences."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scratchgpt.chat import (
    PairwiseReward,
    PreferenceBatches,
    Preferences,
    Renderer,
    chat_tokenizer,
    encode_preferences,
)
from scratchgpt.errors import UserError
from scratchgpt.models import GPTReward, GPTRewardConfig, load_pretrained
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes.config import PRESET, RunConfig, Settings
from scratchgpt.recipes.evaluation import EvaluationSettings, Watcher
from scratchgpt.recipes.initial import changed_config, config_of_init, initial_gpt
from scratchgpt.recipes.limits import check_memory
from scratchgpt.recipes.methods import RewardConfig, method_of
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.preferences import (
    EncodedParts,
    PreferenceEvaluation,
    batches_of,
    encode_parts,
    evaluate_preferences,
    read_corpus,
    split_preferences,
)
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.recipes.sft import trained_tokenizer
from scratchgpt.text import BPETokenizer, ProgressCallback, Tokenizer

# Ouyang et al. 2022, arXiv:2203.02155, appendix C.2: a cosine to a tenth of the learning rate, and
# about one epoch, because a reward model overfits soon. No dropout, as TRL has it.
_DEFAULTS: Settings = {
    "tokenizer": "bpe:4096",
    "model": {"dropout": 0.0},
    "method": asdict(RewardConfig()),
    "training": {
        "steps": 200,
        "tokens_per_batch": 4096,
        "lr": 3e-4,
        "beta2": 0.95,
        "weight_decay": 0.0,
        "eval_interval": 25,
        "checkpoint_interval": 25,
    },
}


@dataclass(frozen=True)
class RewardData:
    """The preferences that a reward model is trained on."""

    parts: EncodedParts
    config: GPTRewardConfig

    @property
    def tokenizer(self) -> BPETokenizer:
        return self.parts.tokenizer

    @property
    def fingerprint(self) -> str:
        return self.parts.fingerprint

    def new_model(self, run: RunConfig) -> GPTReward:
        check_memory(self.config, 1, only_adapters=run.lora_rank > 0)
        seed = run.training.seed
        if run.init is None:
            model = GPTReward(self.config, seed=seed)
        elif isinstance(read_config(directory := find_model(Path(run.init))), GPTRewardConfig):
            loaded = load_pretrained(directory)
            assert isinstance(loaded, GPTReward)
            model = loaded.with_config(self.config)
        else:
            model = GPTReward.from_gpt(initial_gpt(run, self.config), seed)
        model.special_ids = Renderer(self.tokenizer).special_ids(model.special_ids)
        return model

    def objective(self, run: RunConfig, model: GPTReward) -> PairwiseReward:
        method = method_of(run, RewardConfig)
        return PairwiseReward(model, centering=method.centering, recompute=run.training.recompute)

    def batches(self, run: RunConfig, model: GPTReward) -> PreferenceBatches:
        return self.parts.batches(run)

    def describe(self, model: GPTReward) -> str:
        return self.parts.describe()

    def sample(self, model: GPTReward, seed: int) -> str:
        """Return the answers to a validation prompt with their scores, the better one first."""
        one = self.parts.val_text[seed % len(self.parts.val_text)]
        winner, loser = one.pairs[0]
        scores = score_answers(model, Renderer(self.tokenizer), one)
        lines = [f"user      {one.prompt[-1].content if one.prompt else ''}"]
        lines += [f"{scores[i]:+8.3f}  {one.answers[i]}" for i in (winner, loser)]
        return "\n".join(lines)

    def evaluate(self, model: GPTReward) -> dict[str, float]:
        batches = batches_of(self.parts.val)
        result = evaluate_preferences(PairwiseReward(model), batches, (), (), "")
        return {"accuracy": result.measures["accuracy"]}


def score_answers(model: GPTReward, renderer: Renderer, one: Preferences) -> list[float]:
    """Score each answer to a prompt."""
    part = encode_preferences([one], renderer, model.config.block_size)
    [batch] = batches_of(part).validation_batches()
    return [float(score) for score in model.forward(batch.tokens, batch.lengths)[0]]


def reward_config(run: RunConfig, vocab_size: int | None = None) -> GPTRewardConfig:
    """Return the configuration of the reward model that a run trains."""
    of_tokenizer = {} if vocab_size is None else {"vocab_size": vocab_size}
    if run.init is None:
        return run.model_config(GPTRewardConfig, **of_tokenizer)
    config = config_of_init(run, PRESET, "a reward model")
    if config.verb not in ("generate", GPTRewardConfig.verb):
        raise UserError(f"the model in {run.init} {config.task}; a reward model starts from a GPT")
    return changed_config(run, GPTRewardConfig, config.as_dict(), vocab_size)


def _open(run: RunConfig, progress: ProgressCallback | None = None) -> RewardData:
    train, val = split_preferences(run)
    texts = [text for one in train for text in (*(m.content for m in one.prompt), *one.answers)]
    tokenizer = chat_tokenizer(trained_tokenizer(run.tokenizer, texts), run.chat_format)
    config = reward_config(run, tokenizer.vocab_size)
    return RewardData(encode_parts(train, val, tokenizer, config.block_size), config)


def _defaults(corpus: tuple[str, ...]) -> Settings:
    return _DEFAULTS


def _check(run: RunConfig) -> None:
    if not run.corpus:
        raise UserError(
            "there are no preferences to train on; name one or more .jsonl files, or synthetic"
        )
    reward_config(run)


def _unused(run: RunConfig) -> dict[str, str]:
    return {
        **OF_ENCODERS,
        "batch_size": "the batches of preferences have tokens_per_batch positions",
        "label_smoothing": "the loss of a reward model has no labels to smooth",
    }


def _load(directory: Path) -> GPTReward:
    model = load_pretrained(directory)
    if not isinstance(model, GPTReward):
        raise UserError(
            f"the model in {directory} {model.config.task}; use scratchgpt {model.config.verb}"
        )
    return model


def _evaluate_run(
    model: GPTReward,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> PreferenceEvaluation:
    """Evaluate on the validation part of the preferences of the run."""
    train, val = split_preferences(run)
    name = f"the validation part of {' and '.join(run.corpus)}"
    return _evaluate(model, tokenizer, val, run.corpus, name, train)


def _evaluate_corpus(
    model: GPTReward,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> PreferenceEvaluation:
    """Evaluate on all preferences of files."""
    return _evaluate(model, tokenizer, read_corpus(corpus), corpus, " and ".join(corpus))


def _evaluate(
    model: GPTReward,
    tokenizer: Tokenizer,
    preferences: list[Preferences],
    words: Sequence[str],
    name: str,
    train: Sequence[Preferences] = (),
) -> PreferenceEvaluation:
    part = encode_preferences(preferences, Renderer(tokenizer), model.config.block_size)
    return evaluate_preferences(
        PairwiseReward(model), batches_of(part), words, preferences, name, train
    )


REWARD = Recipe(
    makes_data=False,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=_open,
    load=_load,
    evaluation=frozenset(),
    evaluate_run=_evaluate_run,
    evaluate_corpus=_evaluate_corpus,
    chats=True,
    method=RewardConfig,
)
