import json
import math

import numpy as np
import pytest

from scratchgpt.chat import FORMATS, Message, Renderer, answer, find_format
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig, load_pretrained, save_pretrained
from scratchgpt.recipes import configure, evaluate, start, train
from scratchgpt.recipes.model_folder import load_model
from scratchgpt.recipes.sft import open_sft, split_conversations
from scratchgpt.text import load_tokenizer


def test_a_model_learns_to_answer_and_to_stop(sft_run):
    model, tokenizer = load_model(sft_run, "last")
    renderer = Renderer(tokenizer)
    assert model.special_ids == renderer.special_ids()
    result = answer(model, renderer, [Message("user", "70: say cedar")], max_new_tokens=8)
    assert (result.text, result.is_complete) == ("cedar!", True)


def test_a_resumed_run_equals_an_uninterrupted_one(sft_settings, sft_run, tmp_path):
    run = configure(**sft_settings)
    training = start(run, tmp_path / "run")

    def stop_at_37(trainer, record):
        if record.step == 37:
            raise KeyboardInterrupt

    training.trainer.on("step", stop_at_37)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    train(run, tmp_path / "run", resume=True)
    resumed, whole = (load_pretrained(folder / "last") for folder in (tmp_path / "run", sft_run))
    for name, value in whole.arrays().items():
        np.testing.assert_array_equal(resumed.arrays()[name], value, err_msg=name)


def test_a_run_starts_from_a_gpt_whose_vocabulary_grows(sft_settings, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("amber birch cedar delta says\n" * 60)
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 48}
    pretraining = configure(
        corpus=[str(text)], tokenizer="bpe:270", model=sizes, training={"steps": 2, "batch_size": 2}
    )
    train(pretraining, tmp_path / "gpt")
    before = load_pretrained(tmp_path / "gpt" / "last")
    settings = {**sft_settings, "init": str(tmp_path / "gpt"), "model": {"block_size": 40}}
    del settings["tokenizer"]
    data = open_sft(run := configure(**settings))
    model = data.new_model(run)
    n = before.config.vocab_size
    assert model.config.vocab_size == data.tokenizer.vocab_size == n + 4
    table = model.transformer.wte.weight.value
    np.testing.assert_array_equal(table[:n], before.transformer.wte.weight.value)
    assert model.config.block_size == 40


def test_the_description_has_the_share_of_counted_tokens(sft_settings):
    data = open_sft(configure(**sft_settings))
    text = data.describe(data.new_model(configure(**sft_settings)))
    assert text.startswith("54 training and 6 validation conversations; ")
    share = round(100 * data.train.n_counted / data.train.n_tokens)
    assert f"{share}% of " in text
    assert "user       " in data.sample(data.new_model(configure(**sft_settings)), 3)


def test_conversations_with_one_question_are_in_one_part(sft_settings, tmp_path):
    roles = '{"messages": [{"role": "user", "content": "%s"}, '
    line = roles + '{"role": "assistant", "content": "%d"}]}\n'
    path = tmp_path / "a.jsonl"
    path.write_text("".join(line % ("ab"[i % 2], i) for i in range(20)))
    parts = split_conversations(configure(**{**sft_settings, "corpus": [str(path)]}))
    questions = [{messages[0].content for messages in part} for part in parts]
    assert sorted(map(len, questions)) == [1, 1]
    assert questions[0] != questions[1]
    path.write_text("".join(line % ("a", i) for i in range(20)))
    with pytest.raises(UserError, match="only conversations with the same first message"):
        split_conversations(configure(**{**sft_settings, "corpus": [str(path)]}))


def test_an_evaluation_is_the_loss_of_the_answers(sft_run, conversations_file):
    held_out = evaluate(sft_run)
    assert held_out.n_conversations == 6
    assert held_out.loss < 0.5
    everything = evaluate(sft_run, str(conversations_file))
    assert everything.n_conversations == 60
    assert "nats per token of the answers" in str(everything)
    assert everything.as_dict()["perplexity"] == pytest.approx(math.exp(everything.loss))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpus": []}, "there are no conversations"),
        ({"tokenizer": "characters"}, "need a bpe tokenizer"),
        ({"model": {"block_size": 4}}, "none of .* fits block_size=4"),
        ({"training": {"batch_size": 3}}, "batch_size=3 has no effect"),
        ({"training": {"tokens_per_batch": 5}}, "tokens_per_batch=5 is too small"),
    ],
    ids=["corpus", "tokenizer", "block_size", "batch_size", "tokens_per_batch"],
)
def test_settings_that_do_not_fit_are_refused(sft_settings, tmp_path, changes, message):
    settings = dict(sft_settings)
    for name, value in changes.items():
        is_section = isinstance(value, dict)
        settings[name] = {**settings[name], **value} if is_section else value
    with pytest.raises(UserError, match=message):
        start(configure(**settings), tmp_path / "run")


def test_only_a_gpt_can_become_a_chat_model(sft_settings, encoder_run):
    settings = {**sft_settings, "init": str(encoder_run), "model": {}}
    del settings["tokenizer"]
    with pytest.raises(UserError, match="encodes texts as vectors; a chat model starts from a GPT"):
        configure(**settings)


@pytest.fixture(scope="module")
def published_model(families, tmp_path_factory):
    """A model with the tokenizer of a published chat model, whose format is not recognized."""
    folder = tmp_path_factory.mktemp("published") / "model"
    n = len(families.content("Llama-2-7b")["model"]["vocab"])
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 96}
    model = GPT(GPTConfig(**sizes, vocab_size=n), seed=3)
    model.special_ids = model.special_ids._replace(bos=1, eos=2)
    save_pretrained(model, folder)
    (folder / "tokenizer.json").write_text(json.dumps(families.content("Llama-2-7b")))
    return folder


def test_a_run_keeps_the_format_of_its_model_and_the_next_run_uses_it(
    sft_settings, published_model, preferences_file, tmp_path
):
    settings = {**sft_settings, "init": str(published_model), "chat_format": "zephyr", "model": {}}
    settings["training"] = {**settings["training"], "steps": 40, "lr": 1e-2}
    del settings["tokenizer"]
    out = tmp_path / "run"
    train(run := configure(**settings), out)
    model, tokenizer = load_model(out, "last")
    assert find_format(tokenizer) is FORMATS["zephyr"]
    assert model.special_ids == (1, (2,), 2)
    assert tokenizer.vocab_size == load_tokenizer(published_model).vocab_size
    config = json.loads((out / "last" / "config.json").read_text())
    assert (config["bos_token_id"], config["eos_token_id"]) == (1, [2])
    names = json.loads((out / "last" / "tokenizer_config.json").read_text())
    assert names["scratchgpt_chat_format"] == "zephyr"
    assert evaluate(out, which="last").loss < evaluate_start(run)
    dpo = {"task": "dpo", "corpus": [str(preferences_file)], "init": str(out)}
    train(configure(**dpo, training={"steps": 2}), tmp_path / "dpo")
    assert find_format(load_model(tmp_path / "dpo", "last")[1]) is FORMATS["zephyr"]
    reward = {**dpo, "task": "reward", "training": {"steps": 2}}
    train(configure(**reward), tmp_path / "reward")
    assert find_format(load_tokenizer(tmp_path / "reward")) is FORMATS["zephyr"]


def evaluate_start(run):
    from scratchgpt.recipes.sft import SFTEvaluation

    data = open_sft(run)
    model = data.new_model(run)
    return SFTEvaluation.of(model, data.tokenizer, data.val_text, "the start", 4096).loss


def test_a_model_of_another_format_gets_our_own_tokens(sft_settings, published_model):
    settings = {**sft_settings, "init": str(published_model), "model": {}}
    del settings["tokenizer"]
    data = open_sft(configure(**settings))
    assert find_format(data.tokenizer).name == "scratchgpt"
    assert data.tokenizer.vocab_size == load_tokenizer(published_model).vocab_size + 4


def test_a_chat_format_is_known_and_only_for_conversations(sft_settings, conversations_file):
    with pytest.raises(
        UserError, match=r"chat_format='zefyr' is not a format.*did you mean 'zephyr'"
    ):
        configure(**sft_settings, chat_format="zefyr")
    with pytest.raises(UserError, match="chat_format='zephyr' has no effect"):
        configure(corpus=[str(conversations_file)], chat_format="zephyr")
