"""Resolve settings to a run: defaults, a file, options, and errors."""

import tomllib

import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPTConfig, TransformerConfig, load_pretrained
from scratchgpt.recipes import RunConfig, configure, read_run
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.resolve import Layer, read_run_config, resolve
from scratchgpt.recipes.run_file import write_run_config


def read(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return read_run_config(path)


def test_a_file_overrides_the_defaults_and_options_override_the_file(tmp_path):
    run = read(
        tmp_path, 'corpus = "a.txt"\n[model]\nn_layer = 2\n[training]\nlr = 0.5\nsteps = 9\n'
    )
    assert run.corpus == ("a.txt",)
    run = configure(run, model={"n_head": 2}, training={"lr": 0.25})
    assert run.model == {"n_layer": 2, "n_head": 2}
    assert (run.training.lr, run.training.steps) == (0.25, 9)
    assert run.training.beta1 == RunConfig().training.beta1


def test_the_later_layer_wins():
    file = Layer({"corpus": "a.txt", "training": {"lr": 0.5, "steps": 9}}, "run.toml")
    options = Layer({"corpus": ["b.txt"], "training": {"lr": 0.25}}, "the options")
    run = resolve([file, options])
    assert (run.corpus, run.training.lr, run.training.steps) == (("b.txt",), 0.25, 9)


def test_the_written_configuration_gives_the_same_run(tmp_path):
    run = RunConfig(corpus=("a", "b"), model={"dropout": 0.1}, tokenizer="bpe:300")
    config = run.model_config(GPTConfig, vocab_size=300)
    write_run_config(run, config, tmp_path / "config.toml")
    again = read_run(tmp_path)
    assert again.corpus == run.corpus
    assert again.training == run.training
    assert again.model_config(GPTConfig, vocab_size=300) == config
    assert "task" not in tomllib.loads((tmp_path / "config.toml").read_text())


def test_a_path_that_is_not_utf8_is_refused_because_toml_cannot_hold_it(tmp_path):
    run = RunConfig(corpus=("a.txt", "caf\udce9.txt"))
    config = run.model_config(GPTConfig, vocab_size=30)
    with pytest.raises(UserError, match=r"config\.toml: .*caf\\udce9.* not UTF-8; rename"):
        write_run_config(run, config, tmp_path / "config.toml")
    assert list(tmp_path.iterdir()) == []


def test_the_written_configuration_can_be_used_for_other_text(tmp_path):
    run = RunConfig(corpus=("a.txt",))
    write_run_config(run, run.model_config(GPTConfig, vocab_size=30), tmp_path / "config.toml")
    other = configure(read_run(tmp_path), corpus=["b.txt"])
    assert other.model_config(GPTConfig, vocab_size=77).vocab_size == 77


def test_a_task_replaces_a_corpus_and_a_corpus_a_task():
    run = configure(RunConfig(corpus=("a.txt",)), task="sort")
    assert (run.task, run.corpus) == ("sort", ())
    run = configure(run, corpus=["b.txt"])
    assert (run.task, run.corpus) == (None, ("b.txt",))
    with pytest.raises(UserError, match="task='sort' generates its data"):
        configure(run, task="sort", corpus=["b.txt"])


def test_translation_keeps_its_corpus_and_takes_another():
    run = configure(task="translation", corpus="multi30k")
    assert run.training.schedule == "inverse_sqrt"
    assert configure(run, training={"steps": 7}).corpus == ("multi30k",)
    run = configure(run, corpus=["a.de", "a.en"])
    assert (run.task, run.corpus) == ("translation", ("a.de", "a.en"))


def test_each_task_starts_from_its_recipe():
    assert configure(corpus="a.txt") == RunConfig(corpus=("a.txt",))
    assert configure(task="addition:3") == RunConfig(task="addition:3")
    sentences = configure(task="translation", corpus="multi30k")
    dates = configure(task="translation", corpus="dates")
    assert (sentences.tokenizer, sentences.preset) == ("bpe:8000", "transformer-small")
    assert (dates.tokenizer, dates.preset) == ("characters", "transformer-tiny")
    assert (sentences.training.lr, dates.training.lr) == (2e-3, 3e-3)
    assert sentences.training.average == dates.training.average == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corpsu = 'a'", "unknown setting 'corpsu' in .*run.toml; did you mean 'corpus'"),
        (
            "[model]\nn_layers = 2",
            "model setting 'n_layers' in .*run.toml; did you mean 'n_layer'",
        ),
        (
            "[training]\nstep = 2",
            "training setting 'step' in .*run.toml; did you mean 'steps'",
        ),
        ("steps = 2", r"unknown setting 'steps' in .*run.toml; it belongs in \[training\]"),
        ("[training]\nn_layer = 2", r"unknown training setting .* it belongs in \[model\]"),
        ("[model]\npreset = 'char'", "unknown model setting .* it belongs above the sections"),
        ("model = 3", r"model in .*run.toml must be a section, \[model\]"),
        ("preset = 'gtp2'", "unknown preset 'gtp2'; did you mean 'gpt2'"),
        ("val_fraction = 1.5", "val_fraction=1.5 must be between 0 and 1"),
        ("val_fraction = 'all'", "val_fraction='all' must be between 0 and 1"),
        ("corpus = 5", r"corpus=\[5\] must be a string or a list of strings"),
        ("corpus = ['a.txt', 5]", "must be a string or a list of strings"),
        ("tokenizer = 300", "tokenizer=300 must be a string"),
        ("preset = 2", "preset=2 must be a string"),
        ("task = 2", "task=2 must be a string"),
        ("task = ['sort']\ncorpus = 'a.txt'", "task=.'sort'. must be a string"),
        ("task = 'translation:2'\ncorpus = 'dates'", "there is no task 'translation:2'"),
        ("task = 'translation'", "no sentence pairs to train on; name two files"),
        ("task = 'translation'\ncorpus = 'dates'\ninit = 'a'", "there is no model or run in a"),
        ("[model]\nn_embd = 100\nn_head = 12", "n_embd=100 is not divisible by n_head=12"),
        ("steps = = 3", "is not a TOML file"),
    ],
)
def test_invalid_settings_are_refused_by_name(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, text)


def test_an_unknown_setting_in_python_is_refused():
    with pytest.raises(UserError, match="unknown setting 'steps' in the settings"):
        configure(corpus="a.txt", steps=3)


def test_an_empty_file_of_a_run_is_named(tmp_path):
    (tmp_path / "config.toml").touch()
    with pytest.raises(UserError, match=r"config\.toml is empty; restore it"):
        read_run(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*absent\.toml"):
        read_run_config(tmp_path / "absent.toml")


def test_the_vocabulary_is_that_of_the_tokenizer():
    assert RunConfig().model_config(GPTConfig, vocab_size=77).vocab_size == 77
    with pytest.raises(UserError, match="vocab_size=80 does not equal the tokenizer's 77"):
        RunConfig(model={"vocab_size": 80}).model_config(GPTConfig, vocab_size=77)


WITHOUT_EFFECT = [
    ({"corpus": "a.txt"}, "training", {"tokens_per_batch": 99}),
    ({"task": "sort"}, "training", {"tokens_per_batch": 99}),
    ({"task": "sort"}, None, {"tokenizer": "bytes"}),
    ({"task": "addition"}, None, {"val_fraction": 0.2}),
    ({"task": "translation", "corpus": "dates"}, "training", {"batch_size": 99}),
    ({"task": "translation", "corpus": "dates"}, None, {"tokenizer": "bpe:300"}),
    ({"task": "translation", "corpus": "dates"}, None, {"val_fraction": 0.2}),
    ({"task": "translation", "corpus": "multi30k:en-de"}, None, {"val_fraction": 0.2}),
    ({"task": "translation", "corpus": "multi30k"}, "training", {"min_lr": 1e-5}),
    ({"corpus": "a.txt", "training": {"schedule": "constant"}}, "training", {"min_lr": 1e-5}),
]


@pytest.mark.parametrize(("data", "section", "setting"), WITHOUT_EFFECT)
def test_a_setting_without_effect_is_refused(data, section, setting):
    [(name, value)] = setting.items()
    given = {section: {**data.get(section, {}), **setting}} if section else setting
    with pytest.raises(UserError, match=f"{name}={value!r} has no effect"):
        configure(**{**data, **given})
    with pytest.raises(UserError, match=f"{name}={value!r} has no effect"):
        configure(configure(**data), **({section: setting} if section else setting))


@pytest.mark.parametrize(("data", "section", "setting"), WITHOUT_EFFECT)
def test_a_run_of_an_older_version_with_such_a_setting_can_be_read(
    tmp_path, data, section, setting
):
    run = configure(**data)
    kind = TransformerConfig if run.task == "translation" else GPTConfig
    write_run_config(run, run.model_config(kind), tmp_path / "config.toml")
    text = (tmp_path / "config.toml").read_text()
    [(name, value)] = setting.items()
    kept = [line for line in text.splitlines() if not line.startswith(f"{name} =")]
    place = kept.index("[training]") + 1 if section else 1
    kept.insert(place, f"{name} = {value!r}")
    (tmp_path / "config.toml").write_text("\n".join(kept))
    again = read_run(tmp_path)
    assert again.training.steps == run.training.steps
    assert configure(again, training={"steps": 9000}).training.steps == 9000


def test_a_later_layer_may_give_a_setting_its_effect():
    file = Layer(
        {"corpus": "a.txt", "training": {"min_lr": 1e-5, "warmup_steps": 3000}}, "run.toml"
    )
    start = Layer({"training": {"schedule": "inverse_sqrt"}}, "other.toml")
    options = Layer({"training": {"schedule": "cosine", "steps": 4000}}, "the options")
    training = resolve([start, file, options]).training
    assert (training.min_lr, training.warmup_steps, training.schedule) == (1e-5, 3000, "cosine")


@pytest.mark.parametrize("task", ["grpo", "ppo"])
@pytest.mark.parametrize("schedule", ["linear", "constant"])
def test_another_schedule_overrides_the_final_rate_of_the_recipe(
    task, schedule, sort_run, tmp_path
):
    settings = {"task": task, "corpus": "sort:3:8", "init": str(sort_run)}
    assert configure(**settings).training.min_lr == 0
    run = configure(**settings, training={"schedule": schedule})
    assert (run.training.schedule, run.training.min_lr) == (schedule, None)
    write_run_config(run, load_pretrained(find_model(sort_run)).config, tmp_path / "config.toml")
    assert read_run(tmp_path).training == run.training
    with pytest.raises(UserError, match=f"min_lr=0.001 has no effect with schedule='{schedule}'"):
        configure(**settings, training={"schedule": schedule, "min_lr": 1e-3, "lr": 1e-2})


def test_options_that_another_optimizer_or_schedule_does_not_have_are_dropped():
    file = {"optimizer": "muon", "muon_lr": 0.05, "muon_momentum": 0.9}
    file |= {"schedule": "wsd", "decay_steps": 0.3, "min_lr": 1e-5}
    base = Layer({"corpus": "a.txt", "training": file}, "run.toml")
    training = resolve([base]).training
    assert (training.optimizer, training.muon_lr, training.decay_steps) == ("muon", 0.05, 0.3)
    options = Layer({"training": {"optimizer": "adamw", "schedule": "cosine"}}, "the options")
    training = resolve([base, options]).training
    assert (training.optimizer, training.muon_lr, training.muon_momentum) == ("adamw", None, 0.95)
    assert (training.schedule, training.decay_steps, training.min_lr) == ("cosine", None, 1e-5)
    options = Layer({"training": {"optimizer": "adamw", "muon_lr": 0.1}}, "the options")
    with pytest.raises(UserError, match=r"muon_lr=0\.1 has no effect with optimizer='adamw'"):
        resolve([base, options])
