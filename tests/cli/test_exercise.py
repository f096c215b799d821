"""``scratchgpt exercise``: from the empty file to the right gradient."""

import pytest

from scratchgpt.exercises import EXERCISES, find_exercise, solution


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_without_a_name_the_exercises_are_listed(scratchgpt):
    lines = scratchgpt("exercise").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(EXERCISES)


def test_an_exercise_is_written_checked_while_empty_and_checked_when_solved(
    scratchgpt, refused, tmp_path
):
    written = scratchgpt("exercise", "attention")
    assert written.status == 0
    *_, command = written.stderr.splitlines()
    assert command.endswith("exercise attention --check attention.py")
    assert "backward is still empty" in refused("exercise", "attention", "--check", "attention.py")
    assert "already exists" in refused("exercise", "attention")

    solved = scratchgpt("exercise", "attention", "--solution").stdout
    assert solved == solution(find_exercise("attention"))
    (tmp_path / "attention.py").write_text(solved, encoding="utf-8")
    outcome = scratchgpt("exercise", "attention", "--check", "attention.py")
    assert outcome.status == 0
    assert "attention: right, worst relative error" in outcome.stdout


def test_a_mistake_is_found_and_named_with_a_hint(scratchgpt):
    assert scratchgpt("exercise", "attention", "--mistake", "--out", "find_it.py").status == 0
    outcome = scratchgpt("exercise", "attention", "--check", "find_it.py")
    assert outcome.status == 1
    *report, hint = outcome.stderr.splitlines()
    assert [line.split()[0] for line in report if line.endswith("WRONG")] == ["k"]
    assert hint.startswith("the gradient of k is wrong: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["atention"], "did you mean 'attention'"),
        (["--mistake"], "--mistake needs an exercise"),
        (["--out", "a.py"], "--out needs an exercise"),
        (["relu", "--mistake", "--solution"], "--mistake and --solution exclude each other"),
        (["relu", "--solution", "--out", "a.py"], "--out: --solution writes no file"),
        (["relu", "--check", "none.py"], "none.py"),
    ],
)
def test_bad_input_is_refused(scratchgpt, arguments, message):
    outcome = scratchgpt("exercise", *arguments)
    assert outcome.status in (1, 2)
    [line] = outcome.stderr.splitlines()
    assert message in line
