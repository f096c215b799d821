"""The text of a corpus, read from beginning to end."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from scratchgpt.errors import UserError
from scratchgpt.text.corpora.documents import Document
from scratchgpt.text.corpora.pieces import cut_between_words

# (what is being done, bytes of text done, bytes in all)
ProgressCallback = Callable[[str, int, int], None]


class CorpusReader:
    """Reads documents in pieces that end between words, and tells how far it is.

    Parameters
    ----------
    documents : sequence of Document
    report : callable
        Called with (what is being done, bytes done, bytes in all) behind each piece.

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
            raise UserError(f"the corpus is empty: there is no text in {documents[0]}{others}")

    @property
    def n_bytes(self) -> int:
        """Size of all documents."""
        return self._begins[-1]

    def pieces(self, index: int, what: str) -> Iterator[str]:
        """The pieces of one document, while ``what`` is being done with them."""
        done = self._begins[index]
        for text in cut_between_words(self.documents[index].blocks()):
            yield text
            done += len(text.encode())
            self._report(what, done, self.n_bytes)

    def all_pieces(self, what: str) -> Iterator[str]:
        """The pieces of all documents."""
        for index in range(len(self.documents)):
            yield from self.pieces(index, what)
