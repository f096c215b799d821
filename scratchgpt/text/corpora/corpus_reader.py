"""Sequential reading of the text of a corpus."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from scratchgpt.errors import UserError
from scratchgpt.text.corpora.documents import Document
from scratchgpt.text.corpora.pieces import cut_between_words
from scratchgpt.text.tokenizers.cuts import EVERYWHERE, Cuts

# Arguments: the name of the current stage, bytes of text done, total bytes.
ProgressCallback = Callable[[str, int, int], None]


class CorpusReader:
    """Read documents in pieces that end between words, and report progress.

    Parameters
    ----------
    documents : sequence of Document
    report : callable
        Called with (stage, bytes done, total bytes) after each piece.

    Raises
    ------
    UserError
        If all documents are empty.
    """

    def __init__(self, documents: Sequence[Document], report: ProgressCallback) -> None:
        self.documents = documents
        self._report = report
        self._begins = list(accumulate((d.n_bytes for d in documents), initial=0))
        if self.n_bytes == 0:
            others = " and the other files" if len(documents) > 1 else ""
            raise UserError(
                f"the corpus is empty: there is no text in {documents[0]}{others}; give more files"
            )

    @property
    def n_bytes(self) -> int:
        """Total size of all documents."""
        return self._begins[-1]

    def pieces(self, index: int, what: str, cuts: Cuts = EVERYWHERE) -> Iterator[str]:
        """Yield the pieces of one document, and report progress of the stage ``what``."""
        done, document = self._begins[index], self.documents[index]
        for text in cut_between_words(document.blocks(), cuts, str(document)):
            yield text
            done += len(text.encode())
            self._report(what, done, self.n_bytes)

    def all_pieces(self, what: str) -> Iterator[str]:
        """Yield the pieces of all documents, and report progress of the stage ``what``."""
        for index in range(len(self.documents)):
            yield from self.pieces(index, what)
