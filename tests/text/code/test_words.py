"""The words of code and of prose."""

import pytest

from scratchgpt.text.code.words import words


@pytest.mark.parametrize(
    "identifier",
    ["readJSONFile", "read_json_file", "ReadJsonFile", "READ_JSON_FILE", "read-JSONFile"],
)
def test_spellings_of_an_identifier_have_the_same_words(identifier):
    assert words(identifier) == words("read json file")


def test_identifiers_are_divided_at_case_changes_digits_and_underscores():
    assert words("HTTPServer2go __init__ x") == ["http", "server", "2", "go", "init", "x"]


@pytest.mark.parametrize(
    "forms",
    [
        "parse parses parsed parsing",
        "file files",
        "run runs running",
        "copy copies copied copying",
        "class classes",
        "box boxes boxed",
        "call calls called calling",
    ],
)
def test_forms_of_an_english_word_are_equal(forms):
    assert len(set(words(forms))) == 1


@pytest.mark.parametrize(
    "word", ["this", "status", "class", "tree", "string", "red", "need", "use"]
)
def test_words_that_only_look_inflected_are_kept(word):
    assert words(word) == [word]


def test_other_scripts_have_words():
    assert words("naïveGröße Ωmega") == ["naïve", "größe", "ωmega"]
    assert words("читатьФайл") == ["читать", "файл"]
    assert words("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert words("读取 file") == ["读", "取", "fil"]


def test_the_path_for_all_scripts_agrees_with_that_for_ascii():
    text = "class HTTPServer2: aB = [x_y, ABC, Abc, a1B2]"
    assert words(text + " é")[:-1] == words(text)


def test_a_text_without_words_has_none():
    assert words("") == words(" ... \n\t()") == words("— «»") == []
