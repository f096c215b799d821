"""The rules of a ``.gitignore`` file, and of globs that select files."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class IgnoreRule(NamedTuple):
    """A line of a ``.gitignore`` file.

    Attributes
    ----------
    parts : tuple
        A regular expression for each part between slashes; None stands for ``**``.
    negated : bool
        Whether the line includes again what an earlier one excluded.
    only_folders : bool
    """

    parts: tuple[re.Pattern[str] | None, ...]
    negated: bool
    only_folders: bool

    def matches(self, names: Sequence[str], is_folder: bool) -> bool:
        """Whether the rule applies to a path, given as names relative to its ``.gitignore``."""
        if self.only_folders and not is_folder:
            return False
        places = {0}  # numbers of names that the parts so far may match
        for i, part in enumerate(self.parts):
            if part is None:
                is_last = i == len(self.parts) - 1  # "folder/**" is what is inside the folder
                places = set(range(min(places) + is_last, len(names) + 1))
            else:
                places = {n + 1 for n in places if n < len(names) and part.match(names[n])}
            if not places:
                return False
        return len(names) in places


def read_rules(text: str) -> list[IgnoreRule]:
    """Read the lines of a ``.gitignore`` file, as git's documentation describes them."""
    rules = (_rule(line.removesuffix("\r")) for line in text.removeprefix("\ufeff").split("\n"))
    return [rule for rule in rules if rule is not None]


def is_ignored(
    rules: Iterable[tuple[int, IgnoreRule]], names: Sequence[str], is_folder: bool
) -> bool:
    """Whether the last rule that applies to a path excludes it.

    Parameters
    ----------
    rules : iterable of (int, IgnoreRule)
        Each rule with the number of names in the path of its ``.gitignore``, in the order in which
        later rules override earlier ones.
    names : sequence of str
        The path, from the same folder.
    is_folder : bool
    """
    ignored = False
    for depth, rule in rules:
        if rule.negated == ignored and rule.matches(names[depth:], is_folder):
            ignored = not ignored
    return ignored


def _rule(line: str) -> IgnoreRule | None:
    line = _without_final_spaces(line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    pattern = line[negated:]
    only_folders = pattern.endswith("/")
    pattern = pattern.rstrip("/")
    if not pattern:
        return None
    anchored = "/" in pattern
    parts = [None if part == "**" else _pattern(part) for part in pattern.lstrip("/").split("/")]
    if not anchored:
        parts.insert(0, None)
    kept = [part for i, part in enumerate(parts) if part or i == 0 or parts[i - 1]]
    return IgnoreRule(tuple(kept), negated, only_folders)


def _without_final_spaces(line: str) -> str:
    stripped = line.rstrip(" ")
    n_backslashes = len(stripped) - len(stripped.rstrip("\\"))
    is_escaped = n_backslashes % 2 == 1 and stripped != line
    return f"{stripped} " if is_escaped else stripped


def _pattern(part: str) -> re.Pattern[str]:
    """Compile a part without slashes; ``fnmatch`` spells an escaped character as a set."""

    def spell(match: re.Match[str]) -> str:
        return f"[{match[1]}]" if match[1] in "*?[" else match[1]

    spelled = re.sub(r"\\(.)", spell, part)
    return re.compile(fnmatch.translate(spelled))
