"""A small model, trained for seconds, whose heads can be understood."""

from scratchgpt.explore.step import Step, step_of_run
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import task_from_spec
from scratchgpt.training import NextToken, TrainConfig
from scratchgpt.training.step import Stepper

TASK = "sort:6:5"
STEPS = 150
SEED = 1


def demo_steps(task: str = TASK, steps: int = STEPS) -> tuple[Step, Step]:
    """Train a small GPT on a generated task.

    Parameters
    ----------
    task : str
        As in ``scratchgpt train --task``.
    steps : int
        Updates before the step that is shown.

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
    )
    model = GPT(config, seed=SEED)
    start = GPT(config, seed=SEED)
    settings = TrainConfig(
        steps=2 * steps, batch_size=64, lr=5e-3, warmup_steps=20, eval_interval=0, seed=SEED
    )
    stepper = Stepper(NextToken(model), problems.batches(64, SEED), settings)
    for step in range(steps):
        stepper.update(step)
    name = f"trained for {steps} steps on {task}"
    title = f"Step {steps + 1} of a GPT with 2 blocks, {name}"
    trained = step_of_run(stepper, steps, problems.tokenizer, title)
    first = Step(
        start,
        NextToken(start),
        trained.batch,
        None,
        trained.spell,
        f"The same batch before training, {config.n_layer} blocks of random parameters",
    )
    return trained, first
