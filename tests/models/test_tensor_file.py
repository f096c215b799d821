"""Reading and writing of safetensors files, compared with the library, and damaged files."""

import json
import math

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import tensor_file
from scratchgpt.models.tensor_file import TensorFile, save_tensors

FLOATS = (np.float16, np.float32, np.float64)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


def write(path, header, data=b""):
    """Write a file with any header and any content."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def refused(path, *parts):
    with pytest.raises(UserError) as caught:
        TensorFile(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (path.name, *parts):
        assert part in message


@pytest.mark.parametrize("piece_bytes", [1, 40, 1 << 22])
def test_files_of_the_library_are_read(path, rng, monkeypatch, piece_bytes):
    from safetensors.numpy import save_file

    monkeypatch.setattr(tensor_file, "PIECE_BYTES", piece_bytes)
    shapes = {"vector": (7,), "matrix": (5, 3), "cube": (2, 3, 4), "scalar": (), "one": (1, 1)}
    for dtype in FLOATS:
        arrays = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
        save_file(arrays, path, metadata={"format": "pt"})
        file = TensorFile(path)
        assert set(file.tensors) == set(shapes)
        for name, array in arrays.items():
            for out in (np.empty(array.shape, dtype), np.empty(array.shape[::-1], dtype).T):
                assert file.read(name, out)
                np.testing.assert_array_equal(out, array)


def test_bfloat16_is_the_upper_half_of_float32(path, torch, rng):
    from safetensors.torch import save_file

    tensor = torch.tensor(rng.normal(size=(6, 5)) * 10.0 ** rng.integers(-30, 30, (6, 5)))
    save_file({"a": tensor.to(torch.bfloat16)}, path)
    for dtype in FLOATS[1:]:
        out = np.empty((6, 5), dtype)
        TensorFile(path).read("a", out)
        np.testing.assert_array_equal(out, tensor.to(torch.bfloat16).double().numpy())


def test_arrays_that_are_not_contiguous_are_saved_correctly(path, rng):
    """safetensors itself would write the bytes in memory order."""
    arrays = {
        "transposed": rng.normal(size=(3, 5)).T,
        "every second": rng.normal(size=(6, 4))[::2, 1::2],
        "backwards": rng.normal(size=9)[::-1],
        "swapped": rng.normal(size=(2, 3, 4)).swapaxes(0, 2),
        "broadcast": np.broadcast_to(rng.normal(size=4), (3, 4)),
    }
    save_tensors(path, arrays)
    for name, array in arrays.items():
        out = np.empty(array.shape)
        TensorFile(path).read(name, out)
        np.testing.assert_array_equal(out, array)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_reported(path, value):
    a = np.zeros((50, 2))
    a[49, 1] = value
    save_tensors(path, {"a": a, "b": np.zeros(3)})
    file = TensorFile(path)
    assert not file.read("a", np.empty((50, 2)))
    assert file.read("b", np.empty(3))


def test_overflow_in_a_smaller_dtype_is_reported(path):
    save_tensors(path, {"a": np.array([1.0, 1e300])})
    out = np.empty(2, np.float32)
    assert not TensorFile(path).read("a", out)
    np.testing.assert_array_equal(out, [1, math.inf])


def test_arrays_with_the_same_data_are_recognized(tmp_path, path):
    a = np.arange(12.0).reshape(3, 4)
    other = tmp_path / "b.safetensors"
    save_tensors(path, {"a": a, "wide": a.reshape(2, 6), "half": a.astype(np.float32)})
    save_tensors(other, {"a": a, "changed": np.where(a == 11, 0, a)})
    file, others = TensorFile(path), TensorFile(other)
    assert file.same_data("a", others, "a")
    assert not file.same_data("a", others, "changed")
    assert not file.same_data("a", file, "wide")
    assert not file.same_data("a", file, "half")


def test_a_file_that_is_missing_is_named(path):
    refused(path, "is missing")


def test_a_folder_is_refused(tmp_path):
    refused(tmp_path, "cannot read")


@pytest.mark.parametrize("n_bytes", [0, 7, 8, 50, -1])
def test_a_truncated_file_is_refused(path, n_bytes):
    save_tensors(path, {"a": np.zeros((3, 4)), "b": np.zeros(2)})
    path.write_bytes(path.read_bytes()[:n_bytes])
    refused(path, "is damaged or not a safetensors file")


def test_a_file_with_extra_bytes_is_refused(path):
    save_tensors(path, {"a": np.zeros(3)})
    path.write_bytes(path.read_bytes() + b"more")
    refused(path, "is damaged", "but its header says")


def test_a_git_lfs_pointer_is_recognized(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 548105171\n")
    refused(path, "is a pointer of Git LFS", "git lfs pull")


def entry(**changes):
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (b"{", "its header is not valid JSON"),
        (b"\xff\xfe{}", "its header is not valid JSON"),
        ([], "its header is not a JSON object"),
        ({"a": 3}, "does not describe a"),
        ({"a": {"dtype": "F32", "shape": [2]}}, "does not describe a: 'data_offsets'"),
        ({"a": entry(shape=[-2])}, "a size that is not a whole number"),
        ({"a": entry(shape=[2.0])}, "a size that is not a whole number"),
        ({"a": entry(shape=[True, 2])}, "a size that is not a whole number"),
        ({"a": entry(data_offsets=[0, 8, 9])}, "does not describe a"),
        ({"a": entry(data_offsets=[0, "8"])}, "a size that is not a whole number"),
        ({"a": entry(dtype="F4")}, "a is stored as F4"),
        ({"a": entry(shape=[3])}, "a does not take as many bytes as its shape needs"),
        ({"a": entry(data_offsets=[4, 12])}, "are not contiguous"),
        ({"a": entry(), "b": entry()}, "are not contiguous"),
        ({"a": entry(), "b": entry(data_offsets=[8, 16])}, "but its header says"),
    ],
)
def test_an_invalid_header_is_refused(path, header, part):
    write(path, header, bytes(8))
    refused(path, part)


def test_an_old_file_survives_a_failed_save(path, monkeypatch):
    save_tensors(path, {"a": np.zeros(3)})
    before = path.read_bytes()

    def full_disk(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full_disk)
    with pytest.raises(UserError, match="No space left on device"):
        save_tensors(path, {"a": np.ones(3)})
    assert path.read_bytes() == before
