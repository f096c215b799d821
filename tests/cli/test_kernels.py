import pytest

from scratchgpt import kernels
from scratchgpt.cli.kernels import report_compiling

pytest.importorskip("numba")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("scratchgpt.kernels.compiler.cache.cache_folder", lambda: tmp_path)
    return tmp_path


def test_compiling_is_reported_once(cache, capsys):
    report_compiling("css")
    assert "compiling kernels (first run only)" in capsys.readouterr().err
    (cache / "kernels_0").mkdir()
    (cache / "kernels_0" / "css._forward-15.py311.nbi").touch()
    report_compiling("css")
    assert capsys.readouterr().err == ""


def test_without_kernels_nothing_is_reported(cache, capsys):
    with kernels.disabled():
        report_compiling("css")
    assert capsys.readouterr().err == ""
