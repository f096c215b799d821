"""What the workers of a run must agree on: their settings, their errors and their parameters."""

import contextlib
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scratchgpt.backend import kernels_available
from scratchgpt.errors import UserError, counted
from scratchgpt.layers import Layer
from scratchgpt.training.objective import AnyObjective
from scratchgpt.training.workers import Workers
from scratchgpt.version import __version__

OF_ANOTHER = "a value of another worker"  # where a loss is not finite


def check_divisible(grad_accum: int, n_workers: int, objective: AnyObjective) -> None:
    """Refuse micro-batches that cannot be divided equally among the workers.

    Raises
    ------
    UserError
        The message names the nearest numbers of micro-batches that can be divided.
    """
    if grad_accum % n_workers == 0:
        return
    if not objective.splits:
        because = objective.whole_because and f", because {objective.whole_because}"
        raise UserError(
            f"the loss of {type(objective).__name__} does not split over "
            f"{counted(n_workers, 'worker')}{because}; train with 1 worker"
        )
    below = grad_accum - grad_accum % n_workers
    nearest = [str(n) for n in (below, below + n_workers) if n]
    raise UserError(
        f"grad_accum={grad_accum} is not divisible by the {n_workers} workers; choose "
        f"{' or '.join(nearest)}, and a batch_size that keeps the size of the whole batch"
    )


@contextlib.contextmanager
def failing_together(workers: Workers) -> Iterator[None]:
    """Let an error of one worker inside a ``with`` block end all of them, after the block.

    The block must not communicate.

    Raises
    ------
    UserError
        For every worker, if the block raises a UserError for one of them.
    """
    error: UserError | None = None
    try:
        yield
    except UserError as own:
        error = own
    messages = workers.gather("" if error is None else str(error))
    if error is not None:
        raise error
    for rank, text in enumerate(messages):
        if text:
            raise UserError(f"worker {rank} of {workers.size}: {text}")


def check_equal(workers: Workers, facts: Mapping[str, Any]) -> None:
    """Compare named JSON values between the workers.

    Raises
    ------
    UserError
        For every worker, if a value differs. The message has the name and both values.
    """
    if workers.size == 1:
        return
    all_facts = [json.loads(text) for text in workers.gather(json.dumps(facts))]
    for rank, others in enumerate(all_facts):
        for name in {**all_facts[0], **others}:
            first, other = all_facts[0].get(name), others.get(name)
            if first != other:
                raise UserError(
                    f"the workers differ in {name}: {first!r} for worker 0, {other!r} for worker "
                    f"{rank}; start all of them with the same command, files and versions"
                )


def versions() -> dict[str, str]:
    """Return the versions of what computes, by name."""
    found = {"scratchgpt": __version__, "NumPy": np.__version__, "Numba": "without kernels"}
    if kernels_available():
        import numba

        found["Numba"] = numba.__version__
    return {f"the version of {name}": version for name, version in found.items()}


def check_same_start(workers: Workers, settings: Mapping[str, Any], model: Layer) -> None:
    """Compare the versions, the settings and the parameters of a run between the workers.

    Parameters
    ----------
    workers : Workers
    settings : dict
        Values by name; the settings inside a dictionary are compared one by one.
    model : Layer

    Raises
    ------
    UserError
        As :func:`check_equal` does.
    """
    if workers.size == 1:
        return
    facts: dict[str, Any] = versions()
    for name, value in settings.items():
        facts |= value if isinstance(value, dict) else {f"the {name}": value}
    check_equal(workers, facts)
    check_same_parameters(workers, model, 0)


def check_same_parameters(workers: Workers, model: Layer, step: int) -> None:
    """Compare the number of updates, and a checksum of all parameters, between the workers.

    Raises
    ------
    UserError
        As :func:`check_equal` does.
    """
    if workers.size > 1:
        checksum = zlib.crc32(model.store.values.view(np.uint8).data)
        check_equal(workers, {"the step": step, "the checksum of the parameters": checksum})


def first_of(workers: Workers, text: str) -> str:
    """Return the first text that is not empty among those of all workers."""
    return next(filter(None, workers.gather(text)), "")


def describe_workers(workers: Workers) -> str:
    """Describe the workers in a few words; empty if there is only one."""
    return f"{counted(workers.size, 'worker')}, " if workers.size > 1 else ""
