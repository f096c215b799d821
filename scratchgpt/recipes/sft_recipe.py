"""The recipe for supervised fine-tuning on conversations."""

from collections.abc import Sequence

from scratchgpt.errors import UserError
from scratchgpt.models import GPT
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.evaluation import EvaluationSettings, Watcher
from scratchgpt.recipes.model_folder import load_gpt_to_evaluate
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.recipes.sft import (
    SFTEvaluation,
    chat_config,
    open_sft,
    read_corpus,
    split_conversations,
)
from scratchgpt.text import Tokenizer

TOKENS_PER_BATCH = 4096  # in an evaluation

# Ouyang et al. 2022, arXiv:2203.02155, appendix C.1: a cosine to a tenth of the learning rate and
# no warm-up. The learning rate is for models of millions of parameters.
_DEFAULTS: Settings = {
    "tokenizer": "bpe:4096",
    "model": {"dropout": 0.1},
    "training": {
        "steps": 400,
        "tokens_per_batch": 4096,
        "lr": 5e-4,
        "warmup_steps": 0,
        "beta2": 0.95,
        "weight_decay": 0.0,
        "eval_interval": 50,
        "checkpoint_interval": 50,
    },
}


def _defaults(corpus: tuple[str, ...]) -> Settings:
    return _DEFAULTS


def _check(run: RunConfig) -> None:
    if not run.corpus:
        raise UserError(
            "there are no conversations to train on; name one or more .jsonl files, or constraints"
        )
    chat_config(run)


def _unused(run: RunConfig) -> dict[str, str]:
    return {
        **OF_ENCODERS,
        "batch_size": "the batches of conversations have tokens_per_batch positions",
    }


def _evaluate_run(
    model: GPT,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> SFTEvaluation:
    """Evaluate on the validation part of the conversations of the run."""
    name = f"the validation part of {' and '.join(run.corpus)}"
    _, val = split_conversations(run)
    return SFTEvaluation.of(model, tokenizer, val, name, TOKENS_PER_BATCH)


def _evaluate_corpus(
    model: GPT,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> SFTEvaluation:
    """Evaluate on all conversations of files."""
    conversations = read_corpus(corpus)
    return SFTEvaluation.of(model, tokenizer, conversations, " and ".join(corpus), TOKENS_PER_BATCH)


SFT = Recipe(
    makes_data=False,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=open_sft,
    load=load_gpt_to_evaluate,
    evaluation=frozenset(),
    evaluate_run=_evaluate_run,
    evaluate_corpus=_evaluate_corpus,
    chats=True,
)
