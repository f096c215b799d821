import configparser
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt import backend
from scratchgpt.backend import derive_seed, random_stream, same_dtype, untested_numba
from scratchgpt.errors import UserError

paths = st.lists(st.one_of(st.text("abc/", max_size=5), st.integers(0, 99)), max_size=3)


def test_a_stream_depends_on_its_names_and_not_on_what_was_drawn_before():
    random_stream(3, "other").random(100)
    first = random_stream(3, "batch", 7).random(5)
    np.testing.assert_array_equal(random_stream(3, "batch", 7).random(5), first)


@given(seed=st.integers(0, 2**64), names=paths)
def test_seeds_are_reproducible_integers_of_63_bits(seed, names):
    derived = derive_seed(seed, *names)
    assert isinstance(derived, int)
    assert 0 <= derived < 2**63
    assert derive_seed(seed, *names) == derived


def test_seeds_and_names_all_matter():
    seeds = [
        derive_seed(seed, *names)
        for seed in (0, 1, 2**40)
        for names in [(), ("a",), ("b",), ("a", 0), ("a", 1), ("a", "b"), ("ab",)]
    ]
    assert len(set(seeds)) == len(seeds)
    draws = {random_stream(0, name).random() for name in ("a", "b", "ab")}
    assert len(draws) == 3


def test_derived_seeds_use_all_their_bits():
    seeds = np.array([derive_seed(0, i) for i in range(500)])
    for bit in range(63):
        share = ((seeds >> bit) & 1).mean()
        assert 0.35 < share < 0.65


def test_streams_are_the_same_on_every_machine_and_in_every_version():
    """Checkpoints must resume in later versions, so these numbers must never change."""
    assert derive_seed(0, "h", 1) == 3061293333918079981
    assert random_stream(1337, "batch", 5).integers(0, 10**9, 3).tolist() == [
        146470047,
        984740321,
        480263652,
    ]


def test_one_dtype_is_accepted():
    x = np.ones(2, np.float32)
    same_dtype("op", x=x, bias=None, y=x)
    same_dtype("op", x=None, y=x)
    same_dtype("op", x=np.ones(2, complex))


def test_two_dtypes_are_refused_with_both_names():
    with pytest.raises(TypeError, match="op: x is float32 but y is float64; convert one"):
        same_dtype("op", x=np.ones(2, np.float32), none=None, y=np.ones(2))


@pytest.mark.parametrize("dtype", [np.int64, bool, np.uint8])
def test_integers_are_refused(dtype):
    with pytest.raises(TypeError, match="; use float32, float64 or complex128"):
        same_dtype("op", x=np.ones(2, dtype))


@pytest.mark.parametrize(
    ("version", "is_tested"),
    [
        ("0.60.0", False),
        ("0.61.0", True),
        ("0.68.1", True),
        ("0.69.0rc1", False),
        ("0.69.0", False),
        ("1.61.0", False),
    ],
)
def test_versions_of_numba_are_tested_or_not(version, is_tested, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    problem = untested_numba()
    if is_tested:
        assert problem is None
    else:
        assert f"Numba {version} is untested" in problem
        assert "tested with 0.61 to 0.68" in problem
        assert "pip install 'numba>=0.61,<0.69'" in problem


def test_setup_cfg_has_the_bounds_of_numba_that_are_tested():
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[1] / "setup.cfg")
    (major, oldest), (_, newest) = backend.OLDEST_NUMBA, backend.NEWEST_NUMBA
    required = config["options"]["install_requires"].split()
    assert f"numba>={major}.{oldest},<{major}.{newest + 1}" in required


UNTESTED = """
import importlib.metadata, sys
import numpy as np
importlib.metadata.version = lambda name: "0.99.1"
from scratchgpt.backend import use_kernels
print(use_kernels(np.ones(2)), use_kernels(np.ones(2, np.float32)), "numba" in sys.modules)
"""


@pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="Numba is not installed")
@pytest.mark.parametrize(
    ("setting", "answer", "n_warnings"),
    [
        ("on", "False False False", 1),
        ("off", "False False False", 0),
        ("force", "True True False", 0),
    ],
)
def test_an_untested_numba_is_reported_once_and_not_used_unless_forced(setting, answer, n_warnings):
    run = subprocess.run(
        [sys.executable, "-W", "always", "-c", UNTESTED],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SCRATCHGPT_KERNELS": setting},
    )
    assert run.stdout.strip() == answer
    assert run.stderr.count("Numba 0.99.1 is untested") == n_warnings
    assert run.stderr.count("SCRATCHGPT_KERNELS=force to try anyway") == n_warnings


def test_kernels_cannot_be_forced_without_numba(monkeypatch):
    monkeypatch.setenv("SCRATCHGPT_KERNELS", "force")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="SCRATCHGPT_KERNELS=force: Numba is not installed"):
        backend._kernels_installed.__wrapped__()
