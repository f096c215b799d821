"""What a configuration asks for, and an objective, its model or its device cannot do."""

import numpy as np

from scratchgpt.backend import on_host
from scratchgpt.errors import UserError
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.objective import AnyObjective
from scratchgpt.training.workers import Workers


def check_feasible(objective: AnyObjective, config: TrainConfig, workers: Workers) -> None:
    """Refuse a precision, micro-batches or a device that the objective cannot be trained with.

    Raises
    ------
    UserError
    """
    store = objective.model.store
    on_cpu = on_host(store.values)
    if config.precision != "float32" and store.dtype != np.float32:
        raise UserError(
            f"precision={config.precision!r} needs a model in float32; "
            f"this model is in {store.dtype}"
        )
    if config.precision == "tf32" and on_cpu:
        raise UserError(
            "precision='tf32' is for GPUs, and the model is on the CPU; set device='cuda', or "
            "precision='bf16' or 'float32'"
        )
    if config.grad_accum > 1 and not objective.splits:
        reason = objective.whole_because and f", because {objective.whole_because}"
        raise UserError(
            f"grad_accum={config.grad_accum}: the loss of {type(objective).__name__} does not "
            f"split over micro-batches{reason}; set grad_accum=1 and choose a larger batch"
        )
    if not on_cpu and not objective.on_gpu:
        raise UserError(
            f"the model is on a GPU, and {type(objective).__name__} trains on the CPU only; "
            "leave it there"
        )
    if not on_cpu and workers.size > 1:
        raise UserError(
            "the model is on a GPU, but several workers train on the CPU only; train on the "
            "GPU in one process, or leave the model on the CPU"
        )
