import json

import pytest

from scratchgpt.text import open_prepared


def prepare(scratchgpt, *arguments):
    outcome = scratchgpt("data", "prepare", *arguments)
    assert outcome.status == 0, outcome.stderr
    return outcome


def test_a_corpus_is_prepared_in_the_folder_and_described(scratchgpt, text_file, tmp_path):
    out = tmp_path / "data"
    n = len(text_file.read_text(encoding="utf-8"))
    lines = prepare(scratchgpt, text_file, "--val-fraction", 0.25, "--out", out).stdout.splitlines()
    assert lines == [
        f"folder      {out}",
        f"text        {text_file}, 3.1 kB",
        "tokenizer   characters, 29 tokens",
        f"tokens      {n:,}, 1.00 bytes each",
        f"training    {n * 3 // 4:,}",
        f"validation  {n // 4:,}",
    ]
    prepared = open_prepared(out)
    assert prepared.tokenizer.decode(prepared.tokens.read(0, n)) == text_file.read_text("utf-8")


def test_json_is_the_manifest(scratchgpt, text_file, tmp_path):
    record = json.loads(prepare(scratchgpt, text_file, "--tokenizer", "bytes", "--json").stdout)
    prepared = open_prepared(record["directory"])
    assert record["directory"].startswith(str(tmp_path / "cache"))
    assert record["tokenizer"]["kind"] == "bytes"
    assert record["n_tokens"] == record["n_bytes"] == len(prepared.tokens)
    assert record["key"] == prepared.manifest.key


def test_progress_is_shown_once_on_standard_error(scratchgpt, text_file):
    first = prepare(scratchgpt, text_file, "--json")
    assert first.stderr == "learning characters (3.1 kB)\nencoding (3.1 kB)\n"
    again = prepare(scratchgpt, text_file, "--json")
    assert again.stderr == ""
    assert again.stdout == first.stdout


def test_several_files_are_named_by_the_first(scratchgpt, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name, encoding="utf-8")
    listing = prepare(scratchgpt, tmp_path / "*.txt").stdout
    assert f"text        {tmp_path / 'a.txt'} and 2 more, 3 bytes" in listing


def test_the_list_has_the_named_corpora_and_those_in_the_cache(scratchgpt, text_file):
    before = scratchgpt("data", "list").stdout
    assert "nothing yet" in before
    assert all(name in before for name in ("python-docs", "tinyshakespeare"))
    assert json.loads(scratchgpt("data", "list", "--json").stdout)["prepared"] == []
    record = json.loads(prepare(scratchgpt, text_file, "--json").stdout)
    listing = scratchgpt("data", "list").stdout
    assert "nothing yet" not in listing
    (row,) = [line for line in listing.splitlines() if str(text_file) in line]
    assert row.split()[:3] == [record["key"], f"{record['n_tokens']:,}", "characters"]


def test_the_list_as_json(scratchgpt, text_file, tmp_path):
    record = json.loads(prepare(scratchgpt, text_file, "--json").stdout)
    listing = json.loads(scratchgpt("data", "list", "--json").stdout)
    assert set(listing["named"]) >= {"python-docs", "tinyshakespeare"}
    assert listing["cache"] == str(tmp_path / "cache")
    assert listing["prepared"] == [
        {
            "directory": record["directory"],
            "documents": [str(text_file)],
            "tokenizer": record["tokenizer"],
            "n_bytes": record["n_bytes"],
            "n_tokens": record["n_tokens"],
        }
    ]


def test_a_prepared_corpus_is_shown_with_its_beginning(scratchgpt, text_file, tmp_path):
    out = tmp_path / "data"
    description = prepare(scratchgpt, text_file, "--out", out).stdout
    shown = scratchgpt("data", "show", out, "--tokens", 19).stdout
    assert shown == f"{description}--- first 19 tokens\nthe quick brown fox\n"
    assert scratchgpt("data", "show", out, "--tokens", 0).stdout == description
    record = json.loads(scratchgpt("data", "show", out, "--tokens", 9, "--json").stdout)
    assert record["beginning"] == "the quick"
    assert record["n_train"] == len(open_prepared(out).train)


def test_more_tokens_than_the_corpus_has_show_all(scratchgpt, tmp_path):
    (tmp_path / "a.txt").write_text("short", encoding="utf-8")
    prepare(scratchgpt, tmp_path / "a.txt", "--out", tmp_path / "data")
    assert "first 5 tokens\nshort\n" in scratchgpt("data", "show", tmp_path / "data").stdout


def test_a_corpus_in_the_cache_is_shown_by_its_name_in_the_list(scratchgpt, text_file):
    record = json.loads(prepare(scratchgpt, text_file, "--json").stdout)
    assert scratchgpt("data", "show", record["key"]).stdout.startswith("folder      ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tinyshakespear",), "did you mean 'tinyshakespeare'?"),
        (("TEXT", "--tokenizer", "byte"), "did you mean 'bytes'?"),
        (("TEXT", "--tokenizer", "bpe:many"), "needs a vocabulary size"),
        (("TEXT", "--val-fraction", 1), "val_fraction=1.0 must be between 0 and 1"),
        (("TEXT", "--out", "TEXT"), "cannot write"),
        (("FOLDER",), "there are no text files in"),
        (("EMPTY",), "the corpus is empty"),
        (("LATIN",), "is not UTF-8: byte 0xe9 at offset 3"),
    ],
)
def test_bad_input_is_refused_in_one_line(refused, text_file, tmp_path, arguments, message):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    paths = {
        "TEXT": text_file,
        "EMPTY": tmp_path / "empty.txt",
        "LATIN": tmp_path / "latin.txt",
        "FOLDER": tmp_path / "folder",
    }
    assert message in refused("data", "prepare", *(paths.get(word, word) for word in arguments))


def test_a_folder_that_is_not_a_prepared_corpus_is_refused(refused, tmp_path):
    error = refused("data", "show", tmp_path)
    assert "is not a prepared corpus; make one with `scratchgpt data prepare`" in error
