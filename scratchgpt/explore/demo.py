"""A small model, trained for seconds, whose heads can be understood."""

from typing import Any

from scratchgpt.explore.step import MOST_TOKENS, Step, step_of_run
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import task_from_spec
from scratchgpt.training import NextToken, TrainConfig
from scratchgpt.training.step import Stepper

TASK = "sort:6:5"
STEPS = 150
SEED = 1


def demo_steps(
    task: str = TASK, steps: int = STEPS, *, most_tokens: int = MOST_TOKENS, **form: Any
) -> tuple[Step, Step]:
    """Train a small GPT on a generated task.

    Parameters
    ----------
    task : str
        As in ``scratchgpt train --task``.
    steps : int
        Updates before the step that is shown.
    most_tokens : int
    **form
        More settings of the model; by default its form is that of GPT-2.

    Returns
    -------
    trained, start : Step
        The next step of the trained model, and the same batch before the first update.
    """
    problems = task_from_spec(task)
    config = GPTConfig(
        n_layer=2,
        n_head=3,
        n_embd=24,
        dropout=0.0,
        block_size=problems.block_size,
        vocab_size=problems.vocab_size,
        **form,
    )
    model = GPT(config, seed=SEED)
    start = GPT(config, seed=SEED)
    settings = TrainConfig(
        steps=2 * steps,
        batch_size=64,
        lr=5e-3,
        warmup_steps=min(20, steps),
        eval_interval=0,
        seed=SEED,
    )
    stepper = Stepper(NextToken(model), problems.batches(64, SEED), settings)
    for step in range(steps):
        stepper.update(step)
    title = f"Training step {steps + 1} of a small GPT that learns the task {task}"
    trained = step_of_run(stepper, steps, problems.tokenizer, title, most_tokens=most_tokens)
    first = Step(
        start,
        NextToken(start),
        trained.batch,
        None,
        trained.spell,
        f"The same batch before training, {config.n_layer} blocks of random parameters",
    )
    return trained, first
