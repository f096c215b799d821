"""A recipe: all the parts of one kind of training run, under one name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic

from scratchgpt.chat.formats import format_of_name
from scratchgpt.errors import UserError
from scratchgpt.generation import check_tokenizer
from scratchgpt.recipes.adapters import check_adapters
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.data import B, M, RunData
from scratchgpt.recipes.evaluation import Evaluation, EvaluationSettings, Watcher
from scratchgpt.recipes.methods import DPOConfig, RewardConfig, RolloutConfig, check_method
from scratchgpt.recipes.resuming import check_resumed
from scratchgpt.recipes.training_run import TrainingRun
from scratchgpt.text import ProgressCallback, Tokenizer, load_tokenizer
from scratchgpt.training.agreement import failing_together
from scratchgpt.training.workers import ALONE, Workers, one_first

# Settings that other recipes than that of encoders do not use, each with the reason.
OF_ENCODERS = dict.fromkeys(("token_dropout", "mixed_pairs"), "it is for encoders only")


@dataclass(frozen=True)
class Recipe(Generic[M, B]):
    """How one kind of model (``M``) is trained on batches (``B``) and evaluated.

    To add a kind of training, make a ``Recipe`` and enter it in ``scratchgpt.recipes.RECIPES``.

    Attributes
    ----------
    makes_data : bool
        Whether the task generates its data. If so, a corpus is refused.
    defaults : callable
        ``(corpus) -> settings``: the default settings, with the names of the configuration file.
    check : callable
        ``(run)`` raises a UserError if the settings of the run do not fit together.
    unused : callable
        ``(run) -> reasons``: the settings that have no effect on the run, each with the reason.
    open : callable
        ``(run, progress) -> RunData`` prepares the data of a run.
    load : callable
        ``(directory) -> model`` loads a checkpoint in float32.
    evaluation : set of str
        The evaluation settings that have an effect.
    evaluate_run : callable
        ``(model, tokenizer, run, settings, watcher) -> Evaluation`` on data that the run held out.
    evaluate_corpus : callable
        ``(model, tokenizer, corpus, settings, watcher) -> Evaluation`` on any data.
    compares : bool
        Whether an evaluation on other data uses the training data of the run, for baselines. If it
        is there, ``evaluate_run`` is called, with a run whose second word is the other data.
    chats : bool
        Whether the model reads conversations.
    method : type, optional
        The settings of the objective, if it has some.
    """

    makes_data: bool
    defaults: Callable[[tuple[str, ...]], Settings]
    check: Callable[[RunConfig], None]
    unused: Callable[[RunConfig], Mapping[str, str]]
    open: Callable[[RunConfig, ProgressCallback | None], RunData[M, B]]
    load: Callable[[Path], M]
    evaluation: frozenset[str]
    evaluate_run: Callable[[M, Tokenizer, RunConfig, EvaluationSettings, Watcher], Evaluation]
    evaluate_corpus: Callable[
        [M, Tokenizer, Sequence[str], EvaluationSettings, Watcher], Evaluation
    ]
    compares: bool = False
    chats: bool = False
    method: type[DPOConfig] | type[RewardConfig] | type[RolloutConfig] | None = None

    @property
    def method_defaults(self) -> Mapping[str, object]:
        """The defaults of the settings of the objective."""
        return {} if self.method is None else asdict(self.method())

    def check_settings(self, run: RunConfig) -> None:
        """Raise UserError if the settings of the run do not fit together."""
        if run.chat_format is not None:
            format_of_name(run.chat_format)
            if not self.chats:
                raise UserError(
                    f"chat_format={run.chat_format!r} has no effect: the training has no "
                    "conversations; leave it out"
                )
        self.check(run)
        check_method(run, self.method)
        check_adapters(run)

    def start(
        self,
        run: RunConfig,
        out_dir: Path,
        *,
        resume: bool = False,
        progress: ProgressCallback | None = None,
        workers: Workers = ALONE,
    ) -> TrainingRun[M, B]:
        """Prepare data, model and trainer of a run; see :func:`scratchgpt.recipes.start`."""
        self.check_settings(run)
        if resume:
            check_resumed(run, out_dir, self.method_defaults)
        with failing_together(workers), one_first(workers):  # the others find prepared data
            data = self.open(run, progress)
        return TrainingRun(data, self.load, run, out_dir, resume=resume, workers=workers)

    def evaluate(
        self,
        directory: Path,
        held_out: RunConfig | Sequence[str],
        settings: EvaluationSettings,
        watcher: Watcher,
    ) -> Evaluation:
        """Evaluate the model in a directory on what a run held out, or on a corpus."""
        for name, value in vars(settings).items():
            if name not in self.evaluation and value != getattr(EvaluationSettings, name):
                raise UserError(f"{name}={value} has no effect on this evaluation; leave it out")
        model, tokenizer = self.load(directory), load_tokenizer(directory)
        check_tokenizer(model, tokenizer)
        if isinstance(held_out, RunConfig):
            return self.evaluate_run(model, tokenizer, held_out, settings, watcher)
        return self.evaluate_corpus(model, tokenizer, held_out, settings, watcher)
