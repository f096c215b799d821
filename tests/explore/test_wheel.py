"""The page can be made from an installed package: a build has all its parts."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
from scratchgpt.explore import demo_steps, make_page
import scratchgpt
print(scratchgpt.__file__)
print(make_page(demo_steps(steps=1)[0], landscape=False).n_bytes)
"""


def test_a_build_makes_the_page(tmp_path):
    pytest.importorskip("setuptools")
    build = "from setuptools import setup; setup()"
    words = [sys.executable, "-c", build, "-q", "build_py", "--build-lib", tmp_path / "lib"]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    found = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=tmp_path / "lib",
        env={"PATH": "", "PYTHONPATH": str(tmp_path / "lib"), "SCRATCHGPT_KERNELS": "off"},
        check=True,
        capture_output=True,
        text=True,
    )
    place, n_bytes = found.stdout.split()
    assert Path(place).is_relative_to(tmp_path)
    assert int(n_bytes) > 500_000
