import json
import os
import platform
import sys

import numpy as np
import pytest

from scratchgpt.backend import kernels_available
from scratchgpt.errors import UserError
from scratchgpt.kernels import disabled
from scratchgpt.measure import examine, findings

pytestmark = pytest.mark.switch
with_kernels = pytest.mark.skipif(not kernels_available(), reason="kernels are not available")


@pytest.fixture
def found():
    return examine(measure=False)


def test_findings_are_those_of_python(found):
    assert found.versions["python"] == platform.python_version()
    assert found.versions["numpy"] == np.__version__
    assert found.kernels in ("on", "off", "missing")
    assert (found.kernels == "on") == kernels_available()
    assert found.measured is None
    if sys.platform == "linux":
        assert found.cores == len(os.sched_getaffinity(0))


def test_it_can_be_written_as_json(found):
    assert json.loads(json.dumps(found.as_dict()))["blas"][0]["threads"] >= 1


def test_the_blas_libraries_of_numpy_and_scipy_are_named(found):
    assert all(blas.name and blas.used_by for blas in found.blas)
    assert [blas.used_by for blas in found.blas] == sorted(blas.used_by for blas in found.blas)


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/v/site-packages/numpy.libs/libscipy_openblas64_-32a4.so", "NumPy"),
        ("/v/site-packages/scipy.libs/libscipy_openblas-6cdc.so", "SciPy"),
        ("/v/site-packages/scipy/.dylibs/libopenblas.dylib", "SciPy"),
        ("/usr/lib/libblis.so.4", "libblis.so.4"),
    ],
)
def test_a_library_belongs_to_whose_folder_it_is_in(path, owner):
    assert findings._owner(path) == owner


def test_only_relevant_environment_variables_are_reported(monkeypatch):
    for name in list(os.environ):
        if name.startswith(findings.PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("SECRET", "42")
    assert examine(measure=False).environment == {"OPENBLAS_CORETYPE": "Haswell"}


def test_kernels_that_are_switched_off_are_not_tried(monkeypatch):
    monkeypatch.setattr(findings, "threading_layer", None)  # calling it would fail
    with disabled():
        found = examine(measure=False)
    assert found.kernels == ("off" if found.versions["numba"] else "missing")
    assert found.threading_layer is None


@with_kernels
def test_failing_kernels_are_reported_in_one_line_with_the_rest(monkeypatch):
    def fail():
        raise RuntimeError("no threading layer\nand many a word about it")

    monkeypatch.setattr(findings, "threading_layer", fail)
    found = examine(measure=False)
    assert (found.kernels, found.kernels_error) == ("broken", "no threading layer")
    assert found.threads >= 1


@with_kernels
def test_a_wrong_user_setting_is_a_user_error(monkeypatch):
    def fail():
        raise UserError("SCRATCHGPT_THREADS='0' must be")

    monkeypatch.setattr(findings, "threading_layer", fail)
    with pytest.raises(UserError):
        examine(measure=False)


@with_kernels
class TestCache:
    @pytest.fixture
    def folder(self, monkeypatch, tmp_path):
        from scratchgpt.kernels.compiler import cache

        folder = tmp_path / "kernels"
        monkeypatch.setattr(cache, "cache_folder", lambda: folder)
        return folder

    def test_the_bytes_of_files_in_the_cache_are_counted(self, folder):
        (folder / "inner").mkdir(parents=True)
        (folder / "a").write_bytes(bytes(100))
        (folder / "inner" / "b").write_bytes(bytes(23))
        cache = findings._cache()
        assert (cache.folder, cache.n_bytes) == (str(folder), 123)
        assert cache.problem is None
        assert not cache.compiled

    def test_a_marker_says_that_all_is_compiled(self, folder):
        from scratchgpt.kernels.compiler.cache import compiled_marker

        folder.mkdir()
        compiled_marker().touch()
        assert findings._cache().compiled

    def test_a_folder_that_cannot_be_made_is_not_writable(self, folder):
        folder.write_text("a file is in the way", encoding="utf-8")
        cache = findings._cache()
        assert (cache.n_bytes, cache.problem, cache.compiled) == (0, "File exists", False)
