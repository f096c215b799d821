"""Numbers and their nouns in messages: ``1 step``, ``2 steps``."""

import ast
import re
from pathlib import Path

import pytest

import scratchgpt
from scratchgpt.errors import UserError, counted, warn_on_failure

PACKAGE = Path(scratchgpt.__file__).parent

NOUNS = [
    "step",
    "token",
    "text",
    "pair",
    "line",
    "file",
    "byte",
    "row",
    "column",
    "word",
    "model",
    "problem",
    "character",
    "sentence",
    "position",
    "value",
    "prompt",
    "sample",
    "beam",
    "worker",
    "batch",
    "core",
    "thread",
    "shard",
    "document",
    "parameter",
    "record",
    "tensor",
    "kink",
    "direction",
    "gradient",
    "input",
    "element",
]
PLURALS = "|".join(counted(2, noun).removeprefix("2 ") for noun in NOUNS)
COUNT = re.compile(rf"\{{\}} (?:[a-z-]+ )?(?:{PLURALS})\b(?!/s)")

# Numbers that are never 1, rates, and words that are no numbers.
ALLOWED = re.compile(
    r"""\{\}\ (tokens|bytes)\ (per|each)
    | \{\}\ threads\ were\ requested
    | x\ \{\}\ tokens
    | \{\}\ (tokens|texts)\ are\ more\ than
    | has\ \{\}\ tokens(,\ more\ than|\ including)
    | problems\ have\ \{\}\ tokens
    | length\ penalty\ of\ \{\}\ tokens
    | more\ than\ \{\}\ characters
    | \{\}\ parameters
    | (\{\}\ of|average\ \{\}\ on)\ \{\}\ (cores|elements)
    | divisible\ by\ the\ \{\}\ workers
    | (its|has|with)\ \{\}\ (bytes|beams)
    | got\ \{\}\ (words|tokens)
    | within\ the\ \{\}\ tokens
    | takes\ \{\}\ positions
    | \{\}\ bytes,\ changed
    | \{\}\ (and\ texts|has\ values|checks\ elements)""",
    re.VERBOSE,
)


def counts_without_singular(source: str) -> list[str]:
    """Return the parts of f-strings in which a number is followed by a plural in any case."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = (v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
            text = "".join(parts)
            allowed = [range(*match.span()) for match in ALLOWED.finditer(text)]
            for match in COUNT.finditer(text):
                if not any(match.end() - 1 in span for span in allowed):
                    found.append(f"line {node.lineno}: {match.group()}")
    return found


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("step", "steps"),
        ("batch", "batches"),
        ("copy", "copies"),
        ("day", "days"),
        ("class", "classes"),
        ("box", "boxes"),
        ("held-out problem", "held-out problems"),
    ],
)
def test_a_number_has_the_noun_that_fits_it(noun, plural):
    assert counted(1, noun) == f"1 {noun}"
    assert [counted(n, noun) for n in (0, 2, 21)] == [f"{n} {plural}" for n in (0, 2, 21)]
    assert counted(2000, noun) == f"2,000 {plural}"
    assert counted(3, "file that is", "files that are") == "3 files that are"


def test_no_message_has_a_plural_for_every_number():
    found = {
        path.relative_to(PACKAGE).as_posix(): counts_without_singular(path.read_text("utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        # Series are of several values; the checks of their lengths say how many are needed.
        if "timeseries" not in path.parts and not path.name.startswith("forecast")
    }
    assert {name: lines for name, lines in found.items() if lines} == {}, "use errors.counted"


def test_such_a_plural_is_found():
    assert counts_without_singular('f"{n:,} steps in {t} s"') == ["line 1: {} steps"]
    assert counts_without_singular('f"{n} held-out problems"') == ["line 1: {} held-out problems"]
    assert counts_without_singular("f\"{counted(n, 'step')} in {t} s, {n / t} tokens/s\"") == []


@pytest.mark.parametrize(
    ("error", "shown"), [(ValueError("a\nb"), "ValueError('a\\nb')"), (UserError("full"), "full")]
)
def test_what_nothing_depends_on_may_fail(error, shown):
    message = f"^{re.escape(f'the plot failed: {shown}')}$"
    with pytest.warns(UserWarning, match=message), warn_on_failure("the plot"):
        raise error
    with pytest.raises(KeyboardInterrupt), warn_on_failure("the plot"):
        raise KeyboardInterrupt
