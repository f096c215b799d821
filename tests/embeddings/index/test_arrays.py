"""Files of arrays with a checksum."""

import numpy as np
import pytest

from scratchgpt.embeddings.index.arrays import (
    pack_strings,
    read_arrays,
    save_arrays,
    unpack_strings,
)
from scratchgpt.errors import UserError

ARRAYS = {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "empty": np.zeros((0, 4), np.float32)}


def test_arrays_are_read_as_they_were_written(tmp_path):
    save_arrays(tmp_path / "a", ARRAYS, {"name": "ä"})
    arrays, metadata = read_arrays(tmp_path / "a")
    assert metadata == {"name": "ä"}
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert (arrays[name] == array).all()


def test_any_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "a"
    save_arrays(path, ARRAYS, {"name": "x"})
    content = path.read_bytes()
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        with pytest.raises(UserError, match=r"a (is damaged|: )|stored as|is missing"):
            read_arrays(path)


def test_strings_may_have_any_character():
    strings = ["", "a\0b\n", "größe", "\udcff", ""]
    assert unpack_strings(*pack_strings(strings)) == strings
    assert unpack_strings(*pack_strings([])) == []
