import math

import pytest

from scratchgpt.errors import UserError
from scratchgpt.training.metrics import append_metrics, cut_metrics, read_metrics


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in range(4):
        append_metrics(path, {"step": step, "loss": 0.1 + step})
    return path


def test_what_is_appended_is_read_again_exactly(path):
    assert read_metrics(path)[1] == {"step": 1, "loss": 1.1}
    assert len(read_metrics(path)) == 4


def test_a_line_that_was_cut_off_is_dropped(path):
    text = path.read_text()
    for n_lost in (1, 5):
        path.write_text(text[:-n_lost])
        assert [record["step"] for record in read_metrics(path)] == [0, 1, 2]


def test_cutting_leaves_the_steps_before(path):
    with open(path, "a") as file:
        file.write('{"step": 4, "lo')
    cut_metrics(path, 2)
    assert path.read_text() == '{"step": 0, "loss": 0.1}\n{"step": 1, "loss": 1.1}\n'


def test_cutting_a_file_that_is_not_there_does_nothing(tmp_path):
    cut_metrics(tmp_path / "metrics.jsonl", 2)
    assert list(tmp_path.iterdir()) == []


HOSTILE = ["null", "true", "-0.5", "1e999", "NaN", '"1"', "[]", "{}", str(10**30), "[" * 10**5]


@pytest.mark.parametrize("line", ["nonsense", "[1]", "{}", '"step"', "[" * 10**5])
def test_a_damaged_line_is_named(path, line):
    path.write_text(f'{{"step": 0}}\n{line}\n{{"step": 2}}\n')
    with pytest.raises(UserError, match="line 2"):
        read_metrics(path)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_step_that_is_not_an_integer_is_refused(path, value):
    path.write_text(f'{{"step": {value}}}\n')
    with pytest.raises(UserError, match=r"line 1 is .*; remove it"):
        read_metrics(path)


@pytest.mark.parametrize("value", [each for each in HOSTILE if each not in ("true", "-0.5")])
def test_a_measure_that_is_not_a_number_is_refused(path, value):
    path.write_text(f'{{"step": 0}}\n{{"step": 1, "loss": {value}}}\n')
    with pytest.raises(UserError, match=r"line 2 is .*; remove it"):
        cut_metrics(path, 1)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*metrics\.jsonl"):
        read_metrics(tmp_path / "metrics.jsonl")


def test_a_number_that_json_cannot_hold_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_metrics(tmp_path / "metrics.jsonl", {"step": 0, "loss": math.nan})


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot write .*metrics.jsonl"):
        append_metrics(tmp_path / "gone" / "metrics.jsonl", {"step": 0})
