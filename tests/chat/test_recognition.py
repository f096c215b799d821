import json

import pytest

from scratchgpt.chat import (
    FORMATS,
    ChatEngine,
    Message,
    Renderer,
    add_markers,
    chat_tokenizer,
    find_format,
    named_format,
    with_format,
)
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import ByteTokenizer, load_tokenizer, train_bpe


def test_markers_follow_the_other_tokens_and_are_added_once():
    tokenizer = train_bpe(["ab"], 257)
    assert find_format(tokenizer) is None
    marked = add_markers(tokenizer)
    assert find_format(marked).name == "scratchgpt"
    names = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
    assert [marked.special_token(name) for name in names] == [257, 258, 259, 260]
    renderer = Renderer(marked)
    assert (renderer.start, renderer.end) == (0, 260)
    assert renderer.ends == (260, 0, 257, 258, 259)
    assert add_markers(marked).vocab_size == marked.vocab_size == 261


def test_the_spelling_of_a_marker_is_text():
    marked = add_markers(train_bpe(["ab"], 257))
    assert marked.encode("<|end|><|user|><|endoftext|>").max() < 257
    assert 0 not in marked.encode("<|endoftext|>")


def test_generation_stops_at_the_end_of_an_answer_and_of_a_text():
    ids = Renderer(add_markers(train_bpe(["ab"], 257))).special_ids()
    assert (ids.bos, ids.ends) == (0, (260, 0))


def test_other_tokenizers_are_refused():
    with pytest.raises(UserError, match="need a bpe tokenizer, not bytes"):
        add_markers(ByteTokenizer())
    content = train_bpe(["ab"], 257).to_json()
    content = {**content, "added_tokens": []}
    content["model"]["vocab"] = {
        ("a0" if name == "<|endoftext|>" else name): i
        for name, i in content["model"]["vocab"].items()
    }
    from scratchgpt.text import BPETokenizer

    with pytest.raises(UserError, match="an end of text"):
        add_markers(BPETokenizer(content))


def folder_of(families, published, path, name, **config):
    """Write the files of a model's folder from which its format is recognized."""
    path.mkdir(exist_ok=True)
    content = families.content(published.TEMPLATES[name][1])
    (path / "tokenizer.json").write_text(json.dumps(content))
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    "name", [name for name in FORMATS if FORMATS[name].model_types and name != "scratchgpt"]
)
def test_a_published_model_is_recognized_by_its_tokens_and_its_kind(
    families, published, tmp_path, name
):
    assert published.MODEL_TYPES[name] in FORMATS[name].model_types
    kind = {"model_type": published.MODEL_TYPES[name]}
    tokenizer = load_tokenizer(folder_of(families, published, tmp_path, name, **kind))
    assert find_format(tokenizer) is FORMATS[name]
    other = load_tokenizer(folder_of(families, published, tmp_path, name, model_type="gpt2"))
    assert find_format(other) is None
    copy = tmp_path / "copy"
    copy.mkdir()
    named_format(tokenizer).save(copy / "tokenizer.json")
    assert find_format(load_tokenizer(copy)) is FORMATS[name]


@pytest.mark.parametrize("name", ["llama2", "mistral-v1", "zephyr"])
@pytest.mark.parametrize("model_type", ["llama", "mistral"])
def test_a_vocabulary_of_several_formats_is_not_recognized(
    families, published, tmp_path, name, model_type
):
    folder = folder_of(families, published, tmp_path, name, model_type=model_type)
    tokenizer = load_tokenizer(folder)
    assert find_format(tokenizer) is None
    with pytest.raises(
        UserError, match=r"no known format of conversations.* --chat-format: .*llama2"
    ):
        Renderer(tokenizer)
    assert Renderer(with_format(tokenizer, name)).format is FORMATS[name]


def test_a_template_in_the_folder_is_not_run(families, published, tmp_path):
    folder = folder_of(families, published, tmp_path, "qwen2", model_type="qwen2")
    messages = [Message("user", "a")]
    expected = Renderer(load_tokenizer(folder)).prompt(messages).tokens.tolist()
    content = {"chat_template": "{{ 1 / 0 }}", "eos_token": "<|im_end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(content))
    assert Renderer(load_tokenizer(folder)).prompt(messages).tokens.tolist() == expected


def test_the_name_in_a_folder_comes_first_and_must_be_known(families, published, tmp_path):
    folder = folder_of(families, published, tmp_path, "qwen3", model_type="qwen3")
    names = folder / "tokenizer_config.json"
    names.write_text(json.dumps({"scratchgpt_chat_format": "qwen3-no-thinking"}))
    assert find_format(load_tokenizer(folder)).name == "qwen3-no-thinking"
    names.write_text(json.dumps({"scratchgpt_chat_format": "qwen4"}))
    with pytest.raises(UserError, match=r"chat_format='qwen4' is not a format.*did you mean 'qwen"):
        find_format(load_tokenizer(folder))
    names.write_text(json.dumps({"scratchgpt_chat_format": 4}))
    with pytest.raises(UserError, match="scratchgpt_chat_format=4 is not a string"):
        load_tokenizer(folder)


def test_a_vocabulary_without_the_tokens_of_a_format_is_refused(families, published, tmp_path):
    tokenizer = load_tokenizer(folder_of(families, published, tmp_path, "qwen2"))
    with pytest.raises(
        UserError, match=r"no token <\|begin_of_text\|>, which the chat format llama3"
    ):
        with_format(tokenizer, "llama3")
    assert with_format(tokenizer, None) is tokenizer


def test_training_keeps_the_format_of_the_model_and_adds_the_tokens_of_another(
    families, published, tmp_path
):
    folder = folder_of(families, published, tmp_path, "smollm2", model_type="llama")
    tokenizer = load_tokenizer(folder)
    kept = chat_tokenizer(tokenizer)
    assert (kept.chat_format, kept.vocab_size) == ("smollm2", tokenizer.vocab_size)
    other = chat_tokenizer(tokenizer, "nanochat")
    assert other.vocab_size == tokenizer.vocab_size + 5
    assert find_format(other) is FORMATS["nanochat"]
    own = chat_tokenizer(train_bpe(["ab"], 257))
    assert (own.chat_format, find_format(own).name) == (None, "scratchgpt")
    added = chat_tokenizer(train_bpe(["ab"], 257), "chatml")
    assert (added.chat_format, added.vocab_size) == ("chatml", 259)


def test_generation_stops_at_the_ends_in_generation_config_too(families, published, tmp_path):
    folder = folder_of(families, published, tmp_path, "smollm2", model_type="llama")
    tokenizer = load_tokenizer(folder)
    model = GPT(GPTConfig(1, 1, 2, block_size=64, vocab_size=tokenizer.vocab_size))
    token = tokenizer.special_token("<jupyter_start>")
    model.special_ids = Renderer(tokenizer).special_ids()._replace(eos=(token,))
    model.lm_head.weight.value[:] = 0
    model.transformer.ln_f.weight.value[:] = 0
    model.transformer.ln_f.bias.value[:] = 9
    model.lm_head.weight.value[token] = 1
    [piece] = ChatEngine(model, tokenizer).stream([Message("user", "a")])
    assert (piece.finish_reason, piece.n_new) == ("stop", 1)
