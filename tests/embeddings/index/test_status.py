"""What an index contains, and its removal."""

from scratchgpt.embeddings.index.index import Index
from scratchgpt.embeddings.index.status import index_status, remove_index
from scratchgpt.embeddings.index.vectors import VECTORS_FILE, recorded_model
from scratchgpt.files import folder_bytes


def test_the_status_counts_files_pieces_and_vectors(tree, encoder, tmp_path, write):
    folder = tmp_path / "index"
    assert index_status(folder) == (0, 0, 0, "", 0)
    index = Index.open(folder, encoder, model="runs/a")
    index.update([tree])
    n = len(index.contents.texts)
    assert index_status(folder) == (3, n, n, "runs/a", folder_bytes(folder))
    write(tree / "new.txt", "new")
    Index.open(folder).update([tree])
    assert index_status(folder)[:3] == (4, n + 1, n)


def test_the_model_of_an_index_is_recorded(tree, encoder, tmp_path):
    folder = tmp_path / "index"
    assert recorded_model(folder) == ""
    Index.open(folder, encoder, model="runs/a").update([tree])
    assert recorded_model(folder) == "runs/a"
    (folder / VECTORS_FILE).write_text("damaged")
    assert recorded_model(folder) == ""


def test_an_index_is_removed_but_nothing_else(tree, encoder, tmp_path):
    folder = tmp_path / "index"
    Index.open(folder, encoder).update([tree])
    (folder / "other").write_text("x")
    remove_index(folder)
    assert [path.name for path in folder.iterdir()] == ["other"]
    (folder / "other").unlink()
    remove_index(folder)
    remove_index(folder)
    assert not folder.exists()
