"""The recipe for contrastive training: settings, and the evaluation by search."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scratchgpt.embeddings import TextEncoder
from scratchgpt.embeddings.exchange.prompts_file import has_prompts
from scratchgpt.errors import UserError
from scratchgpt.evaluation import RankingTask, cosqa
from scratchgpt.models import GPTEncoder, load_pretrained
from scratchgpt.recipes.adapters import WITHOUT_LORA
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.contrastive import PRESET, open_contrastive
from scratchgpt.recipes.encoders import encoder_config
from scratchgpt.recipes.evaluation import EvaluationSettings, Watcher
from scratchgpt.recipes.recipe import Recipe
from scratchgpt.recipes.search_evaluation import SearchEvaluation, evaluate_search, pairs_task
from scratchgpt.text import Tokenizer
from scratchgpt.text.code.python_code import PYTHON_CODE, mask_names, python_code
from scratchgpt.text.pairs.text_pairs import read_text_pairs, training_text_pairs

# Neelakantan et al. 2022 give no learning rates; these are for thousands of pairs and two cores.
_DEFAULTS: Settings = {
    "tokenizer": "bpe:4096",
    "preset": PRESET,
    "model": {"dropout": 0.1},
    "training": {
        "steps": 600,
        "batch_size": 256,
        "tokens_per_batch": 2048,
        "token_dropout": 0.1,
        "lr": 2e-3,
        "eval_interval": 50,
        "checkpoint_interval": 50,
        "best": "mrr@10",
        "best_mode": "max",
    },
}


def _defaults(corpus: tuple[str, ...]) -> Settings:
    return _DEFAULTS


def _check(run: RunConfig) -> None:
    if not run.corpus:
        raise UserError(
            "there are no pairs to train on; name a .tsv or .jsonl file, two files, a folder of "
            "texts, or python-code"
        )
    if run.training.grad_accum > 1:
        raise UserError(
            f"grad_accum={run.training.grad_accum}: the negatives of a pair are the other pairs of "
            "its batch, so sums over smaller batches are another loss; set batch_size, which "
            "needs no more memory"
        )
    encoder_config(run, PRESET)


def _unused(run: RunConfig) -> dict[str, str]:
    reasons = {"label_smoothing": "the contrastive loss has no labels to smooth", **WITHOUT_LORA}
    if len(run.corpus) == 1 and run.corpus[0] in PYTHON_CODE:
        reasons["val_fraction"] = f"{run.corpus[0]} has a validation part"
    return reasons


def _load(directory: Path) -> GPTEncoder:
    if has_prompts(directory):
        raise UserError(
            f"the encoder in {directory} was imported with prompts that are texts; it embeds and "
            "searches, but eval supports only encoders with start tokens"
        )
    model = load_pretrained(directory)
    if not isinstance(model, GPTEncoder):
        raise UserError(
            f"the model in {directory} {model.config.task}; use scratchgpt {model.config.verb}"
        )
    return model


def _evaluate_run(
    model: GPTEncoder,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> SearchEvaluation:
    """Evaluate on what the run held out: the test part of the corpus, or its validation part."""
    if len(run.corpus) == 1 and run.corpus[0] in PYTHON_CODE:
        return _evaluate_corpus(model, tokenizer, run.corpus, settings, watcher)
    _, val = training_text_pairs(run.corpus, run.val_fraction)
    name = f"the validation part of {' and '.join(run.corpus)}"
    return _evaluate(model, tokenizer, {name: pairs_task(val)})


def _evaluate_corpus(
    model: GPTEncoder,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> SearchEvaluation:
    """Evaluate on the test part of a corpus, or on all its pairs if it has none."""
    name = " and ".join(corpus)
    if len(corpus) == 1 and corpus[0] in PYTHON_CODE:
        code = python_code(corpus[0])
        masked = mask_names(code.test, code.test_names)
        tasks = {
            f"the test part of {name}": pairs_task(code.test),
            f"the test part of {name}, names of functions replaced by f": pairs_task(masked),
        }
    elif tuple(corpus) == ("cosqa",):
        tasks = {"the test part of cosqa": cosqa("test")}
    else:
        tasks = {name: pairs_task(read_text_pairs(corpus))}
    return _evaluate(model, tokenizer, tasks)


def _evaluate(
    model: GPTEncoder, tokenizer: Tokenizer, tasks: Mapping[str, RankingTask]
) -> SearchEvaluation:
    encoder = TextEncoder(model, tokenizer)
    return SearchEvaluation([evaluate_search(encoder, task, name) for name, task in tasks.items()])


CONTRASTIVE = Recipe(
    makes_data=False,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=open_contrastive,
    load=_load,
    evaluation=frozenset(),
    evaluate_run=_evaluate_run,
    evaluate_corpus=_evaluate_corpus,
)
