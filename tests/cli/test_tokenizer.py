import io
import json
import sys
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer as Reference

from scratchgpt.text import ByteTokenizer, CharacterTokenizer, load_tokenizer, train_bpe


@pytest.fixture
def letters(tmp_path):
    """The path of a character tokenizer: a is 0, b is 1, é is 2, 😀 is 3."""
    path = tmp_path / "letters.json"
    CharacterTokenizer("abé😀").save(path)
    return path


@pytest.fixture
def stdin(monkeypatch):
    def stdin(content):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    return stdin


def test_a_bpe_tokenizer_is_trained_and_written_in_the_format_of_the_library(
    scratchgpt, text_file, tmp_path
):
    out = tmp_path / "bpe.json"
    outcome = scratchgpt("tokenizer", "train", text_file, "--vocab-size", 300, "--out", out)
    assert outcome.status == 0
    assert outcome.stdout == f"{out}: bpe, 300 tokens, end of text 0\n"
    assert Reference.from_file(str(out)).get_vocab_size() == 300
    text = text_file.read_text(encoding="utf-8")
    assert load_tokenizer(out).fingerprint == train_bpe([text], 300).fingerprint


def test_a_character_tokenizer_has_the_characters_of_all_files(scratchgpt, tmp_path):
    for name, text in (("notes/1.txt", "ab"), ("notes/2.txt", "bé")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    out = tmp_path / "letters.json"
    outcome = scratchgpt(
        *("tokenizer", "train", tmp_path / "notes", "--kind", "characters", "--out", out),
        "--json",
    )
    tokenizer = load_tokenizer(out)
    assert tokenizer.decode([0, 1, 2]) == "abé"
    assert json.loads(outcome.stdout) == {
        "out": str(out),
        "kind": "characters",
        "vocab_size": 3,
        "end_of_text": None,
        "fingerprint": tokenizer.fingerprint,
    }


def test_without_a_size_a_small_text_may_fill_less_than_the_usual_vocabulary(
    scratchgpt, text_file, tmp_path
):
    out = tmp_path / "bpe.json"
    assert scratchgpt("tokenizer", "train", text_file, "--out", out).status == 0
    assert 257 < load_tokenizer(out).vocab_size < 4096


def test_progress_goes_to_standard_error(scratchgpt, text_file, tmp_path):
    outcome = scratchgpt("tokenizer", "train", text_file, "--out", tmp_path / "t.json", "--json")
    assert outcome.stderr == "learning bpe:4096 (3.1 kB)\n"


def test_a_trained_tokenizer_can_train_a_model(scratchgpt, text_file, tmp_path, tiny):
    out = tmp_path / "bpe.json"
    scratchgpt("tokenizer", "train", text_file, "--vocab-size", 280, "--out", out)
    run = ("--tokenizer", out, "--steps", 1, "--out", tmp_path / "run")
    assert scratchgpt("train", text_file, *tiny, *run).status == 0
    saved = load_tokenizer(tmp_path / "run" / "last")
    assert saved.fingerprint == load_tokenizer(out).fingerprint


def test_a_size_for_characters_is_refused(scratchgpt, text_file):
    outcome = scratchgpt(
        "tokenizer", "train", text_file, "--kind", "characters", "--vocab-size", 50
    )
    assert outcome.status == 2
    assert "--vocab-size" in outcome.stderr


def test_a_missing_folder_is_created(scratchgpt, text_file, tmp_path):
    out = tmp_path / "new" / "t.json"
    assert scratchgpt("tokenizer", "train", text_file, "--out", out).status == 0
    assert load_tokenizer(out).kind == "bpe"


def test_a_tokenizer_that_cannot_be_trained_or_written_is_refused_in_one_line(
    refused, text_file, tmp_path
):
    train = ("tokenizer", "train")
    assert "256 is too small" in refused(*train, text_file, "--vocab-size", 256)
    assert "did you mean 'tinyshakespeare'?" in refused(*train, "tinyshakespear")
    assert "cannot write" in refused(*train, text_file, "--out", text_file / "t.json")
    (tmp_path / "empty.txt").touch()
    assert "the corpus is empty" in refused(*train, tmp_path / "empty.txt")


def test_showing_a_tokenizer_says_what_it_is(scratchgpt, letters, tmp_path):
    assert scratchgpt("tokenizer", "show", letters).stdout == f"{letters}: characters, 4 tokens\n"
    ByteTokenizer().save(tmp_path / "tokenizer.json")
    assert "bytes, 256 tokens" in scratchgpt("tokenizer", "show", tmp_path).stdout
    record = json.loads(scratchgpt("tokenizer", "show", letters, "--json").stdout)
    assert (record["kind"], record["vocab_size"]) == ("characters", 4)
    assert "ids" not in record


def test_showing_a_text_gives_ids_and_pieces(scratchgpt, letters):
    outcome = scratchgpt("tokenizer", "show", letters, "bé😀")
    headline, *rows, summary = outcome.stdout.splitlines()
    assert headline == f"{letters}: characters, 4 tokens"
    assert rows == ["1  'b'", "2  'é'", "3  '😀'"]
    assert summary == "3 tokens, 2.33 bytes per token"


def test_a_piece_that_is_half_a_character_is_shown_as_its_bytes(scratchgpt, tmp_path):
    ByteTokenizer().save(tmp_path / "tokenizer.json")
    rows = scratchgpt("tokenizer", "show", tmp_path, "aé").stdout.splitlines()[1:-1]
    assert rows == [" 97  'a'", "195  b'\\xc3'", "169  b'\\xa9'"]
    record = json.loads(scratchgpt("tokenizer", "show", tmp_path, "aé", "--json").stdout)
    assert record["ids"] == [97, 195, 169]
    assert record["pieces"] == ["a", None, None]
    assert record["bytes"] == ["61", "c3", "a9"]


def test_an_empty_text_has_no_pieces(scratchgpt, letters):
    assert scratchgpt("tokenizer", "show", letters, "").stdout.count("\n") == 1
    assert json.loads(scratchgpt("tokenizer", "show", letters, "", "--json").stdout)["ids"] == []


def test_a_dash_reads_standard_input_without_its_last_newline(scratchgpt, letters, stdin):
    stdin(b"ab\n")
    record = json.loads(scratchgpt("tokenizer", "show", letters, "-", "--json").stdout)
    assert record["ids"] == [0, 1]


def test_text_that_cannot_be_tokenized_is_refused_in_one_line(refused, letters, tmp_path, stdin):
    show = ("tokenizer", "show")
    assert "has no token for 'z' (U+007A)" in refused(*show, letters, "az")
    ByteTokenizer().save(tmp_path / "tokenizer.json")
    assert "U+DCFF" in refused(*show, tmp_path, "a\udcff")  # how argv represents the byte 0xff
    stdin(b"ab\xff")
    error = refused(*show, letters, "-")
    assert "standard input is not UTF-8: byte 0xff at offset 2" in error


def test_a_file_that_is_not_a_tokenizer_is_refused_in_one_line(refused, text_file, tmp_path):
    assert "cannot read the tokenizer" in refused("tokenizer", "show", text_file)
    assert "there is no tokenizer at" in refused("tokenizer", "show", tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("vocab", "merges"), [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")]
)
def test_verbs_that_take_a_tokenizer_read_the_two_files_of_gpt2(
    scratchgpt, refused, text_file, tmp_path, vocab, merges
):
    model = train_bpe(["the cat"], 258).to_json()["model"]
    folder = tmp_path / "gpt2"
    folder.mkdir()
    error = refused("tokenizer", "show", folder)
    assert f"{folder} has neither a tokenizer nor a run; name a tokenizer.json" in error
    (folder / vocab).write_text(json.dumps(model["vocab"]), encoding="utf-8")
    prepare = ("data", "prepare", text_file, "--tokenizer", folder, "--out", tmp_path / "out")
    for verb in (("tokenizer", "show", folder), prepare):
        assert f"{merges} is missing; a tokenizer needs both {vocab} and" in refused(*verb)
    (folder / merges).write_text("#version: 0.2\n" + " ".join(model["merges"][0]) + "\n")
    for path in (folder, folder / vocab, folder / merges):
        outcome = scratchgpt("tokenizer", "show", path)
        assert outcome.stdout == f"{path}: bpe, 258 tokens, end of text 0\n"
    assert "bpe, 258 tokens" in scratchgpt(*prepare).stdout


def test_a_start_token_of_the_file_is_shown_with_special_tokens(scratchgpt, tmp_path):
    content = train_bpe(["ab"], 257).to_json()
    start = {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [],
        "special_tokens": {"<|endoftext|>": start},
    }
    path = tmp_path / "bpe.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    for options, expected in ((), []), (("--special-tokens",), [0]):
        outcome = scratchgpt("tokenizer", "show", path, "a", "--json", *options)
        assert json.loads(outcome.stdout)["ids"][:-1] == expected


def test_the_name_of_a_special_token_is_text_or_the_token(scratchgpt, tmp_path):
    tokenizer = train_bpe(["ab"], 257)
    tokenizer.save(tmp_path / "bpe.json")
    command = ("tokenizer", "show", tmp_path / "bpe.json", "a<|endoftext|>b", "--json")
    as_text, as_token = (
        json.loads(scratchgpt(*command, *options).stdout) for options in ((), ("--special-tokens",))
    )
    assert as_text["ids"] == tokenizer.encode("a<|endoftext|>b").tolist()
    assert as_text["pieces"] == list("a<|endoftext|>b")
    assert as_token["ids"] == [*tokenizer.encode("a"), 0, *tokenizer.encode("b")]
    assert as_token["pieces"] == ["a", "", "b"]
