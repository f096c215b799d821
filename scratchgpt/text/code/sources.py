"""The Python files of this installation: the standard library and the installed packages."""

import hashlib
import sysconfig
from itertools import accumulate
from pathlib import Path

# Folders with many files and few informative docstrings.
EXCLUDED = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "encodings", "__pycache__"}
# Folders of installed packages, which are not part of the standard library.
NOT_STANDARD = {"site-packages", "dist-packages"}

# The bytes of source that are read from packages; this takes about 0.2 s per MB.
PACKAGE_BYTES = 1 << 25


def library_files() -> list[tuple[Path, str]]:
    """Return the files of the standard library, and their paths in it, sorted."""
    return _files_below(Path(sysconfig.get_path("stdlib")), EXCLUDED | NOT_STANDARD)


def package_files(most_bytes: int = PACKAGE_BYTES) -> tuple[list[tuple[Path, str]], int]:
    """Return the files of the installed packages, and the number of files that are left out.

    If the packages are larger than ``most_bytes``, the files with the fewest docstrings per byte
    are left out. scratchgpt itself is left out, too, and not counted.
    """
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    files = [
        (path, f"site-packages/{name}")
        for folder in folders
        for path, name in _files_below(Path(folder), EXCLUDED)
        if not name.startswith("scratchgpt/")
    ]
    documented = sorted((_bytes_per_docstring(path), name, path) for path, name in files)
    sizes = accumulate(path.stat().st_size for *_, path in documented)
    n_kept = sum(size <= most_bytes for size in sizes)
    kept = sorted((name, path) for _, name, path in documented[:n_kept])
    return [(path, name) for name, path in kept], len(files) - n_kept


def path_rank(path: str) -> bytes:
    """Return the key that sorts files in a random but fixed order."""
    return hashlib.sha256(path.encode()).digest()


def _bytes_per_docstring(path: Path) -> float:
    """Return the number of bytes for each string with triple quotes, nearly all docstrings."""
    try:
        content = path.read_bytes()
    except OSError:
        return 0.0  # reading it counts it
    n_strings = content.count(b'"""') // 2
    return len(content) / n_strings if n_strings else float("inf")


def _files_below(folder: Path, excluded: set[str]) -> list[tuple[Path, str]]:
    found = []
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder)
        if not excluded.intersection(relative.parts):
            found.append((path, relative.as_posix()))
    return found
