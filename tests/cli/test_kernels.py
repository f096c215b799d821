import pytest

from scratchgpt import kernels
from scratchgpt.cli.kernels import tell_of_compiling

pytest.importorskip("numba")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("scratchgpt.kernels.compiler.cache.cache_folder", lambda: tmp_path)
    return tmp_path


def test_a_wait_for_the_compiler_is_announced_once(cache, capsys):
    tell_of_compiling("css")
    assert "compiling kernels (first run only)" in capsys.readouterr().err
    (cache / "kernels_0").mkdir()
    (cache / "kernels_0" / "css._forward-15.py311.nbi").touch()
    tell_of_compiling("css")
    assert capsys.readouterr().err == ""


def test_without_kernels_there_is_none(cache, capsys):
    with kernels.disabled():
        tell_of_compiling("css")
    assert capsys.readouterr().err == ""
