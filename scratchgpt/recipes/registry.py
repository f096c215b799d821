"""The recipes, by the task that a run names."""

from scratchgpt.chat import PreferenceBatch
from scratchgpt.chat.group_experience import GroupExperience
from scratchgpt.chat.ppo import PPOBatch
from scratchgpt.embeddings import ContrastiveBatch
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.finetuning import LabeledBatch
from scratchgpt.models import (
    GPT,
    PROBLEMS,
    GPTClassifier,
    GPTClassifierConfig,
    GPTConfig,
    GPTEncoder,
    GPTEncoderConfig,
    GPTReward,
    GPTRewardConfig,
    ModelConfig,
    Transformer,
    TransformerConfig,
)
from scratchgpt.recipes.contrastive_recipe import CONTRASTIVE
from scratchgpt.recipes.dpo import DPO_RECIPE
from scratchgpt.recipes.finetune_recipe import FINETUNE, FINETUNE_SCORES
from scratchgpt.recipes.grpo import GRPO_RECIPE
from scratchgpt.recipes.language import TEXT
from scratchgpt.recipes.ppo import PPO_RECIPE
from scratchgpt.recipes.recipe import Recipe
from scratchgpt.recipes.reward import REWARD
from scratchgpt.recipes.sft_recipe import SFT
from scratchgpt.recipes.tasks import TASK
from scratchgpt.recipes.training_run import TrainingRun
from scratchgpt.recipes.translation_recipe import TRANSLATION
from scratchgpt.text import TASKS, PairBatch, TokenBatch

AnyRecipe = (
    Recipe[GPT, TokenBatch]
    | Recipe[Transformer, PairBatch]
    | Recipe[GPTEncoder, ContrastiveBatch]
    | Recipe[GPTReward, PreferenceBatch]
    | Recipe[GPT, PreferenceBatch]
    | Recipe[GPT, GroupExperience]
    | Recipe[GPT, PPOBatch]
    | Recipe[GPTClassifier, LabeledBatch]
)
AnyRun = (
    TrainingRun[GPT, TokenBatch]
    | TrainingRun[Transformer, PairBatch]
    | TrainingRun[GPTEncoder, ContrastiveBatch]
    | TrainingRun[GPTReward, PreferenceBatch]
    | TrainingRun[GPT, PreferenceBatch]
    | TrainingRun[GPT, GroupExperience]
    | TrainingRun[GPT, PPOBatch]
    | TrainingRun[GPTClassifier, LabeledBatch]
)

# A task may have sizes after a colon: addition:3. None is the key for language models.
RECIPES: dict[str | None, AnyRecipe] = {
    None: TEXT,
    **dict.fromkeys(TASKS, TASK),
    "translation": TRANSLATION,
    "contrastive": CONTRASTIVE,
    "sft": SFT,
    "reward": REWARD,
    "dpo": DPO_RECIPE,
    "grpo": GRPO_RECIPE,
    "ppo": PPO_RECIPE,
    **dict.fromkeys(PROBLEMS, FINETUNE),
    "similarity": FINETUNE_SCORES,
}

# The recipe that evaluates a model outside a run.
RECIPES_OF_MODELS: dict[type[ModelConfig], AnyRecipe] = {
    GPTConfig: TEXT,
    TransformerConfig: TRANSLATION,
    GPTEncoderConfig: CONTRASTIVE,
    GPTRewardConfig: REWARD,
    GPTClassifierConfig: FINETUNE,
}


def find_recipe(task: object) -> AnyRecipe:
    """Return the recipe for a task; None is a language model.

    Raises
    ------
    UserError
        If there is no such task; the message suggests the nearest name.
    """
    if task is None:
        return TEXT
    if not isinstance(task, str):
        raise UserError(f"task={task!r} must be a string")
    name = task.partition(":")[0]
    if name in TASKS:
        return TASK
    if task not in RECIPES:
        names = [name for name in RECIPES if name is not None]
        hint = did_you_mean(name, names) or f"; choose one of {', '.join(names)}"
        raise UserError(f"there is no task {task!r}{hint}")
    return RECIPES[task]
