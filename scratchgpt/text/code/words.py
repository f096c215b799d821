"""The words of source code and of prose, for search by words."""

import re
import unicodedata
from functools import lru_cache

# Words by the class of their letters: upper case, lower case, digits. HTTPServer2 has three.
_WORDS = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# The same for other scripts, in a string of classes; see _letter_class.
_OTHER_WORDS = re.compile("[Um]+(?!l)|U?[lm]+|d+|[om]+|c")
_VOWELS = frozenset("aeiouy")
_SHORTEST_STEM = 3
# The letters of Chinese and Japanese, which write no spaces. Each letter is a word.
_NO_SPACES = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def words(text: str) -> list[str]:
    """Return the words of a text in lower case and without endings, in their order.

    An identifier is divided where its case changes, at digits and at underscores: ``readJSONFile``
    and ``read_json_file`` have the same words. Some English endings are removed, so ``files`` and
    ``file``, or ``parsing`` and ``parsed``, are equal; a word may lose its final ``e`` that way.
    Punctuation separates words and is not part of any word.

    Examples
    --------
    >>> words("def parseHTTPHeaders(utf8_lines):")
    ['def', 'pars', 'http', 'header', 'utf', '8', 'lin']
    >>> words("Parsing the headers of a file")
    ['pars', 'the', 'header', 'of', 'a', 'fil']
    """
    if text.isascii():
        return [_stem(word.lower()) for word in _WORDS.findall(text)]
    text = unicodedata.normalize("NFKC", text)
    classes = "".join(map(_letter_class, text))
    return [
        _stem(text[match.start() : match.end()].lower()) for match in _OTHER_WORDS.finditer(classes)
    ]


@lru_cache(4096)
def _letter_class(letter: str) -> str:
    """Return U, l, d, m, c or o for the class of a letter, and a space for punctuation."""
    if letter.isupper():
        return "U"
    if letter.islower():
        return "l"
    if letter.isnumeric() and not letter.isalpha():
        return "d"
    if _NO_SPACES.match(letter):
        return "c"
    if unicodedata.category(letter).startswith("M"):  # vowels of Hindi, for example
        return "m"
    return "o" if letter.isalpha() else " "


@lru_cache(1 << 16)
def _stem(word: str) -> str:
    """Remove the ending of an English plural or verb, and a final e."""
    if len(word) <= _SHORTEST_STEM or not word.isascii():
        return word
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and word[-2] not in "sui":
        word = word[:-1]
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST_STEM and not _VOWELS.isdisjoint(stem):
            is_doubled = stem[-1] == stem[-2] and stem[-1] not in "lsz"
            word = stem[:-1] if is_doubled else stem
            break
    if word.endswith("e") and len(word) > _SHORTEST_STEM and word[-2] != "e":
        word = word[:-1]
    return word
