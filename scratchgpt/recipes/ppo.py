"""Proximal policy optimization: a model learns from rewards, with a value function."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from scratchgpt.chat.actor_critic import ActorCritic
from scratchgpt.chat.chat_prompts import ModelReward
from scratchgpt.chat.ppo import PPO
from scratchgpt.chat.ppo_batches import PPOBatches
from scratchgpt.errors import counted
from scratchgpt.models import GPT
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.evaluation import Evaluation, EvaluationSettings, Watcher
from scratchgpt.recipes.grpo import GRPO_RECIPE
from scratchgpt.recipes.methods import PPOConfig, method_of
from scratchgpt.recipes.model_folder import load_gpt_to_evaluate
from scratchgpt.recipes.recipe import Recipe
from scratchgpt.recipes.rewarded_prompts import PolicyScores, RewardedPrompts
from scratchgpt.recipes.rollouts import check_prompts, is_task, open_prompts, score_name
from scratchgpt.text import PreparedCorpus, ProgressCallback, TokenBatches, Tokenizer, prepare

# The warm-up is the default of the cosine, a twentieth of the steps: Adam's first steps have the
# size of the learning rate, whatever the gradient. Without the decay to 0 the policy does not
# settle.
_TRAINING: Settings = {
    "steps": 1200,
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
class PPOData:
    """The prompts that a model learns from, and the text of PPO-ptx.

    Attributes
    ----------
    prompts : RewardedPrompts
    method : PPOConfig
    text : PreparedCorpus or None
    """

    prompts: RewardedPrompts
    method: PPOConfig
    text: PreparedCorpus | None

    @property
    def tokenizer(self) -> Tokenizer:
        return self.prompts.tokenizer

    @property
    def fingerprint(self) -> str:
        text = "" if self.text is None else f" {self.text.fingerprint}"
        return self.prompts.fingerprint + text

    def new_model(self, run: RunConfig) -> ActorCritic:
        """Load the policy, and start its value network from the reward model if there is one."""
        shared = self.method.value == "shared"
        rule = self.prompts.rule
        reward = rule.model if isinstance(rule, ModelReward) and not shared else None
        return ActorCritic.from_gpt(self.prompts.new_policy(run), shared=shared, reward=reward)

    def objective(self, run: RunConfig, model: GPT) -> PPO:
        """Make the objective; the reference is the model at the start.

        A run that is resumed loads the reference and the values of its checkpoint afterwards.
        """
        assert isinstance(model, ActorCritic)
        return PPO(model, self.method, recompute=run.training.recompute)

    def batches(self, run: RunConfig, model: GPT) -> PPOBatches:
        text = None
        if self.text is not None:
            text = TokenBatches(
                self.text.train,
                self.text.val,
                block_size=model.config.block_size,
                batch_size=run.training.batch_size,
                seed=run.training.seed,
            )
        return PPOBatches(self.prompts.batches(run, self.method), text)

    def describe(self, model: GPT) -> str:
        if self.text is None:
            return self.prompts.described
        n_tokens = counted(self.text.manifest.n_tokens, "token")
        return f"{self.prompts.described}, {n_tokens} of text"

    def sample(self, model: GPT, seed: int) -> str:
        return self.prompts.sample(model, seed)

    def evaluate(self, model: GPT) -> dict[str, float]:
        return self.prompts.scores(model).as_scores()


def _open(run: RunConfig, progress: ProgressCallback | None = None) -> PPOData:
    method = method_of(run, PPOConfig)
    prompts = open_prompts(run, method)
    text = None
    if method.ptx is not None:
        text = prepare([method.ptx], prompts.tokenizer, progress=progress)
    return PPOData(prompts, method, text)


def _defaults(corpus: tuple[str, ...]) -> Settings:
    """A chat model has a reward model to start its values from, and must stay near its start."""
    method, training = asdict(PPOConfig()), {**_TRAINING, "best": score_name(corpus)}
    if is_task(corpus):
        method |= {"beta": 0.0, "value": "shared"}
    else:
        method["n_prompts"] = 64
        training |= {"steps": 200, "lr": 1e-4, "eval_interval": 20, "checkpoint_interval": 20}
        training["grad_accum"] = 4  # answers may have hundreds of tokens
    return {"model": {"dropout": 0.0}, "method": method, "training": training}


def _check(run: RunConfig) -> None:
    check_prompts(run, method_of(run, PPOConfig))


def _unused(run: RunConfig) -> dict[str, str]:
    reasons = {**GRPO_RECIPE.unused(run)}
    if method_of(run, PPOConfig).ptx is not None:
        del reasons["batch_size"]  # the rows of text of a micro-batch
    return reasons


def _evaluate_run(
    model: GPT,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> PolicyScores:
    """Answer the prompts that the run held out."""
    return open_prompts(run, method_of(run, PPOConfig)).scores(model)


def _evaluate_corpus(
    model: GPT,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> Evaluation:
    """Evaluate on conversations if it is a chat model, and otherwise on text."""
    return GRPO_RECIPE.evaluate_corpus(model, tokenizer, corpus, settings, watcher)


PPO_RECIPE = Recipe(
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
    method=PPOConfig,
)
