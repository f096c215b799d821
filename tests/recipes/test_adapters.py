"""Runs that train low-rank adapters: every method learns, resumes bit for bit, and saves little."""

import json
import shutil

import numpy as np
import pytest

from scratchgpt.chat.actor_critic import ActorCritic
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTClassifier, GPTReward, load_pretrained
from scratchgpt.models.families import form_of
from scratchgpt.models.lora_files import is_adapter
from scratchgpt.models.tensor_file import TensorFile
from scratchgpt.recipes import configure, evaluate, read_run, start, train
from scratchgpt.recipes.model_folder import load_model
from scratchgpt.recipes.next_step import step_to_explore

LORA = {"lora_rank": 4, "lora_alpha": 16, "lora_dropout": 0.1}


@pytest.fixture(scope="session")
def text_run(tmp_path_factory):
    """The folder of a language model of a text without markers."""
    folder = tmp_path_factory.mktemp("text")
    words = ["amber!", "birch!", "cedar!", "delta!", "say", "1:", "2:", "3:"]
    rng = np.random.default_rng(0)
    (folder / "text.txt").write_text(" ".join(rng.choice(words, 4000)))
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": 32, "block_size": 40}
    training = {"steps": 60, "lr": 1e-2, "eval_interval": 0}
    settings = {"tokenizer": "bpe:280", "model": sizes, "training": training}
    train(configure(corpus=str(folder / "text.txt"), **settings), folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def labels_file(tmp_path_factory):
    """A table of texts whose label is their word."""
    path = tmp_path_factory.mktemp("labels") / "labels.tsv"
    words = ["amber", "birch"]
    rows = [f"{i}: say {words[i % 2]}!\t{words[i % 2]}\n" for i in range(80)]
    path.write_text("text\tlabel\n" + "".join(rows))
    return path


def settings_of(method, request):
    """Return the settings of a short run."""
    every = {"eval_interval": 6, "checkpoint_interval": 6}
    word = "preferences_file" if method in ("dpo", "reward") else "conversations_file"
    corpus, init = [str(request.getfixturevalue(word))], str(request.getfixturevalue("sft_run"))
    match method:
        case "train":
            init = request.getfixturevalue("text_run")
            corpus, init = [str(init.parent / "text.txt")], str(init)
            return {"corpus": corpus, "init": init, "training": {"steps": 12, **every}}
        case "finetune":
            init, corpus = (
                request.getfixturevalue("text_run"),
                request.getfixturevalue("labels_file"),
            )
            training = {"steps": 12, "lr": 1e-2, "batch_size": 8, **every}
            task = {"task": "classification", "corpus": [str(corpus)]}
            return {**task, "init": str(init), "training": training}
        case "grpo" | "ppo":
            init = str(request.getfixturevalue("sort_run"))
            chosen = {"n_prompts": 16, "beta": 0.01}
            if method == "ppo":
                chosen |= {"value": "separate"}
            task = {"task": method, "corpus": ["sort:3:8"], "init": init, "method": chosen}
            return {**task, "training": {"steps": 12, "lr": 3e-3, **every}}
    return {
        "task": method,
        "corpus": corpus,
        "init": init,
        "training": {"steps": 12, "lr": 5e-3, **every},
    }


@pytest.mark.parametrize("method", ["train", "sft", "finetune", "reward", "dpo", "grpo", "ppo"])
def test_a_run_learns_and_a_resumed_one_equals_it(method, request, tmp_path):
    given = {**settings_of(method, request), **LORA}
    if method in ("grpo", "ppo"):
        del given["lora_dropout"]
    run = configure(**given)
    whole = start(run, tmp_path / "whole")
    base = whole.model.lora.base.values.copy()
    before = {name: value.copy() for name, value in whole.model.arrays().items()}
    whole.train()
    np.testing.assert_array_equal(whole.model.lora.base.values, base)
    moved = [n for n, value in whole.model.arrays().items() if (value != before[n]).any()]
    assert moved == list(before), "every adapter and head is trained"

    part = start(run, tmp_path / "part")

    def stop_at_7(trainer, record):
        if record.step == 7:
            raise KeyboardInterrupt

    part.trainer.on("step", stop_at_7)
    with pytest.raises(KeyboardInterrupt):
        part.train()
    train(read_run(tmp_path / "part"), tmp_path / "part", resume=True)
    names = ["adapter_model.safetensors", "added.safetensors", "training_state.safetensors"]
    for name in names:
        one, other = (tmp_path / folder / "last" / name for folder in ("whole", "part"))
        assert one.read_bytes() == other.read_bytes(), name

    loaded = load_pretrained(tmp_path / "whole" / "last")
    assert loaded.lora is None
    kinds = {"finetune": GPTClassifier, "reward": GPTReward}
    assert type(loaded) is kinds.get(method, GPT)
    tokens = np.arange(6)[None]
    outputs = {
        GPTClassifier: lambda model: model.forward(tokens[None], np.array([[6]]))[0].logits,
        GPTReward: lambda model: model.forward(tokens, np.array([6]))[0],
        GPT: lambda model: model.forward(tokens)[0],
    }[type(loaded)]
    np.testing.assert_allclose(outputs(loaded), outputs(whole.model), rtol=1e-4, atol=1e-5)
    evaluate(tmp_path / "whole")


def test_a_policy_with_a_value_network_adapts_both(request, tmp_path):
    given = settings_of("ppo", request)
    training = start(configure(**given, lora_rank=4), tmp_path / "run")
    model = training.model
    assert isinstance(model, ActorCritic)
    assert any(name.startswith("critic.transformer") for name in model.value_arrays())
    assert all(".lora_" in name for name in model.arrays())
    reference = training.trainer.objective.reference
    assert np.shares_memory(reference.store.values, model.lora.base.values)
    assert "reference" not in training.trainer.objective.state()


def test_the_checkpoint_of_a_run_is_small(sft_run, conversations_file, tmp_path):
    settings = {"task": "sft", "corpus": [str(conversations_file)], "init": str(sft_run)}
    train(
        configure(**settings, lora_rank=1, lora_targets="c_attn", training={"steps": 1}),
        tmp_path / "r",
    )
    names = {path.name for path in (tmp_path / "r" / "last").iterdir()}
    assert "model.safetensors" not in names
    assert is_adapter(tmp_path / "r" / "last")
    sizes = [path.stat().st_size for path in (tmp_path / "r" / "last").glob("*.safetensors")]
    assert sum(sizes) < (sft_run / "last" / "model.safetensors").stat().st_size / 20
    model, _ = load_model(tmp_path / "r")
    assert isinstance(model, GPT)
    assert model.lora is None


def test_rows_of_new_tokens_are_saved_with_the_adapters(text_run, conversations_file, tmp_path):
    settings = {"task": "sft", "corpus": [str(conversations_file)], "init": str(text_run)}
    training = start(configure(**settings, lora_rank=2, training={"steps": 2}), tmp_path / "run")
    training.train()
    table, old = training.model.transformer.wte.weight.value, load_pretrained(text_run)
    assert len(table) > old.config.vocab_size
    loaded = load_pretrained(tmp_path / "run")
    np.testing.assert_array_equal(loaded.transformer.wte.weight.value, table)


def test_a_run_with_adapters_may_start_from_another_one(sft_run, request, tmp_path):
    first = configure(**settings_of("sft", request), lora_rank=2)
    train(first, tmp_path / "first")
    second = {**settings_of("dpo", request), "init": str(tmp_path / "first")}
    training = start(configure(**second, lora_rank=3), tmp_path / "second")
    merged, start_model = load_pretrained(tmp_path / "first"), training.model
    tokens = np.arange(6)[None]
    np.testing.assert_array_equal(start_model.forward(tokens)[0], merged.forward(tokens)[0])
    training.train()
    assert load_pretrained(tmp_path / "second").config.vocab_size == merged.config.vocab_size


def test_the_parts_of_the_maps_of_a_llama_are_adapted(text_run, tmp_path):
    corpus = str(text_run.parent / "text.txt")
    sizes = {"n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 16, "n_inner": 24}
    model = {**form_of("llama"), **sizes, "block_size": 40}
    short = {"steps": 4, "batch_size": 4, "eval_interval": 2}
    run = configure(corpus=corpus, tokenizer="bpe:280", model=model, training=short)
    train(run, tmp_path / "base")
    given = {"corpus": corpus, "init": str(tmp_path / "base"), "model": {"block_size": 12}}
    lora = {"lora_rank": 2, "lora_targets": "q_proj,v_proj,down_proj"}
    training = start(configure(**given, **lora, training=short), tmp_path / "run")
    assert training.model.config.block_size == 12
    training.train()
    file = TensorFile(tmp_path / "run" / "last" / "adapter_model.safetensors")
    layer = "base_model.model.model.layers.1"
    for name in ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"):
        assert file.tensors[f"{layer}.{name}.lora_A.weight"].shape[0] == 2
    assert len(file.tensors) == 2 * 2 * 3
    tokens = np.arange(6)[None]
    loaded, apart = load_pretrained(tmp_path / "run" / "last"), training.model
    np.testing.assert_allclose(
        loaded.forward(tokens)[0], apart.forward(tokens)[0], rtol=1e-4, atol=1e-5
    )


def test_an_adapter_is_refused_if_its_base_changed_or_is_gone(sft_run, request, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(sft_run / "last", base)
    settings = {**settings_of("sft", request), "init": str(base)}
    train(configure(**settings, lora_rank=2), tmp_path / "run")
    config = json.loads((tmp_path / "run" / "last" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)
    model = load_pretrained(base)
    model.store.values[0] += 1
    model.save_pretrained(base)
    with pytest.raises(UserError, match=r"changed since the adapters in .* were trained on it"):
        load_pretrained(tmp_path / "run")
    with pytest.raises(UserError, match="started with model setting lora_base="):
        train(read_run(tmp_path / "run"), tmp_path / "run", resume=True)
    shutil.rmtree(base)
    with pytest.raises(UserError, match=r"adapters of the model in .*, and there is no such"):
        load_pretrained(tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lora_rank": 4, "init": None}, "lora_rank=4: adapters are trained on an existing model"),
        ({"lora_rank": -1}, "lora_rank=-1 must be a whole number, 0 or more"),
        ({"lora_alpha": 4.0}, "lora_alpha=4.0 has no effect without lora_rank"),
        ({"lora_targets": "c_attn"}, "lora_targets='c_attn' has no effect without lora_rank"),
        ({"lora_rank": 4, "lora_dropout": 1}, "lora_dropout=1 must be less than 1"),
        ({"lora_rank": 4, "lora_alpha": 0}, "lora_alpha=0 must be positive"),
        ({"lora_rank": 4, "lora_targets": ","}, "lora_targets=',' names no linear map"),
        ({"lora_rank": 4, "task": "contrastive"}, "trains all parameters of its model"),
        ({"lora_rank": 4, "training": {"optimizer": "muon"}}, "'muon' moves .* use .*'adamw'"),
    ],
    ids=range(9),
)
def test_settings_that_do_not_fit_are_refused(sft_run, conversations_file, changes, message):
    given = {"task": "sft", "corpus": [str(conversations_file)], "init": str(sft_run), **changes}
    with pytest.raises(UserError, match=message):
        configure(**given)


def test_the_explorer_refuses_a_step_that_trains_adapters(request, tmp_path):
    train(configure(**settings_of("sft", request), lora_rank=2), tmp_path / "run")
    with pytest.raises(UserError, match="trains adapters, and only steps that train a whole model"):
        step_to_explore(tmp_path / "run")


def test_a_run_whose_init_is_gone_names_the_run(request, tmp_path):
    settings = settings_of("sft", request)
    copy = tmp_path / "base"
    shutil.copytree(settings["init"], copy)
    train(configure(**{**settings, "init": str(copy)}, lora_rank=2), tmp_path / "run")
    shutil.rmtree(copy)
    with pytest.raises(UserError, match=rf"the run in {tmp_path / 'run'} needs its init: .*{copy}"):
        read_run(tmp_path / "run")


def test_a_target_that_does_not_exist_is_refused(request, tmp_path):
    run = configure(**settings_of("sft", request), lora_rank=2, lora_targets="q_proj")
    with pytest.raises(UserError, match=r"'q_proj' is not a linear map .* c_attn, c_proj, c_fc"):
        start(run, tmp_path / "run")


def test_another_rank_is_refused_on_resume(request, tmp_path):
    run = configure(**settings_of("sft", request), lora_rank=2)
    train(run, tmp_path / "run")
    again = configure(read_run(tmp_path / "run"), lora_rank=3)
    with pytest.raises(UserError, match="setting lora_rank=2, not 3"):
        start(again, tmp_path / "run", resume=True)
