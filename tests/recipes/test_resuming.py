import pytest

from scratchgpt.errors import UserError
from scratchgpt.recipes import configure, read_run, start, train
from scratchgpt.recipes.resolve import Layer, resolve

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 32}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "gpt-nano"}, "with preset='char', not with preset='gpt-nano'"),
        ({"task": "addition:1"}, "with task='sort:3:8', not with task='addition:1'"),
        ({"task": None, "corpus": ["dates"]}, "with task='sort:3:8', not with task=None"),
    ],
)
def test_what_no_checkpoint_holds_is_compared_with_the_file(sort_run, changes, message):
    before = (sort_run / "config.toml").read_text()
    settings = {"task": "sort:3:8", "model": SIZES, "training": read_run(sort_run).training}
    settings["training"] = settings["training"].as_dict()
    with pytest.raises(UserError) as error:
        start(configure(**{**settings, **changes}), sort_run, resume=True)
    assert message in str(error.value)
    assert (sort_run / "config.toml").read_text() == before
    start(configure(**settings), sort_run, resume=True).trainer.close()


def test_a_run_is_not_resumed_by_the_command_of_another_task(sort_run, sft_run):
    with pytest.raises(UserError, match=r"task='sort:3:8', not .*'sft'; .*scratchgpt train --out"):
        resolve([Layer({"task": "sft"}, "the options")], resumed=sort_run)
    assert resolve([Layer({"task": "sft"}, "the options")], resumed=sft_run) == read_run(sft_run)


def test_the_model_at_the_start_stays(sft_settings, sft_run, sort_run, tmp_path):
    with pytest.raises(UserError, match="was started without init, not with init="):
        resolve([Layer({"init": str(sort_run)}, "the options")], resumed=sft_run)
    training = {**sft_settings["training"], "steps": 2}
    run = configure(**{**sft_settings, "training": training, "init": str(sft_run), "model": {}})
    train(run, tmp_path / "run")
    for same in (run, read_run(tmp_path / "run")):
        start(same, tmp_path / "run", resume=True).trainer.close()
    with pytest.raises(UserError, match=rf"with init='{sft_run}', not with init="):
        start(configure(run, init=str(sft_run / "last")), tmp_path / "run", resume=True)
