"""Every operation at every registered case: the backward is the derivative of the forward."""

import importlib
import pkgutil

import numpy as np

import scratchgpt.ops
from scratchgpt.verify import check_vjp
from scratchgpt.verify.examples import EXAMPLES


def test_backward_is_the_derivative_by_complex_step(example, case):
    report = example.check(case, method="complex")
    report.raise_if_failed()
    assert report.worst_error <= 1e-12
    assert not any(row.kinks for row in report.inputs), "no registered case is at a kink"


def test_backward_is_the_derivative_by_central_differences(example, case):
    example.check(case, method="central", max_elements=25).raise_if_failed()


def test_backward_is_the_adjoint(example, case):
    report = example.check(case, method="adjoint", seed=1)
    report.raise_if_failed()
    assert report.worst_error <= 1e-10


def test_in_float32_the_contract_holds_and_central_differences_agree(example, case):
    inputs, settings = case.build(np.float32)
    report = check_vjp(
        example.forward,
        example.backward,
        inputs,
        settings=settings,
        method="central",
        max_elements=10,
    )
    assert report.violations == ()
    # At these points, float32 has too few digits for finite differences.
    if not any(word in case.note for word in ("large", "tiny", "far out", "equal values")):
        report.raise_if_failed()


def test_every_operation_is_registered():
    modules = {module.name for module in pkgutil.iter_modules(scratchgpt.ops.__path__)}
    assert modules - {"observe", "attention_masks"} == set(EXAMPLES)
    for name, example in EXAMPLES.items():
        module = importlib.import_module(f"scratchgpt.ops.{name}")
        assert example.forward is getattr(module, f"{name}_forward")
        assert example.backward is getattr(module, f"{name}_backward")


def test_the_cases_of_an_operation_have_different_notes():
    for example in EXAMPLES.values():
        notes = [case.note for case in example.cases]
        assert len(notes) == len(set(notes))
