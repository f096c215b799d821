"""The words of the project: no banned phrase in docs, help, errors, docstrings or comments."""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("scratchgpt", "tests", "benchmarks", "examples", "docs")
TEXT = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "Makefile"]
RULES = [
    line.split("\t")
    for line in (ROOT / "tests/prose/banned.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
NAMES = {rule.removeprefix("name:"): word for rule, word in RULES if rule.startswith("name:")}
PHRASES = [(re.compile(rule, re.IGNORECASE), word) for rule, word in RULES if ":" not in rule[:5]]


def files() -> list[Path]:
    """Every file with prose in it, generated files excluded."""
    found = [path for name in FOLDERS for path in (ROOT / name).rglob("*")]
    kept = [path for path in found if path.suffix in (".py", ".md", ".toml")]
    return sorted(path for path in [*kept, *TEXT] if "_build" not in path.parts and path.exists())


def pieces(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line number, text and whether it is an identifier, of what a reader reads."""
    if path.suffix != ".py":
        yield 1, path.read_text(encoding="utf-8"), False
        return
    comment, first = "", 0
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:  # a comment may run over several lines
                comment, first = f"{comment} {token.string.lstrip('# ')}", first or token.start[0]
                continue
            if comment and token.type not in (tokenize.NL, tokenize.NEWLINE):
                yield first, comment, False
                comment, first = "", 0
            kind = tokenize.tok_name[token.type]
            if kind in ("STRING", "FSTRING_MIDDLE"):
                yield token.start[0], token.string, False
            elif kind == "NAME":
                yield token.start[0], token.string, True


def banned(path: Path) -> Iterator[str]:
    """One line for each banned phrase or name in a file: where, what, and what to write."""
    for line, text, is_name in pieces(path):
        if is_name:
            if text in NAMES:
                yield f"{path.relative_to(ROOT)}:{line}: {text}: write {NAMES[text]}"
            continue
        flat = re.sub(r"\s+", " ", text)
        for phrase, word in PHRASES:
            for match in phrase.finditer(flat):
                yield f"{path.relative_to(ROOT)}:{line}: {match[0]!r}: write {word}"


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_banned_phrase(path):
    assert not list(banned(path))
