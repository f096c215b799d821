"""The on-disk cache of compiled kernels.

Numba's own cache loads any file that is in its place, and a damaged file breaks the program for
good. Here each file begins with a checksum; a file that is damaged, or that Numba cannot load, is
compiled again and replaced. Files contain code, so they are only loaded from a folder that belongs
to this user alone. If there is no such folder, or it cannot be written, kernels are compiled in
every process and not kept.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import pickle
import stat
import sys
import warnings
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.files import replacing

CHECKSUM_BYTES = 32


@functools.cache
def cache_folder() -> Path:
    """Return the folder for the kernels of this version of scratchgpt, Numba and Python.

    It is in ``NUMBA_CACHE_DIR`` if that is set, else in the user's cache. Its name is a digest of
    the source of all kernels, because a kernel also contains functions of other files.
    """
    digest = digest_of(Path(__file__).parents[1], importlib.metadata.version("numba"))
    return kernels_folder() / digest


def kernels_folder() -> Path:
    """Return ``NUMBA_CACHE_DIR``, or the folder of the user's cache for all versions of kernels."""
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(folder)
    import platformdirs

    return Path(platformdirs.user_cache_dir("scratchgpt")) / "kernels"


def digest_of(sources: Path, version: str) -> str:
    """Return a digest of all sources in a folder, of Numba's version and of Python's."""
    facts = f"{version} {sys.implementation.cache_tag}"
    digest = hashlib.blake2b(facts.encode(), digest_size=8)
    for source in sorted(sources.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


@functools.cache
def usable_folder() -> Path | None:
    """Create the cache folder; return None, with a warning, if kernels cannot be kept in it."""
    folder = cache_folder()
    problem = problem_of(folder)
    if problem is None:
        return folder
    _not_kept(folder, problem)
    return None


def problem_of(folder: Path) -> str | None:
    """Create a folder for this user alone; say why kernels cannot be kept in it, or return None."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return "it cannot be written"
    except OSError as error:
        return error.strerror or str(error)
    if not hasattr(os, "geteuid"):
        return None  # Windows, where the cache of a user belongs to that user alone
    if status.st_uid != os.geteuid():
        return "it belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "other users may write to it"
    return None


def _not_kept(folder: Path, problem: str) -> None:
    warnings.warn(
        f"compiled kernels are not kept, and are compiled again by the next process: {folder}: "
        f"{problem}; set NUMBA_CACHE_DIR to a folder of your own",
        stacklevel=2,
    )


def compiled_marker(what: str = "compiled") -> Path:
    """Return the file whose existence says that some of the kernels are in the cache.

    Its name depends on the CPU that they were compiled for.
    """
    from scratchgpt.kernels.compiler.cpu import cpu_features, cpu_name

    facts = f"{cpu_name()} {cpu_features()}"
    digest = hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()
    return cache_folder() / f"{what}-{digest}"


class KernelCache:
    """The cache of one function, with the methods that Numba's compiler calls.

    Each combination of argument types and CPU has a separate file, so processes that compile at
    the same time do not need to agree on anything.
    """

    _can_save = True  # of all functions, until a file could not be written

    def __init__(self, function: Any) -> None:
        if function.__closure__ is not None:
            raise TypeError(f"{function.__qualname__}: a kernel cannot be a closure")
        self._function = function

    @property
    def cache_path(self) -> str:
        """The folder, for Numba's statistics."""
        return str(cache_folder())

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Load the function compiled for argument types, or return None."""
        from numba.core.compiler import CompileResult

        target.refresh()
        folder = usable_folder()
        if folder is None:
            return None
        # A file may be damaged in any way, and what is wrong with it does not matter.
        with contextlib.suppress(Exception):
            content = (folder / self._name(signature, target.codegen())).read_bytes()
            if _checksum(content[CHECKSUM_BYTES:]) == content[:CHECKSUM_BYTES]:
                parts = pickle.loads(memoryview(content)[CHECKSUM_BYTES:])
                return CompileResult._rebuild(target, *parts)
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Save the function compiled for argument types."""
        folder = usable_folder()
        if folder is None or not KernelCache._can_save:
            return
        from numba.core.serialize import dumps

        content = dumps(compiled._reduce())
        try:
            with replacing(folder / self._name(signature, compiled.codegen)) as temporary:
                temporary.write_bytes(_checksum(content) + content)
        except UserError as error:
            KernelCache._can_save = False
            _not_kept(folder, str(error.__cause__))

    def _name(self, signature: Any, codegen: Any) -> str:
        function = self._function
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        code = function.__code__
        names = (function.__module__, function.__qualname__, code.co_names)
        facts = (*names, code.co_consts, signature, codegen.magic_tuple())
        digest = hashlib.blake2b(repr(facts).encode(), digest_size=16)
        digest.update(code.co_code)
        return f"{name}.{digest.hexdigest()}"


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=CHECKSUM_BYTES).digest()
