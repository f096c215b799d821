"""No command overwrites what exists, and the help says so."""

import pytest
from typer.testing import CliRunner

from scratchgpt.cli.app import app
from scratchgpt.cli.outputs import NEW_FILE, NEW_FOLDER, refuse_existing
from scratchgpt.errors import UserError

# Options of each command that name an output. Only `train` continues what exists: with --resume.
OUTPUTS = {
    "import": ["--out"],
    "export": ["--out"],
    "quantize": ["--out"],
    "verify": ["--out"],
    "explore": ["--out"],
    "forecast": ["--plot", "--diagnostics"],
    "translate": ["--attention"],
    "tokenizer train": ["--out"],
    "data prepare": ["--out"],
}


def test_an_output_must_be_a_new_path_or_an_empty_folder(tmp_path):
    file, empty, full = tmp_path / "file", tmp_path / "empty", tmp_path / "full"
    file.touch()
    empty.mkdir()
    full.mkdir()
    (full / "a").touch()
    refuse_existing(empty, tmp_path / "new", None)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for path, message in (
        (file, "already exists"),
        (tmp_path / "link", "already exists"),
        (full, r"already contains files \(a\); choose another folder"),
    ):
        with pytest.raises(UserError, match=message):
            refuse_existing(empty, path)
    (full / "config.json").touch()
    with pytest.raises(UserError, match="already contains a model"):
        refuse_existing(full)


@pytest.mark.parametrize("command", OUTPUTS)
def test_the_help_of_each_output_says_the_rule(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = " ".join(CliRunner().invoke(app, [*command.split(), "--help"]).output.split())
    rules = (NEW_FOLDER, NEW_FILE, "new or empty", "new, empty")
    assert sum(text.count(rule) for rule in rules[:2]) or any(rule in text for rule in rules)


@pytest.mark.parametrize(
    "command",
    [
        ("export", "MODEL", "--out", "OUT"),
        ("export", "MODEL", "--format", "llm.c", "--out", "OUT"),
        ("import", "MODEL", "--out", "OUT"),
        ("quantize", "MODEL", "--out", "OUT"),
        ("verify", "gelu", "--out", "OUT"),
        ("explore", "MODEL", "--out", "OUT"),
        ("forecast", "--example", "nile", "--plot", "OUT.png"),
        ("forecast", "--example", "nile", "--diagnostics", "OUT.png"),
        ("translate", "--model", "MODEL", "text", "--attention", "OUT.png"),
        ("tokenizer", "train", "TEXT", "--out", "OUT"),
        ("data", "prepare", "TEXT", "--out", "OUT"),
    ],
    ids=" ".join,
)
def test_what_exists_is_refused_before_any_work_and_unchanged(refused, tmp_path, command):
    """The model and the text do not exist: they are not even read."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine").write_text("kept")
    picture = tmp_path / "out.png"
    picture.write_text("kept")
    text = tmp_path / "text.txt"
    text.write_text("some text to prepare\n" * 9)
    names = {"OUT": folder, "OUT.png": picture, "MODEL": tmp_path / "nowhere", "TEXT": text}
    error = refused(*(names.get(word, word) for word in command))
    assert str(picture if "OUT.png" in command else folder) in error
    assert {file.name for file in folder.iterdir()} <= {"mine", ".lock"}
    assert (folder / "mine").read_text() == picture.read_text() == "kept"


def test_a_prepared_corpus_is_not_replaced_by_another(scratchgpt, refused, tmp_path):
    first, other, out = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "corpus"
    first.write_text("some text to prepare\n" * 9)
    other.write_text("another text to prepare\n" * 9)
    for _ in range(2):  # the same corpus may be prepared again
        assert scratchgpt("data", "prepare", first, "--out", out).status == 0
    before = (out / "manifest.json").read_bytes()
    error = refused("data", "prepare", other, "--out", out)
    assert f"{out} already contains another corpus; choose another folder" in error
    assert (out / "manifest.json").read_bytes() == before
