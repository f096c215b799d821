"""``scratchgpt embed``: vectors of texts in a file."""

import io
import json
import sys

import numpy as np
import pytest

from scratchgpt.embeddings import TextEncoder


@pytest.fixture
def encoder(encoder_folder):
    return TextEncoder.from_pretrained(encoder_folder)


@pytest.fixture
def embed(scratchgpt, encoder_folder, tmp_path):
    """``embed(*arguments, ending)`` runs the command and returns the path of the vectors."""

    def run(*arguments, ending=".npy"):
        out = tmp_path / f"vectors{len(list(tmp_path.iterdir()))}{ending}"
        outcome = scratchgpt("embed", "--model", encoder_folder, *arguments, "--out", out)
        assert outcome.status == 0, outcome.stderr
        run.stderr = outcome.stderr
        return out

    return run


def test_texts_files_and_lines_are_embedded_in_their_order(embed, encoder, tmp_path, monkeypatch):
    (tmp_path / "file.txt").write_text("two\nlines\n")
    stdin = io.TextIOWrapper(io.BytesIO(b"first\nsecond\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    rows = np.load(embed("one text", tmp_path / "file.txt", "-"))
    expected = encoder.encode_document(["one text", "two\nlines\n", "first", "second"])
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    assert rows.dtype == np.float32


def test_jsonl_has_the_texts(embed, encoder):
    lines = embed("ä", "b", ending=".jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["text"] for record in records] == ["ä", "b"]
    rows = [record["embedding"] for record in records]
    np.testing.assert_allclose(rows, encoder.encode_document(["ä", "b"]), atol=1e-6)


def test_the_role_counts_and_vectors_can_be_cut(embed, encoder):
    query = np.load(embed("a", "--role", "query"))
    np.testing.assert_allclose(query, encoder.encode_query(["a"]), atol=1e-6)
    short = np.load(embed("a", "--dim", 4))
    assert short.shape == (1, 4)
    np.testing.assert_allclose(np.linalg.norm(short), 1, rtol=1e-6)


def test_other_precisions(embed, encoder):
    with np.load(embed("a", "b", "--precision", "int8", ending=".npz")) as stored:
        rows = stored["codes"] * stored["scale"]
    np.testing.assert_allclose(rows, encoder.encode_document(["a", "b"]), atol=0.01)
    [line] = embed("a", "--precision", "int8", ending=".jsonl").read_text().splitlines()
    record = json.loads(line)
    np.testing.assert_allclose(np.array(record["embedding"]) * record["scale"], rows[0], atol=1e-6)
    assert np.load(embed("a", "--precision", "ubinary")).dtype == np.uint8


def test_long_texts_are_counted_once_or_refused(embed, refused, encoder_folder, tmp_path):
    with pytest.warns(UserWarning, match="texts longer than 48 tokens are cut, here 2 of 3"):
        embed("a " * 99, "b " * 99, "c")
    out = tmp_path / "x.npy"
    error = refused("embed", "c", "a " * 99, "-m", encoder_folder, "--strict", "--out", out)
    assert (
        "1 text longer than the 48 tokens that the model reads, the first of them text 2 with"
        in error
    )
    assert not out.exists()


def test_wrong_outputs_and_inputs_are_refused(refused, encoder_folder, tmp_path, monkeypatch):
    model = ("-m", encoder_folder)
    assert "must end in .npy" in refused("embed", "a", *model, "--out", tmp_path / "a.csv")
    assert "use .npz or .jsonl" in refused(
        "embed", "a", *model, "--precision", "int8", "--out", tmp_path / "a.npy"
    )
    assert "use .npy or .jsonl" in refused("embed", "a", *model, "--out", tmp_path / "a.npz")
    (tmp_path / "b.npy").write_text("x")
    assert "already exists" in refused("embed", "a", *model, "--out", tmp_path / "b.npy")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "nothing to embed" in refused("embed", "-", *model, "--out", tmp_path / "c.npy")
    (tmp_path / "latin").write_bytes(b"\xff")
    assert "latin" in refused("embed", tmp_path / "latin", *model, "--out", tmp_path / "c.npy")
    assert "truncate_dim" in refused("embed", "a", *model, "--dim", 99, "--out", tmp_path / "c.npy")
