"""A library of small functions."""

from pathlib import Path

import pytest

FUNCTION = '''
def compute_{name}(a_{name}, b_{name}):
    """Compute the value number {name} of two others."""
    result_{name} = a_{name} + b_{name}
    return result_{name}
'''


@pytest.fixture
def library(write) -> list[tuple[Path, str]]:
    """Twelve files with two documented functions each, which have no identifier in common."""
    return [
        (Path(write(f"lib/{i}.py", "".join(FUNCTION.format(name=f"{i}{x}") for x in "xy"))), name)
        for i in range(12)
        for name in [f"{i}.py"]
    ]
