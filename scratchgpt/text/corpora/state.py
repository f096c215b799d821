"""``preparation.json``: how far a preparation has come, so that it can be resumed."""

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.structured import read_json, to_record
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.corpora.checksums import remembered_checksums
from scratchgpt.text.corpora.prepared import PROGRESS_FILE
from scratchgpt.text.corpora.shards import shard_path


@dataclass
class State:
    """The progress of a preparation: the next position to encode, and the shards on disk."""

    key: str
    tokenizer: str | None = None  # fingerprint of the tokenizer, once it is saved
    document: int = 0
    piece: int = 0  # within the document
    token: int = 0  # within the piece
    lengths: list[int] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    checksum: str = ""  # of the other fields, in the file

    def save(self, directory: Path) -> None:
        """Write the progress file."""
        values = asdict(self) | {"checksum": self._own_checksum()}
        write_text(directory / PROGRESS_FILE, json.dumps(values))

    @property
    def is_whole(self) -> bool:
        """Whether a state from a file is the one that was saved."""
        return self.checksum == self._own_checksum()

    def _own_checksum(self) -> str:
        values = asdict(self) | {"checksum": ""}
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def load_state(directory: Path, key: str) -> State:
    """Load the state of an interrupted preparation, or create a new one.

    A state is new if the file is missing or damaged, if it belongs to another corpus, or if the
    shards in the folder are not those that the file lists.
    """
    path = directory / PROGRESS_FILE
    with contextlib.suppress(UserError, OSError):
        state = to_record(State, read_json(path), str(path))
        if state.key == key and state.is_whole and _has_shards(directory, state):
            return state
    return State(key)


def _has_shards(directory: Path, state: State) -> bool:
    with remembered_checksums(cache_directory()) as checksums:
        for index, expected in enumerate(state.sha256):
            with open(shard_path(directory, index), "rb") as file:
                if checksums.sha256(file) != expected:
                    return False
    return True
