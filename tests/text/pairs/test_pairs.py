import gzip
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.text import NAMED_PAIRS, DatesTask, find_documents, read_pairs, training_pairs

GERMAN = ["Ein Hund.", "Zwei Männer", "Die Katze schläft."]
ENGLISH = ["A dog.", "Two men", "The cat sleeps."]
BOMB = gzip.compress(bytes(65 << 20), mtime=0)
PACKED = gzip.compress(b"ja\tyes" * 9, mtime=0)  # deterministic, because the bytes are test ids

# Exclude the characters that end a line, and the tab, which separates columns in TSV.
SENTENCES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t\ufeff")).filter(
    lambda text: text.strip()
)
PAIRS = st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=8)


def lines(texts):
    return "".join(f"{text}\n" for text in texts)


def json_lines(objects):
    return lines(json.dumps(each, ensure_ascii=False) for each in objects)


def assert_pairs(text, source=GERMAN, target=ENGLISH):
    assert (text.source, text.target) == (list(source), list(target))
    assert len(text) == len(text.lines) == len(source)


@pytest.fixture
def two_files(write):
    return [write("a.de", lines(GERMAN)), write("a.en", lines(ENGLISH))]


def test_two_files_pair_up_line_by_line(two_files):
    text = read_pairs(two_files)
    assert_pairs(text)
    assert (text.languages, text.has_splits) == (None, False)
    assert text.where(1) == f"line 2 of {two_files[0]}"
    assert text.where(1, "target") == f"line 2 of {two_files[1]}"


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content,
        lambda content: content.removesuffix(b"\n"),
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content,
        gzip.compress,
        lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]),
    ],
    ids=["plain", "no newline at the end", "Windows newlines", "BOM", "gzip", "two gzips"],
)
def test_common_variants_of_files_are_read(write, change):
    tsv = lines(map("\t".join, zip(GERMAN, ENGLISH, strict=True)))
    objects = [{"source": s, "target": t} for s, t in zip(GERMAN, ENGLISH, strict=True)]
    files = {"a.de": lines(GERMAN), "a.en": lines(ENGLISH), "a.tsv": tsv}
    files["a.jsonl"] = json_lines(objects)
    paths = {name: write(name, change(content.encode())) for name, content in files.items()}
    for words in (["a.de", "a.en"], ["a.tsv"], ["a.jsonl"]):
        assert_pairs(read_pairs([paths[word] for word in words]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=PAIRS)
@example(pairs=[("one\u2028line\x0b\x1c\x85", "of\x0ctwo"), ('"quoted', "''")])
def test_every_format_preserves_any_sentences(write, pairs):
    source, target = zip(*pairs, strict=True)
    two = [write("b.de", lines(source)), write("b.en.gz", gzip.compress(lines(target).encode()))]
    tsv = write("b.tsv.gz", gzip.compress(lines(map("\t".join, pairs)).encode()))
    fields = [{"source": s, "target": t, "id": 3} for s, t in pairs]
    translations = [{"translation": {"de": s, "en": t}} for s, t in pairs]
    words = [two, [tsv], [write("b.jsonl", json_lines(fields))]]
    words.append([write("c.jsonl", json_lines(translations))])
    texts = [read_pairs(each) for each in words]
    for text in texts:
        assert_pairs(text, source, target)
    assert len({text.fingerprint for text in texts}) == 1
    assert_pairs(read_pairs([f"{words[-1][0]}:en-de"]), target, source)


def test_the_languages_of_a_translation_are_known(write):
    rows = [
        {"translation": {"de": s, "en": t}, "en": "x"} for s, t in zip(GERMAN, ENGLISH, strict=True)
    ]
    path = write("a.jsonl", json_lines(rows))
    assert read_pairs([path]).languages == ("de", "en")
    assert read_pairs([f"{path}:en-de"]).languages == ("en", "de")


@pytest.mark.parametrize(
    ("names", "language"),
    [
        (("a.en", "a.zh"), "zh"),
        (("a.en.txt", "a.zh.txt"), "zh"),
        (("en.txt", "zh.txt"), "zh"),
        (("a.en-zh.en", "a.en-zh.zh-CN"), "zh-CN"),
        (("a.en-zh.tsv",), "zh"),
        (("a.en", "b.txt"), "b"),  # not the code of a language, which is harmless
        (("a.en", ".txt"), ""),
    ],
)
def test_the_target_language_may_be_in_the_name_of_the_file(write, names, language):
    paths = [write(name, "a\tb\n" if len(names) == 1 else "a\n") for name in names]
    assert read_pairs(paths).target_language == language


def test_the_target_language_of_a_text_with_languages_is_the_second(write):
    path = write("a.en-zh.jsonl", json_lines([{"de": "a", "ja": "b"}]))
    assert read_pairs([path]).target_language == "ja"
    assert read_pairs([f"{path}:ja-de"]).target_language == "de"


def test_fields_of_any_name_can_be_chosen(write):
    rows = [{"id": "7", "deu": s, "eng": t} for s, t in zip(GERMAN, ENGLISH, strict=True)]
    path = write("a.jsonl", json_lines(rows))
    assert_pairs(read_pairs([f"{path}:deu-eng"]))


def test_a_file_whose_name_ends_in_languages_is_that_file(write):
    path = write("a.jsonl:de-en", "not JSON")
    with pytest.raises(UserError, match=r"is one file but neither \.tsv nor \.jsonl"):
        read_pairs([path])


def test_fingerprints_depend_only_on_the_sentences(write):
    contents = ["a\tb\nc\td\n", "a\td\nc\tb\n", "a\tb\n", "b\ta\nd\tc\n"]
    texts = [read_pairs([write("a.tsv", content)]) for content in contents]
    assert len({text.fingerprint for text in texts}) == 4
    assert read_pairs([write("b.tsv", contents[0])]).fingerprint == texts[0].fingerprint


@pytest.mark.parametrize(
    ("n_source", "n_target", "message"),
    [
        (3, 2, "a.de has 3 lines, {}a.en has 2, so line 3 of {}a.de is the first without a par"),
        (1, 4, "a.en has 4 lines, {}a.de has 1, so line 2 of {}a.en is the first without a par"),
        (0, 1, "a.en has 1 line, {}a.de has 0, so line 1 of {}a.en is the first without a par"),
    ],
)
def test_files_of_different_lengths_are_refused(write, tmp_path, n_source, n_target, message):
    words = [write("a.de", "ja\n" * n_source), write("a.en", "yes\n" * n_target)]
    with pytest.raises(UserError) as caught:
        read_pairs(words)
    expected = message.replace("{}", f"{tmp_path}/")
    assert str(caught.value).startswith(f"the files differ in length: {tmp_path}/{expected}")


@pytest.mark.parametrize(
    ("german", "english", "message"),
    [
        ("ja\n\nja\n", "yes\nyes\nyes\n", "line 2 of {}a.de is empty; remove pairs with an empt"),
        ("ja\nja\n", "yes\n \t\n", "line 2 of {}a.en is empty; remove"),
        ("\nja\n\n", "yes\n\nyes\n", "line 1 of {}a.de is empty (and 2 more); remove"),
        ("ja\n\n", "yes\n\n", "line 2 of {}a.de is empty; remove"),
        ("", "", "there is no text in {}a.de; add some pairs"),
    ],
)
def test_an_empty_sentence_is_refused_with_its_line(write, tmp_path, german, english, message):
    with pytest.raises(UserError) as caught:
        read_pairs([write("a.de", german), write("a.en", english)])
    assert str(caught.value).startswith(message.replace("{}", f"{tmp_path}/"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ja\tyes\nnein\n", r"line 2 of .*a\.tsv has 1 column, not 2; each line must be a source"),
        ("ja\tyes\tCC-BY\n", r"line 1 of .*a\.tsv has 3 columns, not 2"),
        ("ja\tyes\n\n", r"line 2 of .*a\.tsv has 1 column"),
        ("\tyes\n", r"line 1 of .*a\.tsv is empty"),
        ("", r"there is no text in .*a\.tsv"),
        (b"ja\tyes\nn\xe4\tno\n", r"a\.tsv is not UTF-8: byte 0xe4 in line 2 \(.*\); convert it"),
        (b"\x1f\x8b\x08\0", r"cannot decompress .*a\.tsv: .*; it is damaged, download it again"),
        (PACKED[:-9], r"cannot decompress .*a\.tsv"),
        (PACKED[:-8] + bytes(8), r"cannot decompress .*a\.tsv"),
        (PACKED[:12] + bytes(30), r"cannot decompress .*a\.tsv"),
        (BOMB, r"a\.tsv has more than 67,108,864 bytes after decompression"),
    ],
)
def test_an_invalid_tsv_file_is_refused_with_the_line(write, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read_pairs([write("a.tsv", content)])
    assert "\n" not in str(caught.value)


GOOD = '{"source": "ja", "target": "yes"}\n'


@pytest.mark.parametrize(
    ("content", "languages", "message"),
    [
        (GOOD + "{", "", r"line 2 of .*a\.jsonl is not JSON: .*"),
        (GOOD + "\n" + GOOD, "", r"line 2 of .*a\.jsonl is not JSON"),
        ("[" * 10**5, "", r"line 1 of .*a\.jsonl is not JSON"),
        ('["ja", "yes"]', "", r"line 1 of .* is not an object with source and target, or with"),
        ('{"translation": "yes"}', "", r"line 1 of .* is not an object with source and target"),
        (GOOD + '{"source": "ja"}', "", r"line 2 of .* has no field 'target'; .* are 'source'"),
        ('{"target": "ja", "src": "a"}', "", r"line 1 of .* has no field 'source'; .* 'target', "),
        ('{"source": "ja", "target": 3}', "", r"line 1 of .* has no text in field 'target'"),
        ('{"source": "ja", "target": ""}', "", r"line 1 of .*a\.jsonl is empty"),
        ("{}", "", r"line 1 of .* neither source and target nor two languages, but nothing;"),
        ('{"de": 1, "en": 2, "fr": 3}', "", r"but 'de', 'en', 'fr'; choose two .* FILE.jsonl:"),
        (GOOD, ":de-en", r"line 1 of .* has no field 'de'; its fields are 'source', 'target'"),
        ('{"translation": {"de": "ja"}}', ":de-en", r"has no field 'en'; its fields are 'de'"),
        ('{"source": "\\ud800", "target": "a"}', "", r"line 1 of .*: character 0 .* is U\+D800"),
        (GOOD, ":de", r"a\.jsonl:de': the suffix must be two languages, as in .*:de-en"),
        (GOOD, ":de-de", "must be two languages"),
        (GOOD, ":de-en-fr", "must be two languages"),
        (GOOD, ":-en", "must be two languages"),
    ],
)
def test_an_invalid_jsonl_file_is_refused_with_the_line(write, content, languages, message):
    path = write("a.jsonl", content)
    with pytest.raises(UserError, match=message) as caught:
        read_pairs([path + languages])
    assert "\n" not in str(caught.value)


def test_the_fields_of_the_first_line_must_be_in_all(write):
    rows = [{"translation": {"de": "ja", "en": "yes"}}, {"translation": {"de": "ja", "fr": "oui"}}]
    with pytest.raises(UserError, match=r"line 2 of .* has no field 'en'; .* 'de', 'fr'"):
        read_pairs([write("a.jsonl", json_lines(rows))])


FORMS = r"two aligned files, one \.tsv or \.jsonl file, or dates, multi30k"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], f"a parallel text is {FORMS}; got 0 words"),
        (["a", "b", "c"], "got 3 words"),
        (["gone.tsv"], f"there is no file 'gone.tsv'; a parallel text is {FORMS}"),
        (["gone.de", "gone.en"], "there is no file 'gone.de'"),
        (["multi30"], "there is no file 'multi30'; did you mean 'multi30k'?"),
        (["multi30k", "gone"], "multi30k is a complete parallel text; leave out the other word"),
        (["multi30k:de-en", "multi30k"], "multi30k:de-en is a complete parallel text"),
        (["dates:de-en"], "dates has no choice of languages; write dates without a suffix"),
        (["multi30k:deen"], "'multi30k:deen': the suffix must be two languages, as in mul"),
        (["nul\0"], "there is no file"),
        (["x" * 5000], "there is no file"),
    ],
)
def test_words_that_name_no_parallel_text_are_refused(words, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        read_pairs(words)


def test_a_folder_and_a_file_of_another_kind_are_refused(write, tmp_path, two_files):
    with pytest.raises(UserError, match=r"a\.de is one file but neither \.tsv nor \.jsonl"):
        read_pairs(two_files[:1])
    with pytest.raises(UserError, match=r"cannot read .*: Is a directory"):
        read_pairs([str(tmp_path), two_files[1]])


def test_an_unknown_split_is_refused():
    with pytest.raises(UserError, match="split='tset' must be train, val or test; did you mean"):
        read_pairs(["dates"], "tset")


def test_a_parallel_text_is_not_a_corpus_for_a_language_model(cache):
    for word in ("multi30k", "multi30k:en-de", "dates"):
        with pytest.raises(
            UserError,
            match=r"no file or corpus .* parallel text: use it with scratchgpt train",
        ):
            find_documents([word], cache)


def test_dates_are_read_by_their_name():
    assert "dates" in NAMED_PAIRS
    text = read_pairs(["dates"], "test")
    assert text.has_splits
    assert text.fingerprint == DatesTask().pairs("test").fingerprint
    train, val = training_pairs(["dates"])
    assert val.fingerprint == DatesTask().pairs("val").fingerprint
    assert len(train) > 100 * len(val)


@pytest.mark.parametrize("val_fraction", [0.1, 0.5, 0.9])
def test_the_held_out_part_of_files_shares_no_source(write, val_fraction):
    # Each source occurs twice, with two translations.
    rows = [(f"satz {i % 500}", f"sentence {i}") for i in range(1000)]
    text = read_pairs([write("a.tsv", lines(map("\t".join, rows)))])
    train, val = training_pairs([text.source_name], val_fraction)
    assert len(val) == 1000 * val_fraction
    assert not set(train.source) & set(val.source)
    for part in (train, val):
        found = list(zip(part.source, part.target, strict=True))
        assert found == [rows[line - 1] for line in part.lines]
        assert list(part.lines) == sorted(part.lines)
    assert sorted([*train.lines, *val.lines]) == list(text.lines)


def test_the_held_out_part_depends_only_on_the_sentences(write):
    rows = [f"satz {i}\tsentence {i}" for i in range(200)]
    _, val = training_pairs([write("a.tsv", lines(rows))])
    _, backwards = training_pairs([write("b.tsv", lines(rows[::-1]))])
    assert set(val.source) == set(backwards.source)
    # The held-out pairs are not simply the first or the last ones.
    assert 60 < sum(val.lines) / len(val) < 140


def test_two_sentences_are_enough_to_hold_one_out(write):
    for val_fraction in (0.01, 0.99):
        train, val = training_pairs([write("a.tsv", "a\tb\nc\td\n")], val_fraction)
        assert len(train) == len(val) == 1
    with pytest.raises(
        UserError, match=r"a\.tsv has only one source sentence, too few to hold one"
    ):
        training_pairs([write("a.tsv", "a\tb\na\tc\n")])


@pytest.mark.parametrize("val_fraction", [0, 1, -0.1, float("nan")])
def test_an_invalid_val_fraction_is_refused(two_files, val_fraction):
    with pytest.raises(UserError, match=r"val_fraction=.* must be between 0 and 1"):
        training_pairs(two_files, val_fraction)
