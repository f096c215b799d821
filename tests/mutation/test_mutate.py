"""The mutator breaks what it should, and the runner tells a caught mutant from a surviving one."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SOURCE = '''\
"""A docstring: 1 + 1."""
import numpy as np

HALF = 0.5


def scale_forward(x: "Array | None", weight, factor=2.0):
    if factor < 0:
        raise ValueError(f"{factor - 1} is below 0")
    y = np.matmul(x, weight.T)
    y *= factor
    return y, (x, weight)


def scale_backward(dy, saved):
    x, weight = saved
    dropped = drop(dy, 0.1)
    total = dropped.sum(axis=-1, keepdims=True) - dy
    total += np.tri(3, k=1)
    for step in reversed(x):
        total -= step * HALF
    return total
'''


@pytest.fixture(scope="module")
def mutators():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        return importlib.import_module("mutators")


@pytest.fixture(scope="module")
def found(mutators):
    return mutators.mutants("scale.py", SOURCE)


@pytest.mark.parametrize(
    ("rule", "original", "mutant"),
    [
        ("statement dropped", "y *= factor", "pass"),
        ("operator", "y *= factor", "y /= factor"),
        ("operator", "total -= step * HALF", "total += step * HALF"),
        ("operator", "total -= step * HALF", "total -= step / HALF"),
        ("term lost", "total -= step * HALF", "total -= step"),
        ("= for +=", "total += np.tri(3, k=1)", "total = np.tri(3, k=1)"),
        ("off by one", "total += np.tri(3, k=1)", "total += np.tri(3, k=2)"),
        ("keyword dropped", "total += np.tri(3, k=1)", "total += np.tri(3)"),
        ("fourth digit", "HALF = 0.5", "HALF = 0.5001"),
        ("comparison", "if factor < 0:", "if factor <= 0:"),
        ("condition negated", "if factor < 0:", "if not (factor < 0):"),
        ("transpose lost", "y = np.matmul(x, weight.T)", "y = np.matmul(x, weight)"),
        ("order", "y = np.matmul(x, weight.T)", "y = np.matmul(weight.T, x)"),
        ("order", "x, weight = saved", "weight, x = saved"),
        ("step skipped", "dropped = drop(dy, 0.1)", "dropped = dy"),
        ("reversed lost", "for step in reversed(x):", "for step in x:"),
        (
            "before for after",
            "total = dropped.sum(axis=-1, keepdims=True) - dy",
            "total = dy.sum(axis=-1, keepdims=True) - dy",
        ),
        (
            "axis",
            "total = dropped.sum(axis=-1, keepdims=True) - dy",
            "total = dropped.sum(axis=-2, keepdims=True) - dy",
        ),
        (
            "term lost",
            "total = dropped.sum(axis=-1, keepdims=True) - dy",
            "total = dropped.sum(axis=-1, keepdims=True)",
        ),
    ],
)
def test_the_mathematics_is_broken_in_every_way(found, rule, original, mutant):
    assert (rule, original, mutant) in {(m.rule, m.original, m.mutant) for m in found}


def test_each_mutant_differs_in_one_place_and_no_two_are_alike(found):
    assert len({mutant.source for mutant in found}) == len(found) > 30
    for mutant in found:
        pairs = zip(SOURCE.splitlines(), mutant.source.splitlines(), strict=True)
        changed = [i for i, (before, after) in enumerate(pairs, start=1) if before != after]
        assert changed == [mutant.line], mutant
        assert str(mutant).startswith(f"scale.py:{mutant.line}  {mutant.original}  ->  ")


def test_words_messages_and_annotations_are_left_alone(found):
    for mutant in found:
        assert "docstring" not in mutant.original
        assert "raise" not in mutant.original
        assert '"Array | None"' in mutant.source


def test_a_mutant_knows_whether_it_is_in_backward_code(found):
    for mutant in found:
        assert mutant.backward == (mutant.function == "scale_backward")
    assert {mutant.function for mutant in found} == {"", "scale_forward", "scale_backward"}


def test_an_argument_without_default_is_never_dropped(mutators):
    source = "def f(x, *, out): pass\nf(1, out=2)\n"
    required = mutators.required_arguments([source])
    assert "f(1)" not in {m.mutant for m in mutators.mutants("f.py", source, required)}
    assert "f(1)" in {m.mutant for m in mutators.mutants("f.py", source)}


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from runner import Copy

copy = Copy(Path("checkout"), Path("copy").absolute(), "sample", ["tests", "setup.cfg"])
stages = [["tests/test_double.py"]]
for source in sys.argv[2:]:
    with copy.mutated("sample/__init__.py", source):
        if "while True" in source:
            print(copy.first_failure(stages, timeout=1))  # the test never ends
        else:
            print(copy.first_failure(stages, timeout=120))
"""


def test_a_planted_mutant_is_caught_and_an_equivalent_one_survives(tmp_path):
    checkout = tmp_path / "checkout"
    (checkout / "sample").mkdir(parents=True)
    (checkout / "tests").mkdir()
    (tmp_path / "copy").mkdir()
    original = "def double(x):\n    return x + x\n"
    planted = "def double(x):\n    return x - x\n"
    equivalent = "def double(x):\n    return 2 * x\n"
    endless = "while True: pass\n"
    (checkout / "sample" / "__init__.py").write_text(original)
    (checkout / "setup.cfg").write_text("[tool:pytest]\naddopts = --import-mode=importlib\n")
    (checkout / "tests" / "test_double.py").write_text(
        "from sample import double\n\n\ndef test_double():\n    assert double(3) == 6\n"
    )

    verdicts = subprocess.run(
        [sys.executable, "-c", RUN, str(FOLDER), original, planted, equivalent, endless],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    stage = "tests/test_double.py"
    assert verdicts == ["None", stage, "None", f"timeout: {stage}"]
    assert (checkout / "sample" / "__init__.py").read_text() == original
    assert (tmp_path / "copy" / "sample" / "__init__.py").read_text() == original


def test_every_equivalent_mutant_is_still_a_mutant_and_has_a_reason():
    """A stale entry would hide a mutant that it no longer describes."""
    check = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import mutate\n"
        "keys = {(m.file, m.function, m.original, m.mutant) for m in mutate.find(None)}\n"
        "print(*(set(mutate.EQUIVALENT) - keys), sep='\\n', end='')\n"
        "assert all(len(reason) > 20 for reason in mutate.EQUIVALENT.values())\n"
    )
    command = [sys.executable, "-c", check, str(FOLDER)]
    stale = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert stale == ""
