import numpy as np
import pytest

from scratchgpt.chat import Message, Preferences, Renderer
from scratchgpt.errors import UserError
from scratchgpt.models import GPTReward, load_pretrained
from scratchgpt.recipes import configure, evaluate, read_run, start, train
from scratchgpt.recipes.preferences import words_accuracy
from scratchgpt.recipes.reward import REWARD, score_answers
from scratchgpt.text import load_tokenizer

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 32}


@pytest.fixture(scope="session")
def reward_settings():
    return {
        "task": "reward",
        "corpus": ["synthetic"],
        "tokenizer": "bpe:400",
        "model": SIZES,
        "training": {"steps": 80, "lr": 3e-3, "eval_interval": 20, "checkpoint_interval": 20},
    }


@pytest.fixture(scope="session")
def reward_run(reward_settings, tmp_path_factory):
    out = tmp_path_factory.mktemp("reward") / "run"
    train(configure(**reward_settings), out)
    return out


def test_a_reward_model_is_within_a_point_of_the_best_possible(reward_run):
    result = evaluate(reward_run)
    assert result.n_prompts == 600
    assert result.bayes - result.measures["accuracy"] < 0.01
    assert abs(result.longer - 0.5) < 0.05
    assert "best possible        " in str(result)
    assert result.as_dict()["bayes"] == result.bayes
    assert 0.5 < result.by_words < result.bayes + 0.02
    assert f"words of the answers {result.by_words:.2%}" in str(result)


def test_words_predict_preferences_that_depend_on_a_word():
    def one(better: str, worse: str) -> Preferences:
        return Preferences([Message("user", "Say something")], [better, worse], [(0, 1)])

    train = [one("a kind word", "a rude word"), one("kind", "rude"), one("fine", "fine ?")]
    assert words_accuracy(train, [one("so kind", "so rude"), one("rude", "kind")]) == 0.5
    assert words_accuracy(train, [one("new", "unseen"), one("kind", "unseen")]) == 0.75


def test_the_answers_are_scored(reward_run):
    model = load_pretrained(reward_run / "best")
    assert isinstance(model, GPTReward)
    renderer = Renderer(load_tokenizer(reward_run / "best"))
    one = Preferences([Message("user", "List 7")], ["amber", "amber birch"], [])
    scores = score_answers(model, renderer, one)
    row = np.append(renderer.prompt(one.prompt).tokens, renderer.answer("amber birch"))
    alone = model.forward(row[None], np.array([len(row)]))[0][0]
    assert scores[1] == pytest.approx(alone, rel=1e-4)


def test_a_resumed_run_equals_an_uninterrupted_one(reward_settings, preferences_file, tmp_path):
    training = {
        **reward_settings["training"],
        "steps": 4,
        "eval_interval": 0,
        "checkpoint_interval": 2,
    }
    changes = {"corpus": [str(preferences_file)], "method": {"centering": 0.01}}
    run = configure(**{**reward_settings, **changes, "training": training})
    train(run, tmp_path / "whole")
    training = start(run, tmp_path / "run")

    def stop_at_3(trainer, record):
        if record.step == 3:
            raise KeyboardInterrupt

    training.trainer.on("step", stop_at_3)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    resumed = read_run(tmp_path / "run")
    assert resumed.method == {"centering": 0.01}
    train(resumed, tmp_path / "run", resume=True)
    models = [load_pretrained(tmp_path / name / "last") for name in ("run", "whole")]
    for name, value in models[1].arrays().items():
        np.testing.assert_array_equal(models[0].arrays()[name], value, err_msg=name)


def test_it_starts_from_a_chat_model_or_a_reward_model(sft_run, reward_run, reward_settings):
    settings = {**reward_settings, "init": str(sft_run), "model": {}}
    del settings["tokenizer"]
    run = configure(**settings)
    data = REWARD.open(run, None)
    model = data.new_model(run)
    chat = load_pretrained(sft_run / "best")
    np.testing.assert_array_equal(
        model.transformer.wte.weight.value, chat.transformer.wte.weight.value
    )
    run = configure(**{**settings, "init": str(reward_run)})
    again = REWARD.open(run, None).new_model(run)
    first = load_pretrained(reward_run / "best")
    np.testing.assert_array_equal(again.score.weight.value, first.score.weight.value)
    assert len(data.sample(model, 3).splitlines()) == 3
    assert 0 <= data.evaluate(model)["accuracy"] <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "there are no preferences"),
        ({"method": {"beta": 0.1}}, "unknown setting 'beta' of the method; the settings are cent"),
        ({"method": {"centering": -1}}, "centering=-1 must be at least 0"),
        ({"method": 3}, "method in the settings must be a section"),
        ({"training": {"label_smoothing": 0.1}}, "no labels to smooth"),
        ({"training": {"batch_size": 3}}, "batch_size=3 has no effect"),
    ],
    ids=range(6),
)
def test_settings_that_do_not_fit_are_refused(reward_settings, changes, message):
    with pytest.raises(UserError, match=message):
        configure(**{**reward_settings, **changes})


def test_other_tasks_have_no_method():
    with pytest.raises(UserError, match="has no settings, so leave out 'beta'"):
        configure(task="sort", method={"beta": 0.1})
