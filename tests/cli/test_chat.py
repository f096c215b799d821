"""The verb: one message, or a message per line of standard input."""

import io
import json
import sys

import pytest

from scratchgpt.chat import (
    ChatEngine,
    Dialogue,
    Renderer,
    add_markers,
    read_conversations,
    with_format,
)
from scratchgpt.generation import SamplingConfig
from scratchgpt.models import GPT, GPTConfig, load_pretrained, save_pretrained
from scratchgpt.text import load_tokenizer, train_bpe

TOKENIZER = add_markers(train_bpe(["the user asks, the assistant answers " * 9], 280))
SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 64}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "chat"
    model = GPT(GPTConfig(**SIZES, vocab_size=TOKENIZER.vocab_size), seed=1)
    model.special_ids = Renderer(TOKENIZER).special_ids()
    model.store.values *= 4  # neither uniform nor certain
    save_pretrained(model, folder)
    TOKENIZER.save(folder / "tokenizer.json")
    return folder


@pytest.fixture
def chat(scratchgpt, folder, monkeypatch):
    """``chat(*options, lines=[...])`` runs the verb with lines on standard input."""

    def run(*options, lines=(), content=None):
        content = "".join(f"{line}\n" for line in lines).encode() if content is None else content
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))
        return scratchgpt("chat", "-m", folder, *options)

    return run


def expected(folder, texts, system=None, **options):
    engine = ChatEngine(load_pretrained(folder), load_tokenizer(folder))
    dialogue = Dialogue(engine, **options)
    if system:
        dialogue.set_system(system)
    return ["".join(piece.text for piece in dialogue.say(text)) for text in texts]


def notes(outcome):
    """Return the lines on stderr; the first run on a machine also compiles the kernels."""
    return [line for line in outcome.stderr.splitlines() if "first run only" not in line]


def test_each_line_is_a_turn_and_answers_go_to_stdout(chat, folder):
    outcome = chat("--max-new-tokens", 9, "--seed", 3, lines=["hi", "", "why"])
    first, second = expected(folder, ["hi", "why"], max_new_tokens=9, seed=3)
    assert outcome.status == 0
    assert outcome.stdout == f"{first}\n{second}\n"
    assert all(line.startswith("note: the answer was cut after 9") for line in notes(outcome))


def test_one_prompt_or_several_with_a_system_message(chat, folder):
    sampling = SamplingConfig(temperature=0.5, top_k=9, top_p=0.9, min_p=0.01)
    options = ("--temperature", 0.5, "--top-k", 9, "--top-p", 0.9, "--min-p", 0.01)
    outcome = chat("-p", "hi", "-p", "-", "--system", "be kind", *options, content=b"a\nb\n")
    texts = expected(folder, ["hi", "a\nb"], "be kind", sampling=sampling)
    assert outcome.stdout == "".join(f"{text}\n" for text in texts)


def test_json_has_one_object_per_answer(chat, folder):
    outcome = chat("--json", "--max-new-tokens", 5, lines=["hi", "why"])
    records = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert [one["text"] for one in records] == expected(folder, ["hi", "why"], max_new_tokens=5)
    assert records[0] == {
        "prompt": "hi",
        "text": records[0]["text"],
        "finish_reason": "length",
        "n_prompt": 6,
        "n_new": 5,
        "n_dropped": 0,
    }


def test_a_conversation_is_saved_for_sft_and_loaded_again(chat, tmp_path):
    file = tmp_path / "chat.jsonl"
    lines = ["/system be kind", "hi", f"/save {file}", "/exit", "never said"]
    outcome = chat("--max-new-tokens", 4, lines=lines)
    assert outcome.status == 0
    [saved] = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["role"] for one in saved["messages"]] == ["system", "user", "assistant"]
    assert saved["messages"][2]["content"] == outcome.stdout.removesuffix("\n")

    [read] = read_conversations([file])  # as `scratchgpt sft` does
    assert [message._asdict() for message in read] == saved["messages"]

    again = chat("--load", file, "--max-new-tokens", 4, "--json", "-p", "why")
    in_chat = chat("--max-new-tokens", 4, "--json", lines=[f"/load {file}", "why"])
    assert again.stdout == in_chat.stdout
    assert json.loads(again.stdout)["n_prompt"] > 6 + 4
    assert "note: 3 messages loaded" in in_chat.stderr


def test_reset_keeps_the_system_message_and_a_slash_can_be_said(chat, tmp_path):
    file = tmp_path / "chat.jsonl"
    lines = ["hi", "/system new", "/reset", "//root", f"/save {file}", "/system", "/help"]
    outcome = chat("--max-new-tokens", 2, lines=lines)
    roles = [(m["role"], m["content"]) for m in json.loads(file.read_text())["messages"]]
    assert roles[:2] == [("system", "new"), ("user", "/root")]
    assert {"note: the system message is replaced", "note: no system message"} < set(notes(outcome))
    assert "/load FILE" in outcome.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/hlep", "unknown command '/hlep'; did you mean '/help'?"),
        ("/0", "unknown command '/0'; /help lists the commands, and // begins a message with"),
        ("/reset now", "/reset has no argument, but 'now' follows; leave it out"),
        ("/save", "/save needs the name of a file, such as /save chat.jsonl"),
        ("/save chat.jsonl", "there is no conversation yet; say something first"),
        ("/load no/file", "no/file"),
        ("x" * 99, "block_size=64 must have room for the answer; shorten them"),
    ],
)
def test_a_line_that_fails_ends_the_command_with_its_number(chat, line, message):
    outcome = chat(lines=["", line])
    assert outcome.status == 2
    [error] = notes(outcome)
    assert error.startswith("error: line 2 of standard input: ")
    assert message in error


def test_nothing_is_overwritten_and_one_conversation_is_loaded(chat, tmp_path):
    file = tmp_path / "chat.jsonl"
    line = json.dumps({"messages": [{"role": "user", "content": "x"}]})
    file.write_text(f"{line}\n{line}\n")
    assert "already exists" in chat("--max-new-tokens", 2, lines=["hi", f"/save {file}"]).stderr
    outcome = chat("--load", file, "-p", "hi")
    assert outcome.status == 2
    assert "has 2 conversations; name a file with one" in outcome.stderr


def test_dropped_messages_and_full_contexts_are_told(chat):
    outcome = chat("--temperature", 0, lines=["one two three four", "x" * 30, "y" * 40])
    told = "\n".join(notes(outcome))
    assert "note: the model did not read the oldest 2 messages" in told
    assert "the context of 64 tokens is full" in told


def test_input_that_is_not_utf_8_is_refused(chat):
    outcome = chat("--max-new-tokens", 1, content=b"hi\n\xff\n")
    assert outcome.status == 2
    assert "standard input is not UTF-8: byte 0xff at offset 3" in outcome.stderr


def test_a_model_without_markers_is_refused(refused, tmp_path):
    tokenizer = train_bpe(["ab"], 257)
    save_pretrained(GPT(GPTConfig(**SIZES, vocab_size=257)), tmp_path / "plain")
    tokenizer.save(tmp_path / "plain" / "tokenizer.json")
    assert "scratchgpt sft" in refused("chat", "-m", tmp_path / "plain", "-p", "hi")


def test_json_is_not_for_a_chat_in_a_terminal(chat, monkeypatch):
    monkeypatch.setattr("scratchgpt.cli.chat.is_terminal", lambda: True)
    outcome = chat("--json")
    assert outcome.status == 2
    assert "use --prompt, or send the messages to standard input" in outcome.stderr


def test_a_format_is_named_if_the_model_is_not_recognized(
    scratchgpt, families, published, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("models") / "llama2"
    content = families.content("Llama-2-7b")
    model = GPT(GPTConfig(**SIZES, vocab_size=len(content["model"]["vocab"])), seed=1)
    model.store.values *= 4
    save_pretrained(model, folder)
    (folder / "tokenizer.json").write_text(json.dumps(content))
    arguments = ("chat", "-m", folder, "--prompt", "hi", "--max-new-tokens", 5)
    refused = scratchgpt(*arguments)
    assert refused.status == 2
    assert "no known format of conversations" in refused.stderr
    assert "--chat-format: scratchgpt, chatml, " in refused.stderr
    tokenizer = with_format(load_tokenizer(folder), "llama2")
    dialogue = Dialogue(ChatEngine(load_pretrained(folder), tokenizer), max_new_tokens=5)
    answer = "".join(piece.text for piece in dialogue.say("hi"))
    outcome = scratchgpt(*arguments, "--chat-format", "llama2")
    assert (outcome.status, outcome.stdout) == (0, answer + "\n")
    wrong = scratchgpt(*arguments, "--chat-format", "qwen3")
    assert wrong.status == 2
    assert "no token <|im_start|>, which the chat format qwen3 needs" in wrong.stderr
