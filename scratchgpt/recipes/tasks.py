"""Generated tasks with exact answers (addition and sorting): a GPT is trained on problems."""

from dataclasses import dataclass

from scratchgpt.errors import UserError
from scratchgpt.evaluation import ExactMatch, exact_match
from scratchgpt.generation import SamplingConfig, generate, generate_text
from scratchgpt.models import GPT
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.evaluation import EvaluationSettings, ExactMatchEvaluation, Watcher
from scratchgpt.recipes.language import TEXT, gpt_config, new_gpt
from scratchgpt.recipes.model_folder import load_gpt_to_evaluate
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.text import AdditionTask, ProgressCallback, SortTask, Tokenizer, task_from_spec
from scratchgpt.text.tasks.task import TaskBatches
from scratchgpt.training import NextToken

GREEDY = SamplingConfig(temperature=0)
AT_ONCE = 512  # problems per batch of answers


@dataclass(frozen=True)
class TaskData:
    """The generated problems of a task."""

    task: AdditionTask | SortTask

    @property
    def tokenizer(self) -> Tokenizer:
        return self.task.tokenizer

    @property
    def fingerprint(self) -> str:
        return self.task.spec

    def new_model(self, run: RunConfig) -> GPT:
        """Make a model whose context fits a problem, unless the run sets ``block_size``."""
        config = gpt_config(run, vocab_size=self.tokenizer.vocab_size)
        if "block_size" not in run.model and run.init is None:
            config = config.replace(block_size=self.task.block_size)
        if config.block_size < self.task.block_size:
            raise UserError(
                f"block_size={config.block_size} is too short for the task {self.task.spec}, "
                f"whose problems have {self.task.block_size} tokens; leave it out"
            )
        return new_gpt(run, config)

    def objective(self, run: RunConfig, model: GPT) -> NextToken:
        return NextToken.from_config(model, run.training)

    def batches(self, run: RunConfig, model: GPT) -> TaskBatches:
        training = run.training
        return self.task.batches(training.batch_size, training.seed, training.eval_batches)

    def describe(self, model: GPT) -> str:
        return f"the task {self.task.spec}"

    def sample(self, model: GPT, seed: int) -> str:
        """Return a held-out problem with the model's answer."""
        prompts, _ = self.task.problems("test")
        prompt = self.tokenizer.decode(prompts[seed % len(prompts)])
        [result] = generate_text(
            model,
            self.tokenizer,
            [prompt],
            max_new_tokens=self.task.answer_length,
            sampling=GREEDY,
            seed=seed,
        )
        return prompt + result.text

    def evaluate(self, model: GPT) -> dict[str, float]:
        return {"exact_match": self.match(model).fraction}

    def match(self, model: GPT) -> ExactMatch:
        """Answer the held-out problems greedily, and compare with the right answers."""
        prompts, answers = self.task.problems("test")
        given: list[str] = []
        for start in range(0, len(prompts), AT_ONCE):
            some = prompts[start : start + AT_ONCE]
            results = generate(
                model,
                list(some),
                max_new_tokens=self.task.answer_length,
                sampling=GREEDY,
                end_of_text=(),  # all answers have the same number of tokens
            )
            given += self.task.texts(some, [result.tokens for result in results])
        return exact_match(given, self.task.texts(prompts, answers))


def _open(run: RunConfig, progress: ProgressCallback | None = None) -> TaskData:
    assert run.task is not None
    return TaskData(task_from_spec(run.task))


def _defaults(corpus: tuple[str, ...]) -> Settings:
    return {}  # the defaults of RunConfig


def _check(run: RunConfig) -> None:
    if run.corpus:
        raise UserError(
            f"task={run.task!r} generates its data; leave out the corpus {run.corpus[0]!r}"
        )
    gpt_config(run)


def _evaluate_run(
    model: GPT,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> ExactMatchEvaluation:
    data = _open(run)
    return ExactMatchEvaluation(data.task.spec, "problems", data.match(model))


def _unused(run: RunConfig) -> dict[str, str]:
    return {
        "tokens_per_batch": "the batches of a task have batch_size rows",
        "tokenizer": "a task has its own tokenizer",
        "val_fraction": "a hash of each problem decides whether it is held out",
        **OF_ENCODERS,
    }


TASK = Recipe(
    makes_data=True,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=_open,
    load=load_gpt_to_evaluate,
    evaluation=frozenset(),
    evaluate_run=_evaluate_run,
    evaluate_corpus=TEXT.evaluate_corpus,
)
