"""Downloads of named corpora, verified by checksum."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from scratchgpt.compressed import decompress
from scratchgpt.errors import UserError
from scratchgpt.files import temporary_folder

DATA_VARIABLE = "SCRATCHGPT_DATA"


@dataclass(frozen=True)
class Download:
    """A file with a fixed content.

    Attributes
    ----------
    description : str
    file : str
        Path relative to the folder SCRATCHGPT_DATA and to the downloads folder of the cache.
    url : str
    sha256 : str
    """

    description: str
    file: str
    url: str
    sha256: str


DOWNLOADS = {
    "tinyshakespeare": Download(
        description="40,000 lines of Shakespeare, from Karpathy's char-rnn (2015); 1.1 MB",
        file="tinyshakespeare/input.txt",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
}


def download(name: str, cache: Path) -> Path:
    """Get the file of a named corpus; see :func:`fetch`."""
    return fetch(name, DOWNLOADS[name], cache)


def fetch(name: str, wanted: Download, cache: Path, *, gzipped: bool = False) -> Path:
    """Get a file from the folder SCRATCHGPT_DATA, from the cache, or by download.

    Parameters
    ----------
    name : str
        The name of the file in error messages.
    wanted : Download
    cache : path
    gzipped : bool
        Whether the folder SCRATCHGPT_DATA may have the file compressed, with ``.gz`` after its
        name.

    Raises
    ------
    UserError
        If the file cannot be downloaded, or its checksum differs.
    """
    if folder := os.environ.get(DATA_VARIABLE):
        names = [wanted.file, f"{wanted.file}.gz"] if gzipped else [wanted.file]
        for path in (Path(folder) / each for each in names):
            if path.is_file():
                if not _has_content(path, wanted, gzipped):
                    raise UserError(
                        f"{path} is not {name}: its checksum differs; remove it, or unset "
                        f"{DATA_VARIABLE}"
                    )
                return path

    path = cache / "downloads" / wanted.file
    if path.is_file() and _has_content(path, wanted):
        return path
    import pooch

    pooch.get_logger().setLevel("WARNING")  # by default it logs each download to stderr
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(path) as private:
            pooch.retrieve(wanted.url, f"sha256:{wanted.sha256}", fname=path.name, path=private)
            os.replace(private / path.name, path)
    except Exception as error:  # network libraries raise many types of exceptions
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"cannot download {name}: {reason}; put the file at {wanted.file} in a folder and "
            f"set {DATA_VARIABLE} to that folder"
        ) from error
    return path


def _has_content(path: Path, wanted: Download, gzipped: bool = False) -> bool:
    try:
        with open(path, "rb") as file:
            if gzipped:
                content = decompress(file.read(), str(path))
                return hashlib.sha256(content).hexdigest() == wanted.sha256
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
