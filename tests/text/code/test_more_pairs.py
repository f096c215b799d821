import pytest

from scratchgpt.errors import UserError
from scratchgpt.text.code.functions import functions_of, parse_module
from scratchgpt.text.code.more_pairs import MORE_PAIRS, more_pairs

LONG = "This paragraph has at least eight words, as it must."
SOURCE = f'''"""{LONG}

{LONG.replace("This", "That")}

Short.
"""

class HTTPServer2:
    """A server of the web.

    More about it.
    """

    def readConfigFile(self):
        """Read it."""
        first = 1
        return first

    def close(self):
        x = 1
        # Count the lines of the file
        # before it is closed.
        for line in self:
            x += 1
            y = x
        self.z = x

        # too short
        a = 1
        b = 2

        # Code that ends with the function
        c = 1
        d = 2
        return 3


class Empty:
    """Has no code."""
'''


def pairs(kind, source=SOURCE):
    module = parse_module(source, "a.py")
    found = list(more_pairs(module, functions_of(module), [kind]))
    assert all(each.path == "a.py" for each in found)
    return found


def test_the_words_of_a_name_and_its_code():
    [pair] = pairs("names")
    assert (pair.name, pair.query) == ("readConfigFile", "read config file")
    assert pair.document.startswith("def readConfigFile(self):\n    first = 1")


@pytest.mark.parametrize(
    ("name", "words"),
    [("parse_HTTPRequest2", "parse http request 2"), ("__get_item__", "get item")],
)
def test_names_are_split_at_underscores_digits_and_case(name, words):
    [pair] = pairs("names", f"def {name}():\n    x = 1\n    return x\n")
    assert pair.query == words


def test_the_docstring_of_a_class_and_its_methods():
    [pair] = pairs("classes")
    assert (pair.name, pair.query) == ("HTTPServer2", "A server of the web.")
    assert pair.document.startswith("class HTTPServer2:\n\n    def readConfigFile(self):")
    assert "More about it" not in pair.document


def test_neighboring_paragraphs_of_docstrings():
    [pair] = pairs("paragraphs")
    assert (pair.query, pair.document) == (LONG, LONG.replace("This", "That"))


def test_a_comment_and_the_code_below_it():
    first, last = pairs("comments")
    assert first.query == "Count the lines of the file before it is closed."
    assert first.document == "for line in self:\n    x += 1\n    y = x\nself.z = x"
    assert last.query == "Code that ends with the function"
    assert last.document == "c = 1\nd = 2\nreturn 3"


def test_all_kinds_can_be_read_together():
    module = parse_module(SOURCE, "a.py")
    found = list(more_pairs(module, functions_of(module), tuple(MORE_PAIRS)))
    assert found == [pair for kind in MORE_PAIRS for pair in pairs(kind)]
    assert list(more_pairs(module, functions_of(module), [])) == []


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match="there is no kind of pairs 'name'; did you mean 'names'"):
        pairs("name")
    with pytest.raises(UserError, match="choose from names, classes, paragraphs, comments"):
        pairs("x")
