import pytest

from scratchgpt.text import find_documents, prepare
from scratchgpt.text.code import python_code
from scratchgpt.text.corpora.generated import GENERATED

FUNCTION = '''
def compute_{name}(x):
    """Compute the number {name}."""
    y_{name} = x
    return y_{name}
'''


@pytest.fixture
def library(write, monkeypatch, tmp_path):
    """A library of 1,700 functions in place of Python's own, in 17 files."""
    files = []
    for i in range(17):
        names = [f"{i}_{j}" for j in range(100)]
        write(f"lib/{i:02}.py", "".join(FUNCTION.format(name=name) for name in names))
        files.append((tmp_path / "lib" / f"{i:02}.py", f"{i:02}.py"))
    monkeypatch.setattr(python_code, "library_files", lambda: files)
    monkeypatch.setattr(python_code, "package_files", lambda: ([], 0))
    return files


def test_the_identity_says_whether_a_text_is_still_the_same(library, cache):
    for name in ("python-code", "python-code:stdlib"):
        first, second = (find_documents([name], cache)[0] for _ in range(2))
        assert first == second
        assert str(first) == name
    library[0][0].write_text("", encoding="utf-8")
    assert find_documents(["python-code"], cache)[0].path != first.path


def test_the_functions_of_python_are_a_corpus(library, cache):
    prepared = prepare(["python-code"], "bytes")
    [document] = find_documents(["python-code"], cache)
    text = document.path.read_text(encoding="utf-8")
    assert prepared.manifest.documents[0]["name"] == "python-code"
    assert prepared.manifest.n_bytes == len(text)
    assert text.count("def compute") == 200  # of 17 files, 10 are for the test, 5 for validation


def test_each_generated_corpus_has_a_description():
    assert all(corpus.description for corpus in GENERATED.values())
