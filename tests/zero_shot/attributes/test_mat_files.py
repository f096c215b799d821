"""MATLAB files are read, or refused in one line."""

import numpy as np
import pytest
from scipy.io import savemat

from scratchgpt.zero_shot.attributes.mat_files import MARK, read_mat


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"x": np.arange(6.0).reshape(2, 3), "y": np.array([[1]])}, do_compression=True)
    return path


def test_variables_are_read_and_optional_ones_may_be_missing(path):
    found = read_mat(path, ("x",), ("z",))
    assert list(found) == ["x"]
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_missing_variable_is_named(path):
    with pytest.raises(ValueError, match=r"a.mat has no variable 'xs'; did you mean 'x'"):
        read_mat(path, ("xs",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a MATLAB file of version 5 to 7"),
        (b"MATLAB 7.3 MAT-file, HDF5", "has MATLAB's format 7.3, which cannot be read; save it"),
        (b"\x80\x04\x95 a pickle", "is not a MATLAB file of version 5 to 7"),
        (MARK, "is damaged and cannot be read; download it again"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "b.mat"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_mat(path, ("x",))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"has no b.mat; name a folder with res101.mat"):
        read_mat(tmp_path / "b.mat", ("x",))


def test_a_variable_that_is_too_large_for_the_file_is_refused(tmp_path):
    path = tmp_path / "zeros.mat"
    savemat(path, {"x": np.zeros((3000, 3000))}, do_compression=True)
    with pytest.raises(ValueError, match=r"x is \(3000, 3000\), too large for a file of"):
        read_mat(path, ("x",))


def test_a_cut_file_is_refused(path):
    content = path.read_bytes()
    for n in range(len(MARK), len(content) - 1, 7):
        path.write_bytes(content[:n])
        with pytest.raises(ValueError, match=r"damaged|no variable"):
            read_mat(path, ("x", "y"))
