"""The model that embeds texts, for all verbs that need one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scratchgpt.cli.completion import complete
from scratchgpt.cli.kernels import prepare_kernels

# Compiled kernels take longer to load than the reference takes for a short query.
_FEW_CHARACTERS = 20_000

Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        help="Folder of a run or model that embeds texts.",
        show_default="the model of the index, or the one in the cache",
        autocompletion=complete(folders=True),
    ),
]


class LazyEncoder:
    """A :class:`TextEncoder` that loads the compiled kernels only for documents and long queries.

    Parameters
    ----------
    folder : Path
    threads : int, optional
        The option of the command.
    """

    def __init__(self, folder: Path, threads: int | None) -> None:
        from scratchgpt.embeddings import TextEncoder

        self._encoder = TextEncoder.from_pretrained(folder)
        self._threads = threads
        self._is_prepared = False
        self.dim, self.max_tokens = self._encoder.dim, self._encoder.max_tokens
        self.fingerprint = self._encoder.fingerprint

    def count_tokens(self, texts: list[str]) -> list[int]:
        return self._encoder.count_tokens(texts)

    def encode_query(self, texts: list[str]) -> Any:
        if not self._is_prepared and sum(map(len, texts)) <= _FEW_CHARACTERS:
            from scratchgpt.kernels import disabled

            with disabled():
                return self._encoder.encode_query(texts)
        return self._prepared().encode_query(texts)

    def encode_document(self, texts: list[str]) -> Any:
        """Encode with the kernels, so that a text has the same bits whenever it is indexed."""
        return self._prepared().encode_document(texts)

    def _prepared(self) -> Any:
        if not self._is_prepared:
            prepare_kernels(self._threads)
            self._is_prepared = True
        return self._encoder


def find_model(given: Path | None, index: Path) -> Path | None:
    """Return the model to search with: the given one, that of the index, or the default; or None.

    A model that the index was made with and that is gone counts as none.
    """
    from scratchgpt.embeddings import default_model_folder
    from scratchgpt.embeddings.index.vectors import recorded_model

    if given is not None:
        return given
    recorded = recorded_model(index)
    if recorded and Path(recorded).is_dir():
        return Path(recorded)
    default = default_model_folder()
    return default if default.is_dir() else None
