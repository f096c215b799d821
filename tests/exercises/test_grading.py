"""Grading names the wrong input, or the line of the file that cannot be run."""

import re

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.exercises import find_exercise, grade, solution, stub

LINEAR = find_exercise("linear")


@pytest.fixture
def graded(tmp_path):
    """Grade the solution of the linear exercise after a replacement, or a whole other text."""
    path = tmp_path / "linear.py"

    def check(old="", new="", source=None):
        text = solution(LINEAR)
        assert old in text
        path.write_bytes((source or text.replace(old, new)).encode())
        return grade(LINEAR, path)

    return check


def test_a_wrong_gradient_is_named(graded):
    report = graded("dy @ weight.T", "2 * dy @ weight.T")
    assert [row.name for row in report.inputs if not row.passed] == ["x"]


def test_an_overwritten_input_is_reported(graded):
    report = graded("dx = dy @ weight.T", "dy *= 1.5; dx = dy @ weight.T")
    assert not report.passed
    assert "overwrites" in " ".join(report.violations)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return dx, dweight, dbias", "return dx / None", r"linear.py:\d+: TypeError: unsupported"),
        ("return dx, dweight, dbias", "return dx, dweight", r"linear.py: .*(2|two)"),
        ("return y, (x, weight)", "return y", "linear.py: TypeError: forward must return two"),
        ("x @ weight + bias", "x @ weight - bias", "linear.py: forward no longer computes linear"),
        ("x @ weight + bias", "(x @ weight + bias).sum()", "forward no longer computes linear"),
        ("def backward", "def backwards", "linear.py: there is no function backward; define it"),
        ("def forward(", "def forward(:", r"linear.py:6: .*; correct it"),
        ("import numpy as np", "import numpy as np\nquit()", "linear.py:4: SystemExit: "),
        ("import numpy as np", "import numpie", "linear.py:3: ModuleNotFoundError: No module"),
        ("return dx", "assert False\n    return dx", r"linear.py:\d+: AssertionError: no message"),
    ],
)
def test_what_cannot_be_graded_is_refused_with_its_place(graded, old, new, message):
    with pytest.raises(UserError, match=message):
        graded(old, new)


def test_an_empty_backward_is_refused_with_its_line(graded):
    text = stub(LINEAR)
    line = text.splitlines().index('    raise NotImplementedError("write the backward pass")') + 1
    with pytest.raises(UserError, match=re.escape(f":{line}: backward is still empty; write it")):
        graded(source=text)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = 1\0"])
def test_a_file_that_is_not_a_program_is_refused(tmp_path, content):
    path = tmp_path / "linear.py"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"linear\.py"):
        grade(LINEAR, path)


def test_warnings_of_numpy_are_not_errors(graded):
    report = graded("return dx, dweight", "np.log(np.zeros(1))\n    return dx, dweight")
    assert report.passed
    assert np.isfinite(report.worst_error)
