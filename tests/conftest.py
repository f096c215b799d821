"""Fixtures that all suites share."""

import importlib
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from types import ModuleType

import hypothesis
import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream

PROVE_THE_REFERENCE = {"ops", "layers", "models", "verify"}

# The same examples in every run, and no folder of remembered ones.
hypothesis.settings.register_profile(
    "reproducible", derandomize=True, deadline=None, max_examples=25, database=None
)
hypothesis.settings.load_profile("reproducible")


def pytest_configure() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored; some tests press it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is compared with another implementation; ``-m peer`` selects it."""
    for item in items:
        if not {"torch", "transformers"}.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("peer")


@pytest.fixture(autouse=True)
def reference_in_float64(request: pytest.FixtureRequest) -> Iterator[None]:
    """Those suites prove the reference, in float64; the kernels are proven in ``tests/kernels``."""
    proven = request.path.parent.name in PROVE_THE_REFERENCE
    with kernels.disabled(np.float64) if proven else nullcontext():
        yield


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch, the independent implementation to compare with.

    Where it is not installed the test is skipped, unless SCRATCHGPT_REQUIRE_PARITY=1 says that
    here it must be: then its absence is a failure, lest a CI that lost it stays green.
    """
    module = _peer("torch", "PyTorch")
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def transformers(torch: ModuleType) -> ModuleType:
    """Hugging Face's transformers, whose files and models ours must equal; as PyTorch, above."""
    return _peer("transformers", "transformers")


def _peer(name: str, title: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what others deprecate
            return importlib.import_module(name)
    except ImportError as error:
        if os.environ.get("SCRATCHGPT_REQUIRE_PARITY") == "1":
            pytest.fail(f"SCRATCHGPT_REQUIRE_PARITY=1 but {title} does not import: {error}")
        pytest.skip(f"{title} is not installed")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A random generator that depends on the name of the test alone."""
    return random_stream(0, request.node.name)


@pytest.fixture(scope="session")
def assert_close():
    """``assert_close(actual, expected, tolerance=1e-10)``, relative to the largest element.

    Where all elements are below a thousandth, to that: a gradient that is 0 up to rounding has no
    size of its own.
    """

    def check(actual, expected, tolerance=1e-10, what=""):
        actual, expected = np.asarray(actual), np.asarray(expected)
        assert actual.shape == expected.shape, f"{what}: {actual.shape} is not {expected.shape}"
        if not actual.size:
            return
        same_infinity = np.isinf(expected) & (actual == expected)
        gap = np.where(same_infinity, 0, actual - np.where(same_infinity, 0, expected))
        gap = np.where(same_infinity, 0, np.abs(gap))
        scale = max(np.abs(np.where(np.isinf(expected), 0, expected)).max(), 1e-3)
        worst = np.unravel_index(np.argmax(np.nan_to_num(gap, nan=np.inf)), gap.shape)
        # Asked this way round a NaN fails.
        error = gap[worst] / scale
        assert error <= tolerance, (
            f"{what} at {tuple(int(i) for i in worst)}: {actual[worst]!r} is not "
            f"{expected[worst]!r} (relative error {error:.1e}, at most {tolerance:.0e})"
        )

    return check
