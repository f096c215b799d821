"""The options of ``scratchgpt train``, which are generated from the configurations."""

import re
from dataclasses import dataclass, fields

import pytest
from typer.main import get_command

from scratchgpt.cli.app import app
from scratchgpt.cli.options import (
    FILE_ONLY,
    SECTIONS,
    by_section,
    described_fields,
    first_sentence,
    settings,
)
from scratchgpt.recipes import RunConfig, find_recipe
from scratchgpt.training import TrainConfig

# Name, type and flags of every option.
OPTIONS = """
out path --out
config path --config
resume bool --resume
as_json bool --json
threads int --threads
workers int --workers
shard_optimizer bool --shard-optimizer
task str --task
tokenizer str --tokenizer
val_fraction float --val-fraction
preset str --preset
init str --init
lora_rank int --lora-rank
lora_alpha float --lora-alpha
lora_dropout float --lora-dropout
lora_targets str --lora-targets
lora_rslora bool --lora-rslora/--no-lora-rslora
device str --device
freeze str --freeze
n_layer int --n-layer
n_encoder_layer int --n-encoder-layer
n_decoder_layer int --n-decoder-layer
n_head int --n-head
n_embd int --n-embd
n_inner int --n-inner
block_size int --block-size
dropout float --dropout
bias bool --bias/--no-bias
norm_position str --norm-position
activation str --activation
tied_head bool --tied-head/--untied-head
norm str --norm
positions str --positions
n_kv_head int --n-kv-head
head_dim int --head-dim
qk_norm str --qk-norm
sliding_window int --sliding-window
gated_mlp bool --gated-mlp/--no-gated-mlp
steps int --steps
epochs float --epochs
batch_size int --batch-size
tokens_per_batch int --tokens-per-batch
grad_accum int --grad-accum
lr float --lr
min_lr float --min-lr
schedule str --schedule
warmup_steps int --warmup-steps
weight_decay float --weight-decay
beta1 float --beta1
beta2 float --beta2
grad_clip float --grad-clip
label_smoothing float --label-smoothing
average int --average
recompute bool --recompute/--no-recompute
precision str --precision
seed int --seed
eval_interval int --eval-interval
best str --best
best_mode str --best-mode
eval_batches int --eval-batches
sample_interval int --sample-interval
checkpoint_interval int --checkpoint-interval
log_interval int --log-interval
"""
TABLE = [line.split() for line in OPTIONS.strip().splitlines()]
VALUES = {"int": ("3", 3), "float": ("3", 3.0), "str": ("3", "3")}


@pytest.fixture(scope="module")
def train():
    return get_command(app).commands["train"]


def parse(train, *arguments):
    return train.make_context("train", list(arguments)).params


def test_there_are_these_options_and_no_others(train):
    found = {
        (p.name, "/".join([*p.opts, *p.secondary_opts]))
        for p in train.params
        if p.param_type_name == "option" and p.name != "help"
    }
    assert found == {(name, declaration) for name, _, declaration in TABLE}


@pytest.mark.parametrize(("name", "kind", "declaration"), TABLE, ids=lambda word: word)
def test_the_type_and_the_flags_of_an_option_do_not_change(train, name, kind, declaration):
    on, *off = declaration.split("/")
    if kind == "bool":
        assert parse(train, on)[name] is True
        assert all(parse(train, flag)[name] is False for flag in off)
    elif kind == "path":
        assert str(parse(train, on, "a/b")[name]) == "a/b"
    else:
        word, value = VALUES[kind]
        assert parse(train, on, word)[name] == value
        assert type(parse(train, on, word)[name]) is type(value)


def test_an_option_that_is_left_out_overrides_nothing(train):
    params = parse(train)
    assert all(params.get(name) is None for name in settings())
    assert by_section(params) == {"model": {}, "training": {}}


def test_the_options_of_an_encoder_are_those_of_contrastive():
    command = get_command(app).commands["contrastive"]
    arguments = ["--dims", "8", "--dims", "4", "--pooling", "last", "--lr", "0.5"]
    params = command.make_context("contrastive", arguments).params
    given = by_section(params)
    assert given == {"model": {"pooling": "last", "dims": [8, 4]}, "training": {"lr": 0.5}}
    params = command.make_context("contrastive", []).params
    assert by_section(params) == {"model": {}, "training": {}}
    assert not {"task", "grad_accum", "label_smoothing"} & set(params)


def test_the_options_of_a_classifier_are_those_of_finetune():
    command = get_command(app).commands["finetune"]
    arguments = ["--columns", "a", "--columns", "b", "--label-column", "y", "--lm-weight", "0"]
    params = command.make_context("finetune", arguments).params
    given = by_section(params)
    assert given["model"] == {"columns": ["a", "b"], "label_column": "y", "lm_weight": 0.0}
    assert not {"dims", "pooling", "label_smoothing"} & set(params)


@pytest.mark.parametrize("verb", ["contrastive", "finetune", "sft", "reward", "dpo"])
def test_the_help_of_a_verb_shows_the_defaults_of_its_recipe(verb):
    own = find_recipe("classification" if verb == "finetune" else verb).defaults(())
    sections = [own.get(section, {}) for section in ("model", "method", "training")]
    expected = vars(RunConfig()) | vars(TrainConfig()) | own
    for section in sections:
        expected |= section
    command = get_command(app).commands[verb]
    shown = {p.name: re.search(r" \[default: (.*)\]$", p.help) for p in command.params if p.help}
    for name, found in shown.items():
        if found and name in expected:
            assert found[1] == str(expected[name]), name
    n_differing = sum(
        found[1] != str(setting.default)
        for name, setting in settings().items()
        if (found := shown.get(name))
    )
    assert n_differing >= 4
    assert not ({"steps", "epochs"} <= {name for name, found in shown.items() if found})
    assert not re.search("other defaults", command.help, re.IGNORECASE)


def test_options_go_to_their_sections():
    given = {"task": "sort", "n_embd": 8, "n_decoder_layer": 2, "lr": 0.0, "bias": False}
    assert by_section({**dict.fromkeys(settings()), **given}) == {
        "task": "sort",
        "model": {"n_embd": 8, "n_decoder_layer": 2, "bias": False},
        "training": {"lr": 0.0},
    }


def test_every_field_is_an_option_or_listed_as_file_only():
    names = {field.name for _, kind in SECTIONS for field in fields(kind)}
    assert names == set(settings()) | FILE_ONLY


@pytest.mark.parametrize("name", settings())
def test_every_option_has_a_help_of_one_sentence(name):
    text = settings()[name].help
    assert text.endswith(".")
    assert len(text) > 15
    assert not set(text) & {"`", "\n"}


def test_the_help_shows_the_default_of_the_field(scratchgpt):
    shown = " ".join(scratchgpt("train", "--help").stdout.split())
    assert "--lr <float>" in shown or "--lr FLOAT" in shown
    assert "Peak learning rate. [default: 0.001]" in shown
    assert "[default: characters]" in shown


def test_fields_are_described_by_the_docstring():
    @dataclass
    class Thing:
        """A thing.

        It is for this test.

        Parameters
        ----------
        a, b : int
            The first ones. With more,

            in two paragraphs.
        c : {"x", "y"}, optional
            One of
            ``x`` and y.
        d : int

        Raises
        ------
        ValueError
            Never.
        """

    assert described_fields(Thing) == {
        "a": "The first ones. With more, in two paragraphs.",
        "b": "The first ones. With more, in two paragraphs.",
        "c": "One of ``x`` and y.",
        "d": "",
    }
    assert first_sentence("One of ``x`` and 0.5 y. More.") == "One of x and 0.5 y."
