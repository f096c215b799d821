import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import AdditionTask, SortTask, load_tokenizer, task_from_spec


def texts(task, split="test"):
    """Return prompts and answers as text."""
    prompts, answers = task.problems(split)
    decode = task.tokenizer.decode
    return [(decode(p), decode(a)) for p, a in zip(prompts, answers, strict=True)]


@pytest.mark.parametrize("n_digits", [1, 2, 3, 9])
def test_the_answer_is_the_sum_in_reverse(n_digits):
    for prompt, answer in texts(AdditionTask(n_digits)):
        a, b = prompt.removesuffix("=").split("+")
        assert len(a) == len(b) == n_digits
        assert len(answer) == n_digits + 1
        assert int(answer[::-1]) == int(a) + int(b)


def test_the_largest_operands_are_added_without_overflow():
    task = AdditionTask(9)
    prompts, answers = task.encode(np.array([10**18 - 1]))
    assert task.tokenizer.decode(prompts[0]) == "999999999+999999999="
    assert task.tokenizer.decode(answers[0]) == "8999999991"


def test_a_sum_and_its_mirror_image_are_in_the_same_split():
    for split in ("train", "test"):
        prompts = {prompt for prompt, _ in texts(AdditionTask(2), split)}
        assert {f"{prompt[3:5]}+{prompt[:2]}=" for prompt in prompts} == prompts


@pytest.mark.parametrize(
    "task", [SortTask(), SortTask(7, 2), SortTask(4, 36), SortTask(62, 2)], ids=lambda t: t.spec
)
def test_the_answer_is_the_problem_sorted(task):
    for prompt, answer in texts(task):
        assert prompt[-1] == ">"
        assert answer == "".join(sorted(prompt[:-1]))
        assert len(answer) == task.length


def test_all_symbols_occur_in_problems():
    symbols = {symbol for prompt, _ in texts(SortTask(3, 36)) for symbol in prompt}
    assert symbols == set("0123456789abcdefghijklmnopqrstuvwxyz>")


@pytest.mark.parametrize(
    "task", [AdditionTask(1), AdditionTask(4), SortTask(), SortTask(20, 8)], ids=lambda t: t.spec
)
def test_lengths_and_vocabulary_match_the_problems(task):
    prompts, answers = task.problems("train")
    assert prompts.dtype == answers.dtype == np.int64
    assert prompts.shape == (len(answers), task.prompt_length)
    assert answers.shape == (len(prompts), task.answer_length)
    assert task.block_size == task.prompt_length + task.answer_length
    assert set(np.unique(prompts)) | set(np.unique(answers)) == set(range(task.vocab_size - 1))


def test_a_problem_can_be_written_as_text():
    task = AdditionTask(2)
    prompts, _ = task.encode(np.array([8550]))
    assert task.tokenizer.encode("85+50=").tolist() == prompts[0].tolist()


def test_the_tokenizer_is_read_back_from_its_file(tmp_path):
    for task in (AdditionTask(), SortTask(4, 12)):
        task.tokenizer.save(tmp_path / "tokenizer.json")
        assert load_tokenizer(tmp_path).fingerprint == task.tokenizer.fingerprint


@pytest.mark.parametrize(
    ("spec", "task"),
    [
        ("addition", AdditionTask(n_digits=2)),
        ("addition:3", AdditionTask(n_digits=3)),
        ("sort", SortTask(length=6, n_symbols=3)),
        ("sort:8", SortTask(length=8, n_symbols=3)),
        ("sort:8:5", SortTask(length=8, n_symbols=5)),
    ],
)
def test_a_spec_and_its_task_convert_to_each_other(spec, task):
    assert task_from_spec(spec) == task
    assert task_from_spec(task.spec) == task


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("additon:2", "there is no task 'additon'; did you mean 'addition'?"),
        ("xyz", "there is no task 'xyz'; choose one of addition, sort"),
        ("", "there is no task ''; choose one of addition, sort"),
        ("addition:", "task='addition:' is invalid; write addition:N_DIGITS with numbers"),
        ("addition:-1", "task='addition:-1' is invalid"),
        ("addition:two", "task='addition:two' is invalid"),
        ("addition:²", "task='addition:²' is invalid"),
        ("addition:2:3", "task='addition:2:3' is invalid"),
        ("sort:6:3:1", "task='sort:6:3:1' is invalid; write sort:LENGTH:N_SYMBOLS with"),
        ("sort:" + 5000 * "9", "task='sort:999"),
        ("addition:0", "addition cannot have 0-digit numbers; choose 1 to 9"),
        ("addition:10", "addition cannot have 10-digit numbers; choose 1 to 9"),
        ("sort:0", "sort cannot have 0 symbols; choose 1 to 62"),
        ("sort:63:2", "sort cannot have 63 symbols; choose 1 to 62"),
        ("sort:6:1", "sort cannot have 1 different symbols; choose 2 to 36"),
        ("sort:6:37", "sort cannot have 37 different symbols; choose 2 to 36"),
        ("sort:4:3", "task='sort:4:3' has only 81 different problems, too few to hold out some"),
        ("sort:40:3", "task='sort:40:3' has too many different problems; make it smaller"),
    ],
)
def test_an_invalid_spec_is_refused_with_advice(spec, message):
    with pytest.raises(UserError) as caught:
        task_from_spec(spec)
    assert str(caught.value).startswith(message)
