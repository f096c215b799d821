"""Fixtures for all test suites."""

import importlib
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream

PEERS = {"torch", "transformers", "sentence_transformers", "statsmodels", "openai"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The pages under test are ours, so they need no sandbox, which not every machine allows.
BROWSER_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BROWSER_OPTIONS += ["--disable-component-update", "--disable-sync", "--no-first-run"]
PROVE_THE_REFERENCE = {"ops", "layers", "models", "verify"}
# What these test is the same with kernels and without, so the gate runs them once, with kernels.
THE_SAME_WITHOUT_NUMBA = {"docs", "examples", "exercises", "explore", "fuzz", "mutation", "prose"}
THE_SAME_WITHOUT_NUMBA |= {"serving", "text", "test_architecture.py", "test_prose.py"}

# Hypothesis generates the same examples in every run, and stores none.
hypothesis.settings.register_profile(
    "reproducible", derandomize=True, deadline=None, max_examples=25, database=None
)
hypothesis.settings.load_profile("reproducible")


def pytest_configure() -> None:
    """Restore what ends a process, and is ignored in the background and under nohup.

    Some tests press Ctrl-C, or close a terminal.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that compare with another implementation, use MPI or a browser, or need one run.

    ``-m peer``, ``-m mpi`` and ``-m browser`` select the first three.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if not PEERS.isdisjoint(fixtures):
            item.add_marker("peer")
        for name in ("browser", "mpi"):
            if name in fixtures:
                item.add_marker(name)
        if item.path.relative_to(Path(__file__).parent).parts[0] in THE_SAME_WITHOUT_NUMBA:
            item.add_marker("compiled")


@pytest.fixture(autouse=True)
def reference_in_float64(request: pytest.FixtureRequest) -> Iterator[None]:
    """Disable kernels in suites that test the reference; ``tests/kernels`` tests the kernels."""
    proven = request.path.parent.name in PROVE_THE_REFERENCE
    with kernels.disabled(np.float64) if proven else nullcontext():
        yield


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch, the independent implementation to compare with.

    If PyTorch is not installed, the test is skipped. With SCRATCHGPT_REQUIRE_PARITY=1, it fails
    instead, so that a CI without PyTorch does not stay green.
    """
    module = _peer("torch", "PyTorch")
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def transformers(torch: ModuleType) -> ModuleType:
    """Hugging Face's transformers, to compare files and models with; handled like PyTorch."""
    return _peer("transformers", "transformers")


@pytest.fixture(scope="session")
def peft(transformers: ModuleType) -> ModuleType:
    """Hugging Face's PEFT, to compare low-rank adapters with; handled like PyTorch."""
    return _peer("peft", "peft")


@pytest.fixture(scope="session")
def sentence_transformers(transformers: ModuleType) -> ModuleType:
    """sentence-transformers, to compare encoders with; handled like PyTorch.

    Its progress bars and notes are switched off, and it looks for no model on the internet.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        module = _peer("sentence_transformers", "sentence-transformers")
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    return module


@pytest.fixture(scope="session")
def openai() -> ModuleType:
    """OpenAI's client, to talk to the server with; handled like PyTorch."""
    return _peer("openai", "openai")


def _peer(name: str, title: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about deprecations in other packages
            return importlib.import_module(name)
    except ImportError as error:
        if os.environ.get("SCRATCHGPT_REQUIRE_PARITY") == "1":
            pytest.fail(f"SCRATCHGPT_REQUIRE_PARITY=1 but {title} does not import: {error}")
        pytest.skip(f"{title} is not installed")


@pytest.fixture(scope="session")
def mpi() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """``mpi(n, script, *arguments)`` runs a script in ``n`` processes, until they end.

    Without mpi4py and mpiexec, the test is skipped; with SCRATCHGPT_REQUIRE_MPI=1, it fails
    instead.
    """
    from scratchgpt.cli.launch import launch_command, mpi_environment
    from scratchgpt.errors import UserError

    try:
        launch_command(1)
    except UserError as error:
        if os.environ.get("SCRATCHGPT_REQUIRE_MPI") == "1":
            pytest.fail(f"SCRATCHGPT_REQUIRE_MPI=1, but {error}")
        pytest.skip(str(error))

    def run(n: int, *words: object) -> "subprocess.CompletedProcess[str]":
        command = [*launch_command(n), sys.executable, *map(str, words)]
        return subprocess.run(
            command,
            env=mpi_environment(n, 1),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright.

    If either is missing, the test is skipped; with SCRATCHGPT_REQUIRE_BROWSER=1, it fails instead.
    Each module starts a browser of its own, because Playwright occupies the event loop of the
    thread until it stops, and other modules may need one.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if path is None or sync_playwright is None:
        missing = "Chromium" if path is None else "Playwright"
        if os.environ.get("SCRATCHGPT_REQUIRE_BROWSER") == "1":
            pytest.fail(f"SCRATCHGPT_REQUIRE_BROWSER=1 but {missing} is not installed")
        pytest.skip(f"{missing} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tabs(browser: Any) -> Iterator[Any]:
    """``tabs(script, **settings)`` returns a page in a context with these settings.

    A context costs a second of processor time, and loading a page into it a small part of that. So
    the tests of a module share contexts, and each of them loads its page again. ``script`` runs
    before the scripts of every page that is loaded.
    """
    pages: dict[str, Any] = {}

    def tab(script: str = "", **settings: Any) -> Any:
        key = repr(sorted(settings.items()))
        if key not in pages:
            pages[key] = browser.new_context(reduced_motion="reduce", **settings).new_page()
            pages[key].add_init_script(script)
        return pages[key]

    yield tab
    for page in pages.values():
        page.context.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to run the tests that were skipped because something is not installed."""
    skipped = terminalreporter.stats.get("skipped", [])
    # A file that is skipped whole has a report of its collection, which has no keywords.
    if n := sum("peer" in getattr(report, "keywords", ()) for report in skipped):
        terminalreporter.write_line(
            f"{n} tests that compare with {', '.join(sorted(PEERS))} were skipped; "
            "make test-all installs these and runs them"
        )
    if n := sum("browser" in getattr(report, "keywords", ()) for report in skipped):
        terminalreporter.write_line(
            f"{n} tests in a browser were skipped; to run them, install Chromium with the package "
            "manager of the system, and Playwright with `pip install playwright`"
        )


@pytest.fixture(scope="session")
def second() -> ModuleType:
    """The second renderer of conversations, tests/chat/second_renderer.py."""
    return _load(Path(__file__).parent / "chat" / "second_renderer.py")


@pytest.fixture(scope="session")
def families() -> ModuleType:
    """Tokenizers with the settings of published models, tests/text/tokenizers/families.py."""
    return _load(Path(__file__).parent / "text" / "tokenizers" / "families.py")


@pytest.fixture(scope="session")
def published() -> ModuleType:
    """The chat templates of published models, tests/chat/published_templates.py."""
    return _load(Path(__file__).parent / "chat" / "published_templates.py")


@pytest.fixture(scope="session")
def strict() -> ModuleType:
    """The array library of tests/device/strict_array.py: CuPy without a GPU.

    With SCRATCHGPT_DEVICE_TESTS=cuda, it is CuPy on a GPU.
    """
    on_gpu = os.environ.get("SCRATCHGPT_DEVICE_TESTS") == "cuda"
    name = "real_cupy.py" if on_gpu else "strict_array.py"
    return _load(Path(__file__).parent / "device" / name)


@pytest.fixture
def cuda(strict: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A machine on which CuPy is installed and has one GPU: ``device="cuda"`` works."""
    monkeypatch.setitem(sys.modules, "cupy", strict)
    with kernels.disabled():
        yield strict


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and the arrays look up their module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load_file() -> Callable[[Path], ModuleType]:
    """``load_file(path)`` imports a Python file that is in no package."""
    return _load


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A random generator whose seed is the name of the test."""
    return random_stream(0, request.node.name)


@pytest.fixture(scope="session")
def assert_close():
    """``assert_close(actual, expected, tolerance=1e-10)``, relative to the largest element.

    If the largest element is below a thousandth, errors are relative to a thousandth: a gradient
    that is 0 up to rounding has no scale.
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
        # With this form of the comparison, NaN fails.
        error = gap[worst] / scale
        assert error <= tolerance, (
            f"{what} at {tuple(int(i) for i in worst)}: {actual[worst]!r} is not "
            f"{expected[worst]!r} (relative error {error:.1e}, at most {tolerance:.0e})"
        )

    return check
