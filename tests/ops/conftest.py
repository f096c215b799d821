"""Tests with arguments ``example`` and ``case`` run for all registered cases of all operations."""

import pytest

from scratchgpt.verify.examples import EXAMPLES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if {"example", "case"} <= set(metafunc.fixturenames):
        metafunc.parametrize(
            ("example", "case"),
            [
                pytest.param(example, case, id=f"{example.name}: {case.note}")
                for example in EXAMPLES.values()
                for case in example.cases
            ],
        )
