import gzip
import json
import warnings

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text.pairs.text_pair_files import FIELDS
from scratchgpt.text.pairs.text_pairs import TextPairs, read_text_pairs

QUERIES = ["how to add", "größer 😀"]
DOCUMENTS = ["a + b", "a > b"]


@pytest.fixture(autouse=True)
def no_warnings():
    """Fail at a warning that a test does not expect."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def lines(texts):
    return "".join(f"{text}\n" for text in texts)


def jsonl(*objects):
    return lines(json.dumps(each) for each in objects)


def tsv(*rows):
    return lines("\t".join(row) for row in rows)


@pytest.mark.parametrize("compress", [str.encode, lambda text: gzip.compress(text.encode())])
def test_tsv_has_a_query_a_document_and_negatives(write, compress):
    rows = list(zip(QUERIES, DOCUMENTS, strict=True))
    ending = "" if compress is str.encode else ".gz"
    path = write(f"a.tsv{ending}", compress(tsv(*rows)))
    assert read_text_pairs([path]) == TextPairs(QUERIES, DOCUMENTS)
    content = tsv((*rows[0], "no", "", "never"), rows[1])
    with pytest.warns(UserWarning, match=r"a\.tsv.*: leaving out 1 empty negative$"):
        pairs = read_text_pairs([write(f"a.tsv{ending}", compress(content))])
    assert pairs == TextPairs(QUERIES, DOCUMENTS, negatives=[["no", "never"], []])


@pytest.mark.parametrize("names", FIELDS, ids="/".join)
@pytest.mark.parametrize("negative", [{}, {"negative": "no"}, {"negatives": ["no"]}])
def test_jsonl_has_fields_for_both_sides_and_negatives(write, names, negative):
    rows = (dict(zip(names, row, strict=True)) for row in zip(QUERIES, DOCUMENTS, strict=True))
    path = write("a.jsonl", jsonl(*({**row, "id": None, **negative} for row in rows)))
    expected = [["no"]] * 2 if negative else None
    assert read_text_pairs([path]) == TextPairs(QUERIES, DOCUMENTS, negatives=expected)


def test_two_files_are_aligned_by_line(write):
    files = [write("a.txt", lines(QUERIES)), write("b.txt", lines(DOCUMENTS))]
    assert read_text_pairs(files) == TextPairs(QUERIES, DOCUMENTS)
    files[1] = write("b.txt", lines(DOCUMENTS[:1]))
    with pytest.raises(UserError, match=r"so line 2 of .*a\.txt is the first without a partner"):
        read_text_pairs(files)


PARAGRAPHS = [f"Paragraph number {i} of this text, which is long enough." for i in range(4)]


def test_the_paragraphs_of_a_text_are_pairs_of_neighbors(write):
    path = write("a.txt", "\r\n\r\n".join(PARAGRAPHS).encode())
    assert read_text_pairs([path]) == TextPairs(PARAGRAPHS[:-1], PARAGRAPHS[1:], [path] * 3)


def test_the_prose_of_a_folder_is_read_and_other_files_are_counted(write, tmp_path):
    for name in ("a.md", "b.rst"):
        write(f"folder/{name}", "\n\n".join(PARAGRAPHS[:2]).replace("Para", f"{name} para"))
    write("folder/c.py", "\n\n".join(PARAGRAPHS))
    with pytest.warns(
        UserWarning, match=r"folder: leaving out 1 file whose name does not end with"
    ):
        pairs = read_text_pairs([str(tmp_path / "folder")])
    assert pairs.groups == [str(tmp_path / "folder" / name) for name in ("a.md", "b.rst")]
    assert [query[:8] for query in pairs.queries] == ["a.md par", "b.rst pa"]


def test_pairs_that_are_empty_or_equal_are_left_out_and_counted(write):
    rows = [("a", "A", "n"), ("", "B"), ("b", " "), ("c", "C"), ("a", "A", "m"), ("a", "D")]
    with pytest.warns(
        UserWarning, match="leaving out 2 pairs with an empty side and 1 pair equal to another$"
    ):
        pairs = read_text_pairs([write("a.tsv", tsv(*rows))])
    assert (pairs.queries, pairs.documents) == (["a", "c", "a"], ["A", "C", "D"])
    assert pairs.negatives == [["n"], [], []]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.jsonl has 0 pairs, but"),
        (jsonl({"query": "a", "document": "b"}), "a.jsonl has 1 pair, but .* add some"),
        ("x\n", "line 1 of .* is not JSON"),
        ("[1]\n", "line 1 of .* is not an object with query/document, anchor/positive, "),
        (jsonl({}), "none of the pairs of fields query/document.*; its fields are none"),
        (jsonl({"query": "a", "positive": "b"}), "its fields are 'query', 'positive'"),
        (
            jsonl({"title": "a", "body": "b", "question": "c", "answer": "d"}),
            "has both title/body and question/answer; leave",
        ),
        (
            jsonl({"query": "a", "document": "b"}, {"query": "a"}),
            "line 2 of .* has no field 'document'; its fields are 'query'",
        ),
        (jsonl({"query": 1, "document": "b"}), "line 1 of .* has no text in field 'query'"),
        (
            jsonl({"query": "a", "document": "b", "negative": "c", "negatives": []}),
            "has both negative and negatives; leave one",
        ),
        (
            jsonl({"query": "a", "document": "b", "negatives": ["c", 1]}),
            "line 1 of .*: negatives is neither a text nor a list of texts",
        ),
        (
            jsonl({"query": "a", "document": "b", "negative": "\ud800"}),
            "line 1 of .*: .*surrogate",
        ),
        (jsonl({"query": "\ud800", "document": "b"}), "line 1 of .*: .*surrogate"),
    ],
    ids=range(13),
)
def test_a_jsonl_file_with_mistakes_is_refused(write, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read_text_pairs([write("a.jsonl", content)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\nc\n", r"line 2 of .*a\.tsv has 1 column, not 2 or more; each line must be a query"),
        ("a\tb\n\n", r"line 2 of .*a\.tsv has 1 column"),
        ("a\tb\n", r"a\.tsv has 1 pair, but"),
        (b"a\t\xff\n", r"a\.tsv is not UTF-8: byte 0xff in line 1"),
    ],
    ids=["one column", "an empty line", "one pair", "not UTF-8"],
)
def test_a_tsv_file_with_mistakes_is_refused(write, content, message):
    with pytest.raises(UserError, match=message):
        read_text_pairs([write("a.tsv", content)])


def test_a_text_without_neighbors_is_refused(write):
    with pytest.raises(UserError, match=r"a\.txt \(as neighboring paragraphs\) has 0 pairs"):
        read_text_pairs([write("a.txt", "word " * 99)])
