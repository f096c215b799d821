import pytest

from scratchgpt.checkpoints import AVERAGE, BEST, LAST, find_checkpoint, run_model
from scratchgpt.errors import UserError


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ([LAST], LAST),
        ([LAST, BEST], BEST),
        ([LAST, BEST, AVERAGE], AVERAGE),
        ([LAST, f"{BEST}.previous"], f"{BEST}.previous"),
        (["other"], None),
        ([], None),
    ],
)
def test_the_model_of_a_run_is_its_average_or_its_best_or_its_last(tmp_path, folders, expected):
    for name in folders:
        (tmp_path / name).mkdir()
    assert run_model(tmp_path) == (tmp_path / expected if expected else None)


def test_a_checkpoint_that_a_run_does_not_have_is_refused(tmp_path):
    with pytest.raises(UserError, match="has no 'best' checkpoint"):
        find_checkpoint(tmp_path, BEST)
    (tmp_path / LAST).mkdir()
    assert find_checkpoint(tmp_path) == tmp_path / LAST
    with pytest.raises(UserError, match="has no average of checkpoints"):
        find_checkpoint(tmp_path, AVERAGE)
