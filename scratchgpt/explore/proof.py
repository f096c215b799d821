"""The gradient checks of a page: each operation on the numbers of the step, and the whole model."""

import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import scratchgpt.ops as ops
from scratchgpt.explore.record import Recording
from scratchgpt.kernels import disabled
from scratchgpt.structured import read_json
from scratchgpt.training import NextToken
from scratchgpt.verify import check_model, check_vjp

MOST_PARAMETERS = 200_000  # of a model that is checked as a whole
ELEMENTS = 40  # per input
CONSTANTS = ("cos", "sin")  # arrays without a gradient


@dataclass(frozen=True)
class Proof:
    """One check.

    Attributes
    ----------
    what : str
        An operation, or a parameter of the model.
    method : str
    worst : float
        The largest relative error.
    passed : bool
    """

    what: str
    method: str
    worst: float
    passed: bool


@cache
def pytorch_errors() -> dict[str, Any]:
    """Return how far each operation is from PyTorch: its version, the date, and the errors.

    The parity tests measure these errors in float64, and compare them with this table.
    """
    table: dict[str, Any] = read_json(Path(__file__).parent / "data" / "pytorch_errors.json")
    return table


def prove(recording: Recording) -> list[Proof]:
    """Check every operation by complex step, and every parameter by the adjoint identity.

    Operations are checked in float64 on the inputs of the step. A step with NaN, and a large model
    as a whole, are not checked.
    """
    if not np.isfinite(recording.loss):
        return []
    found = []
    with disabled(), np.errstate(all="ignore"):
        for op in sorted({call.op for call in recording.calls}):
            proof = _prove_op(op, recording)
            found += [proof] if proof else []
        if recording.step.model.store.size <= MOST_PARAMETERS:
            found += _prove_model(recording)
    return found


def _prove_op(op: str, recording: Recording) -> Proof | None:
    """Check an operation on its smallest inputs; None if they are not finite."""
    calls = [c for c in recording.calls if c.op == op and c.way == "forward"]
    call = min(calls, key=lambda c: sum(np.size(x) for x in c.inputs.values()))
    forward, backward = getattr(ops, f"{op}_forward"), getattr(ops, f"{op}_backward")
    inputs, settings = dict[str, Any](), dict[str, Any]()
    for name in inspect.signature(forward).parameters:
        value = call.inputs.get(name)
        if name.endswith("_out") or name not in call.inputs:
            continue
        if name in CONSTANTS:
            settings[name] = np.asarray(value, np.float64)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            inputs[name] = value.astype(np.float64)
        elif isinstance(value, np.ndarray) or name in ("tokens", "targets"):
            inputs[name] = value
        elif value is not None:
            settings[name] = value
    if not all(np.isfinite(x).all() for x in inputs.values()):
        return None
    # The method needs an analytic function; at the kink of a ReLU it reports what it skips.
    report = check_vjp(forward, backward, inputs, settings=settings, max_elements=ELEMENTS)
    return Proof(op, "complex step", report.worst_error, report.passed)


def _prove_model(recording: Recording) -> list[Proof]:
    step = recording.step
    model = step.model.astype(np.float64)
    objective = NextToken(model, label_smoothing=step.objective.label_smoothing)
    settings = {"dropout_seed": step.dropout_seed}
    report = check_model(objective, step.batch, settings=settings, n_directions=1)
    return [Proof(row.name, "adjoint identity", row.error, row.passed) for row in report.inputs]
