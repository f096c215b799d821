"""Group relative policy optimization: a model learns from rewards of its own answers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from scratchgpt.chat import GRPO, RolloutBatches, find_format
from scratchgpt.chat.group_experience import GroupExperience
from scratchgpt.models import GPT
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.evaluation import Evaluation, EvaluationSettings, Watcher
from scratchgpt.recipes.language import TEXT
from scratchgpt.recipes.methods import GRPOConfig, method_of
from scratchgpt.recipes.model_folder import load_gpt_to_evaluate
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.recipes.rewarded_prompts import PolicyScores, RewardedPrompts
from scratchgpt.recipes.rollouts import check_prompts, is_task, open_prompts, score_name
from scratchgpt.recipes.sft_recipe import SFT
from scratchgpt.text import ProgressCallback, Tokenizer

# Few of the first updates may be large: Adam's first steps have the size of the learning rate,
# whatever the gradient. So there is a warm-up (the default of the cosine), as in appendix C.4 of
# Ouyang et al. 2022, arXiv:2203.02155. Without the decay to 0 the policy does not settle.
_TRAINING: Settings = {
    "steps": 1000,
    "lr": 1e-3,
    "min_lr": 0.0,
    "beta2": 0.95,
    "weight_decay": 0.0,
    "eval_interval": 100,
    "checkpoint_interval": 100,
    "log_interval": 1,
    "best_mode": "max",
}


@dataclass(frozen=True)
class GRPOData:
    """The prompts that a model learns from."""

    prompts: RewardedPrompts
    method: GRPOConfig

    @property
    def tokenizer(self) -> Tokenizer:
        return self.prompts.tokenizer

    @property
    def fingerprint(self) -> str:
        return self.prompts.fingerprint

    def new_model(self, run: RunConfig) -> GPT:
        return self.prompts.new_policy(run)

    def objective(self, run: RunConfig, model: GPT) -> GRPO:
        """Make the objective; the reference is the model at the start.

        A run that is resumed loads the reference of its start afterwards.
        """
        method = self.method
        return GRPO(
            model,
            n_samples=method.n_samples,
            max_length=self.prompts.source.max_new_tokens,
            loss=method.loss,
            scale_rewards=method.scale_rewards,
            beta=method.beta,
            clip_low=method.clip_low,
            clip_high=method.clip_high,
            recompute=run.training.recompute,
        )

    def batches(self, run: RunConfig, model: GPT) -> RolloutBatches[GroupExperience]:
        return self.prompts.batches(run, self.method)

    def describe(self, model: GPT) -> str:
        return self.prompts.described

    def sample(self, model: GPT, seed: int) -> str:
        return self.prompts.sample(model, seed)

    def evaluate(self, model: GPT) -> dict[str, float]:
        return self.prompts.scores(model).as_scores()


def _open(run: RunConfig, progress: ProgressCallback | None = None) -> GRPOData:
    method = method_of(run, GRPOConfig)
    return GRPOData(open_prompts(run, method), method)


def _defaults(corpus: tuple[str, ...]) -> Settings:
    """The model of a task is small, and a chat model must stay near the one that it starts from."""
    method, training = asdict(GRPOConfig()), {**_TRAINING, "best": score_name(corpus)}
    if is_task(corpus):
        method["n_prompts"] = 128
    else:
        training |= {"steps": 200, "lr": 1e-4, "eval_interval": 20, "checkpoint_interval": 20}
        method["beta"] = 0.02
    return {"model": {"dropout": 0.0}, "method": method, "training": training}


def _check(run: RunConfig) -> None:
    check_prompts(run, method_of(run, GRPOConfig))


def _unused(run: RunConfig) -> dict[str, str]:
    whole = "a phase has n_prompts times n_samples answers"
    reasons = {
        **OF_ENCODERS,
        "batch_size": whole,
        "tokens_per_batch": whole,
        "label_smoothing": "learning from rewards has no labels to smooth",
        "lora_dropout": "learning from rewards has no dropout",
        "eval_batches": "an evaluation answers the held-out prompts",
    }
    if score_name(run.corpus) == "exact_match":
        reasons["val_fraction"] = "a hash of each prompt decides whether it is held out"
    return reasons


def _evaluate_run(
    model: GPT,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> PolicyScores:
    """Answer the prompts that the run held out."""
    return _open(run).prompts.scores(model)


def _evaluate_corpus(
    model: GPT,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> Evaluation:
    """Evaluate on conversations if it is a chat model, and otherwise on text."""
    recipe = TEXT if find_format(tokenizer) is None else SFT
    return recipe.evaluate_corpus(model, tokenizer, corpus, settings, watcher)


GRPO_RECIPE = Recipe(
    makes_data=False,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=_open,
    load=load_gpt_to_evaluate,
    evaluation=frozenset(),
    evaluate_run=_evaluate_run,
    evaluate_corpus=_evaluate_corpus,
    chats=True,
    method=GRPOConfig,
)
