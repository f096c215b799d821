"""The Python files of this installation: the standard library and the installed packages."""

import hashlib
import sysconfig
from collections.abc import Sequence
from pathlib import Path

# Folders with many files and few informative docstrings.
EXCLUDED = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "encodings", "__pycache__"}
# Folders of installed packages, which are not part of the standard library.
NOT_STANDARD = {"site-packages", "dist-packages"}

# The bytes of source that are read from packages; reading takes about 0.2 s per MB.
PACKAGE_BYTES = 40 << 20


def library_files() -> list[tuple[Path, str]]:
    """Return the files of the standard library, and their paths in it, sorted."""
    return _files_below(Path(sysconfig.get_path("stdlib")), EXCLUDED | NOT_STANDARD)


def package_files(most_bytes: int = PACKAGE_BYTES) -> tuple[list[tuple[Path, str]], int]:
    """Return the files of the installed packages, and the number of files that are left out.

    If the packages are larger than ``most_bytes``, files of the largest packages are left out,
    chosen by the hash of their path, so that no package has more bytes than a common limit.
    scratchgpt itself is left out.
    """
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    files = [file for folder in folders for file in _files_below(Path(folder), EXCLUDED)]
    packages: dict[str, list[tuple[Path, str, int]]] = {}
    for path, name in files:
        package = name.split("/")[0]
        if package != "scratchgpt":
            packages.setdefault(package, []).append((path, name, path.stat().st_size))
    sizes = [sum(size for *_, size in members) for members in packages.values()]
    limit = common_limit(sizes, most_bytes)
    kept, n_left_out = [], 0
    for members in packages.values():
        n_bytes = 0
        for path, name, size in sorted(members, key=lambda member: path_rank(member[1])):
            n_bytes += size
            if n_bytes <= limit:
                kept.append((path, f"site-packages/{name}"))
            else:
                n_left_out += 1
    return kept, n_left_out


def path_rank(path: str) -> bytes:
    """Return the key that sorts files in a random but fixed order."""
    return hashlib.sha256(path.encode()).digest()


def common_limit(sizes: Sequence[int], total: int) -> int:
    """Return the largest limit such that the sizes, each cut to it, sum to at most ``total``."""
    remaining = total
    for n_done, size in enumerate(sorted(sizes)):
        share = remaining // (len(sizes) - n_done)
        if size > share:
            return share
        remaining -= size
    return max(sizes, default=0)


def _files_below(folder: Path, excluded: set[str]) -> list[tuple[Path, str]]:
    found = []
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder)
        if not excluded.intersection(relative.parts):
            found.append((path, relative.as_posix()))
    return found
