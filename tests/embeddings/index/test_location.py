"""Where an index is kept."""

from scratchgpt.embeddings.index.location import default_model_folder, index_folder


def test_folders_of_a_repository_share_an_index(tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCHGPT_CACHE", str(tmp_path / "cache"))
    for name in ("one/src", "one/tests", "other"):
        (tmp_path / name).mkdir(parents=True)
    src, tests, other = (tmp_path / name for name in ("one/src", "one/tests", "other"))
    assert index_folder([src]) != index_folder([tests])
    (tmp_path / "one" / ".git").mkdir()
    assert index_folder([src]) == index_folder([tests, src]) != index_folder([src, other])
    assert index_folder([src, other]) == index_folder([other, src])
    folder = index_folder([src])
    assert folder.parent == tmp_path / "cache" / "indexes"
    assert folder.name.startswith("one-")
    assert not folder.exists()


def test_the_default_model_is_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCHGPT_CACHE", str(tmp_path / "cache"))
    assert tmp_path / "cache" in default_model_folder().parents
