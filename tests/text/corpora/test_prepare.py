import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout

from scratchgpt.errors import UserError
from scratchgpt.text import (
    ByteTokenizer,
    CharacterTokenizer,
    open_prepared,
    prepare,
    train_bpe,
)
from scratchgpt.text.corpora import documents
from scratchgpt.text.corpora.documents import Document

module = sys.modules[prepare.__module__]

TEXT = "one two three\nfour é five 😀 six\n"


@pytest.fixture
def small_shards(monkeypatch):
    """Shards of ten tokens, and files that are read seven bytes at a time."""
    monkeypatch.setattr(module, "SHARD_TOKENS", 10)
    monkeypatch.setattr(documents, "BLOCK", 7)


def all_tokens(corpus):
    return corpus.tokens.read(0, len(corpus.tokens))


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("kind", ["characters", "bytes", "bpe:300"])
def test_the_shards_hold_the_tokens_of_the_text(write, small_shards, kind):
    corpus = prepare([write("a.txt", TEXT * 5)], kind)
    tokens = all_tokens(corpus)
    if corpus.tokenizer.end_of_text is not None:
        assert tokens[-1] == corpus.tokenizer.end_of_text
        tokens = tokens[:-1]
    np.testing.assert_array_equal(tokens, corpus.tokenizer.encode(TEXT * 5))
    assert corpus.tokenizer.kind == kind.split(":")[0]
    assert set(corpus.manifest.lengths[:-1]) == {10}
    assert 1 <= corpus.manifest.lengths[-1] <= 10
    assert corpus.manifest.n_bytes == len(TEXT.encode()) * 5
    assert corpus.manifest.n_tokens == len(corpus.tokens)


@pytest.mark.parametrize("n", [9, 10, 11, 20])
def test_a_corpus_may_end_at_the_end_of_a_shard(write, small_shards, n):
    corpus = prepare([write("a.txt", "abcdefghijklmnopqrst"[:n])], "bytes")
    assert corpus.manifest.lengths == {9: [9], 10: [10], 11: [10, 1], 20: [10, 10]}[n]


def test_documents_are_concatenated(write):
    paths = [write("a.txt", "one"), write("empty.txt", ""), write("b.txt", "two")]
    assert all_tokens(prepare(paths, "bytes")).tolist() == list(b"onetwo")


def test_the_end_of_text_ends_each_document_that_has_text(write, small_shards):
    paths = [write("a.txt", "one"), write("empty.txt", ""), write("b.txt", "two" * 4)]
    letters = CharacterTokenizer("entwo", end_of_text=True)
    tokens = all_tokens(prepare(paths, letters)).tolist()
    end = [letters.end_of_text]
    assert tokens == [*letters.encode("one"), *end, *letters.encode("two" * 4), *end]
    assert end[0] not in tokens[:3]


@pytest.mark.parametrize("kind", ["characters", "bytes", "bpe:300"])
def test_byte_order_marks_do_not_get_into_the_corpus(write, small_shards, kind):
    """Nor does a corpus in the cache that has them from an earlier version count as this one."""
    texts = ["one two\n", "thr\ufeffee\n", ""]
    paths = [write(f"{i}.txt", "\ufeff" + text) for i, text in enumerate(texts)]
    reports = []
    corpus = prepare(paths, kind, progress=lambda *report: reports.append(report))
    decoded = corpus.tokenizer.decode(all_tokens(corpus))
    assert decoded == "".join(texts)
    assert corpus.manifest.n_bytes == len(decoded.encode()) == reports[-1][1]
    key = corpus.manifest.key
    documents = [Document(Path(d["name"]), d["identity"]) for d in corpus.manifest.documents]
    for path, text in zip(paths, texts, strict=True):
        Path(path).write_text(text, encoding="utf-8")
    assert module._key(documents, module.choose_tokenizer(kind), 0.1) != key


@pytest.mark.parametrize("val_fraction", [0.1, 0.25, 0.999])
def test_the_last_part_of_the_tokens_is_for_validation(write, small_shards, val_fraction):
    corpus = prepare([write("a.txt", TEXT)], "bytes", val_fraction=val_fraction)
    tokens = np.frombuffer(TEXT.encode(), np.uint8)
    n_train = int((1 - val_fraction) * len(tokens))
    np.testing.assert_array_equal(corpus.train.read(0, len(corpus.train)), tokens[:n_train])
    np.testing.assert_array_equal(corpus.val.read(0, len(corpus.val)), tokens[n_train:])
    assert corpus.manifest.n_train == n_train
    assert corpus.manifest.val_fraction == val_fraction


def test_the_split_of_tinyshakespeare_equals_that_of_nanogpt(write):
    corpus = prepare([write("a.txt", "x" * 1_115_394)])
    assert (len(corpus.train), len(corpus.val)) == (1_003_854, 111_540)


@pytest.mark.parametrize("val_fraction", [0, 1, -0.1, float("nan")])
def test_an_invalid_val_fraction_is_refused(write, val_fraction):
    with pytest.raises(UserError, match=r"val_fraction=.* must be between 0 and 1"):
        prepare([write("a.txt", TEXT)], val_fraction=val_fraction)


def test_a_tokenizer_may_be_given_as_an_object_or_as_its_file(write, tmp_path):
    path = write("a.txt", "abba")
    letters = CharacterTokenizer("abc")
    letters.save(tmp_path / "tokenizer.json")
    for choice in (letters, str(tmp_path / "tokenizer.json"), str(tmp_path)):
        corpus = prepare([path], choice)
        assert corpus.tokenizer.fingerprint == letters.fingerprint
        assert all_tokens(corpus).tolist() == [0, 1, 1, 0]


def test_an_unchanged_corpus_is_not_prepared_again(write, cache, monkeypatch):
    path = write("a.txt", TEXT)
    first = prepare([path])
    monkeypatch.setattr(module, "_Preparation", None)
    second = prepare([path])
    assert second.directory == first.directory
    assert second.directory.parent == cache / "corpora"
    np.testing.assert_array_equal(all_tokens(second), all_tokens(first))


def test_a_changed_corpus_is_prepared_again(write, tmp_path):
    path = write("a.txt", "one")
    other = write("b.txt", "one")
    folders = {prepare([path], "bytes").directory}
    for words, tokenizer, val_fraction in [
        ([path], "characters", 0.1),
        ([path], "bytes", 0.2),
        ([other], "bytes", 0.1),
        ([path, other], "bytes", 0.1),
        ([other, path], "bytes", 0.1),
        ([path], CharacterTokenizer("eno"), 0.1),
        ([path], CharacterTokenizer("enop"), 0.1),
    ]:
        folders.add(prepare(words, tokenizer, val_fraction=val_fraction).directory)
    assert len(folders) == 8
    write("a.txt", "three")
    assert all_tokens(prepare([path], "bytes")).tolist() == list(b"three")


def test_another_text_with_the_same_path_size_and_time_is_prepared_again(write):
    path = write("a.txt", "one")
    prepare([path], "bytes")
    status = os.stat(path)
    write("a.txt", "two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert all_tokens(prepare([path], "bytes")).tolist() == list(b"two")


def test_a_text_that_changes_while_it_is_prepared_is_refused(write, tmp_path):
    path = write("a.txt", TEXT)

    def report(what, done, total):
        write("a.txt", TEXT + "more")

    with pytest.raises(UserError, match=r"a\.txt changed while it was read; run the command again"):
        prepare([path], "bytes", directory=tmp_path / "prepared", progress=report)
    corpus = prepare([path], "bytes", directory=tmp_path / "prepared")
    assert corpus.tokenizer.decode(all_tokens(corpus)) == TEXT + "more"


def test_preparations_in_one_folder_get_the_tokens_of_their_own_texts(write, tmp_path):
    texts = [letter * 50 for letter in "abcd"]
    paths = [write(f"{text[0]}.txt", text) for text in texts]
    results, start = {}, threading.Barrier(len(texts))

    def work(path, text):
        start.wait()
        results[text] = prepare([path], "bytes", directory=tmp_path / "prepared")

    for _ in range(4):
        works = zip(paths, texts, strict=True)
        threads = [threading.Thread(target=work, args=each) for each in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for text in texts:
            assert bytes(all_tokens(results.pop(text)).tolist()).decode() == text


def test_a_corpus_is_opened_before_another_process_can_replace_it(write, tmp_path, monkeypatch):
    path, directory = write("a.txt", TEXT), tmp_path / "prepared"
    opened = []

    def open_locked(folder):
        if not opened:
            with pytest.raises(Timeout):
                FileLock(directory / ".lock").acquire(blocking=False)
        opened.append(folder)
        return open_prepared(folder)

    monkeypatch.setattr(module, "open_prepared", open_locked)
    prepare([path], "bytes", directory=directory)
    assert opened == [directory]


def test_a_link_at_the_name_of_the_lock_is_not_followed(write, tmp_path):
    path, victim = write("a.txt", TEXT), Path(write("victim", "content"))
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared/.lock").symlink_to(victim)
    with pytest.raises(UserError, match="cannot write"):
        prepare([path], "bytes", directory=tmp_path / "prepared")
    assert victim.read_text() == "content"


def test_a_given_folder_is_rewritten_when_the_corpus_changes(write, tmp_path, small_shards):
    path, directory = write("a.txt", TEXT * 3), tmp_path / "prepared"
    prepare([path], "bytes", directory=directory)
    assert len(list(directory.glob("shard-*"))) > 3
    write("a.txt", "short")
    corpus = prepare([path], "characters", directory=directory)
    assert corpus.directory == directory
    assert corpus.tokenizer.decode(all_tokens(corpus)) == "short"
    names = {name for name in files(directory) if not name.startswith(".")}
    assert names == {"manifest.json", "tokenizer.json", "shard-00000.bin"}


@pytest.mark.parametrize("name", ["tokenizer.json", "manifest.json", "shard-00000.bin"])
def test_a_folder_with_other_files_is_not_changed(write, tmp_path, name):
    """For example the folder of a model, whose tokenizer.json must not be overwritten."""
    write(f"model/{name}", '{"name": "mine"}')
    before = files(tmp_path / "model")
    with pytest.raises(UserError, match=r"choose an(other| empty) folder"):
        prepare([write("a.txt", TEXT)], directory=tmp_path / "model")
    assert {n: c for n, c in files(tmp_path / "model").items() if n != ".lock"} == before


def test_a_folder_that_cannot_be_written_is_named(write):
    with pytest.raises(UserError, match=r"cannot write .*occupied"):
        prepare([write("a.txt", TEXT)], directory=Path(write("occupied", "a file")) / "below")


@pytest.mark.parametrize("tokenizer", ["characters", "bytes", "bpe:300"])
def test_an_empty_corpus_is_refused_with_its_name(write, tokenizer):
    empty = [write("a.txt", ""), write("b.txt", "")]
    with pytest.raises(
        UserError, match=r"^the corpus is empty: there is no text in .*a\.txt; give more files$"
    ):
        prepare(empty[:1], tokenizer)
    with pytest.raises(UserError, match=r"a\.txt and the other files; give more files$"):
        prepare(empty, tokenizer)


@pytest.mark.parametrize("tokenizer", ["characters", "bytes", "bpe:300"])
def test_text_that_is_not_utf8_is_refused_with_the_byte(write, tokenizer):
    path = write("a.txt", b"caf\xe9 au lait")
    with pytest.raises(UserError, match=r"a\.txt is not UTF-8: byte 0xe9 at offset 3"):
        prepare([path], tokenizer)
    write("a.txt", "café au lait")
    assert prepare([path], tokenizer).manifest.n_bytes == 13


def test_a_character_outside_the_vocabulary_is_named_with_its_file(write):
    paths = [write("a.txt", "aa"), write("b.txt", "aé")]
    with pytest.raises(UserError, match=r"b\.txt: the tokenizer has no token for 'é' \(U\+00E9\)"):
        prepare(paths, CharacterTokenizer("a"))


def test_progress_is_reported_for_every_stage_to_the_end(write, small_shards):
    reports = []
    paths = [write("a.txt", TEXT), write("b.txt", TEXT)]
    prepare(paths, "characters", progress=lambda *report: reports.append(report))
    total = 2 * len(TEXT.encode())
    for what in ("learning characters", "encoding"):
        done = [d for w, d, n in reports if (w, n) == (what, total)]
        assert len(done) > 4
        assert done == sorted(done)
        assert done[-1] == total
    assert len({what for what, _, _ in reports}) == 2


@pytest.mark.parametrize("first_one_finishes", [True, False])
def test_a_second_preparation_waits_and_does_the_remaining_work(
    write, tmp_path, monkeypatch, first_one_finishes
):
    path, directory = write("a.txt", TEXT), tmp_path / "prepared"
    directory.mkdir()
    waiting, results = threading.Event(), []

    def report(what, done, total):
        if what.startswith("waiting"):
            waiting.set()

    def work():
        results.append(prepare([path], directory=directory, progress=report))

    with FileLock(directory / ".lock"):
        thread = threading.Thread(target=work)
        thread.start()
        assert waiting.wait(30)
        assert not (directory / "manifest.json").exists()
        if first_one_finishes:
            shutil.copytree(prepare([path]).directory, directory, dirs_exist_ok=True)
            monkeypatch.setattr(module, "_Preparation", None)
    thread.join(30)
    assert results[0].tokenizer.decode(all_tokens(results[0])) == TEXT


def test_a_tokenizer_is_trained_only_once_if_the_preparation_is_interrupted(
    write, tmp_path, small_shards, monkeypatch
):
    path, directory = write("a.txt", TEXT), tmp_path / "prepared"
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_shard", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare([path], "bpe:260", directory=directory)
    monkeypatch.setattr(module.UntrainedTokenizer, "train", lambda *arguments: 1 / 0)
    corpus = prepare([path], "bpe:260", directory=directory)
    assert corpus.tokenizer.decode(all_tokens(corpus)) == TEXT


def test_two_processes_that_prepare_one_corpus_do_not_disturb_each_other(write):
    text = " ".join(map(str, range(200_000)))
    code = """
import sys
from scratchgpt.text import prepare
sys.modules[prepare.__module__].SHARD_TOKENS = 20_000
print(prepare([sys.argv[1]]).fingerprint)
"""
    command = [sys.executable, "-c", code, write("a.txt", text)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    alone = subprocess.check_output(command, text=True)
    assert alone == outputs[0]


def test_a_preparation_killed_at_any_moment_resumes_and_gives_the_same_files(write, tmp_path):
    words = [write("a.txt", TEXT * 4), write("b.txt", TEXT * 3)]
    letters = CharacterTokenizer(TEXT, end_of_text=True)
    letters.save(tmp_path / "letters.json")
    script = Path(__file__).with_name("killed_preparation.py")
    command = [sys.executable, script, tmp_path, tmp_path / "letters.json", *words]
    n_moments, most_kept = map(int, subprocess.check_output(command).split())
    assert n_moments > 12
    assert most_kept == 3


def test_an_interrupted_preparation_of_another_corpus_is_not_resumed(
    write, tmp_path, small_shards, monkeypatch
):
    path, directory = write("a.txt", TEXT), tmp_path / "prepared"
    monkeypatch.setattr(module, "write_manifest", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare([path], "bytes", directory=directory)
    monkeypatch.undo()
    write("a.txt", "another text")
    corpus = prepare([path], "characters", directory=directory)
    assert corpus.tokenizer.kind == "characters"
    assert corpus.tokenizer.decode(all_tokens(corpus)) == "another text"


def test_a_tokenizer_that_changed_since_the_interruption_is_refused(
    write, tmp_path, small_shards, monkeypatch
):
    path, directory = write("a.txt", TEXT), tmp_path / "prepared"
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_manifest", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare([path], directory=directory)
    CharacterTokenizer(TEXT + "Z").save(directory / "tokenizer.json")
    with pytest.raises(UserError, match="has changed since this preparation was interrupted"):
        prepare([path], directory=directory)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc/self/status")
@pytest.mark.parametrize("tokenizer", ["bytes", "characters"])
def test_memory_does_not_grow_with_the_corpus(write, tokenizer):
    line = ("".join(random.Random(0).choices("abcdefgh ", k=999)) + "\n").encode()
    code = """
import re, sys
from scratchgpt.text import prepare
sys.modules[prepare.__module__].SHARD_TOKENS = 1 << 20
prepare([sys.argv[1]], sys.argv[2])
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
"""
    peaks = []
    for n in (3_000, 30_000):  # 3 and 30 MB
        command = [sys.executable, "-c", code, write(f"{n}.txt", line * n), tokenizer]
        peaks.append(int(subprocess.check_output(command)) / 1024)
    assert peaks[1] - peaks[0] < 6, f"{peaks} MB"


def test_bpe_of_a_file_in_blocks_equals_that_of_the_whole_text(write, small_shards):
    bpe = train_bpe([TEXT * 30], 300)
    corpus = prepare([write("a.txt", TEXT * 3)], bpe)
    np.testing.assert_array_equal(all_tokens(corpus)[:-1], bpe.encode(TEXT * 3))


def test_standard_input_is_prepared_like_a_file(write, monkeypatch):
    with open(write("a.txt", TEXT), encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        corpus = prepare(["-"])
    assert corpus.tokenizer.decode(all_tokens(corpus)) == TEXT
    assert corpus.manifest.documents[0]["name"] == "standard input"


def test_the_manifest_describes_documents_tokenizer_and_shards(write):
    path = write("a.txt", "aab")
    manifest = json.loads((prepare([path]).directory / "manifest.json").read_text("utf-8"))
    assert manifest["documents"][0]["name"] == path
    assert "3 bytes" in manifest["documents"][0]["identity"]
    assert manifest["tokenizer"]["kind"] == "characters"
    assert manifest["tokenizer"]["vocab_size"] == 2
    assert manifest["dtype"] == "|u1"
    assert manifest["lengths"] == [3]


def test_the_fingerprint_depends_only_on_tokens_and_split(write):
    one, same = (prepare([write(name, TEXT)], "bytes") for name in ("a.txt", "b.txt"))
    other_split = prepare([write("a.txt", TEXT)], "bytes", val_fraction=0.5)
    other_text = prepare([write("c.txt", TEXT.upper())], "bytes")
    assert one.fingerprint == same.fingerprint
    assert len({one.fingerprint, other_split.fingerprint, other_text.fingerprint}) == 3


def test_a_prepared_corpus_can_be_opened_by_its_folder(write):
    corpus = prepare([write("a.txt", TEXT)], ByteTokenizer())
    np.testing.assert_array_equal(
        all_tokens(open_prepared(str(corpus.directory))), list(TEXT.encode())
    )
