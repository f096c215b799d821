import re
import sys

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text.code import code_split, python_code
from scratchgpt.text.code.python_code import code_identity, mask_name, mask_names, write_python_code


@pytest.fixture
def installed(library, monkeypatch, write, tmp_path):
    """The library, and a package in place of the installed ones; returns its file."""
    source = library[0][0].read_text(encoding="utf-8").replace("0x", "99x").replace("0y", "99y")
    source += "def undocumented(q):\n    def inner():\n        pass\n    return q\n"
    path = tmp_path / "site" / "a.py"
    write("site/a.py", source)
    monkeypatch.setattr(python_code, "library_files", lambda: library)
    monkeypatch.setattr(python_code, "package_files", lambda: ([(path, "site/a.py")], 3))
    monkeypatch.setattr(
        code_split.split_code,
        "__kwdefaults__",
        {
            "files_left_out": 0,
            "n_test": 5,
            "n_validation": 3,
        },
    )
    return path


def test_pairs_are_a_docstring_and_code_with_the_file_as_group(installed):
    corpus = python_code.python_code()
    for pairs, names in (
        (corpus.train, corpus.train_names),
        (corpus.validation, corpus.validation_names),
        (corpus.test, corpus.test_names),
    ):
        assert len(pairs) == len(names) > 0
        assert pairs.negatives is None
        for i, name in enumerate(names):
            number = name.removeprefix("compute_")
            assert pairs.queries[i] == f"Compute the value number {number} of two others."
            assert pairs.documents[i].startswith(f"def {name}(a_{number}, b_{number}):\n    result")
    assert not set(corpus.train.groups) & {*corpus.validation.groups, *corpus.test.groups}
    assert not set(corpus.validation.groups) & set(corpus.test.groups)
    assert corpus.counts.files_left_out == 3


def test_the_standard_library_alone_has_the_same_held_out_pairs(installed):
    both, library = (python_code.python_code(which) for which in python_code.PYTHON_CODE)
    assert library.test == both.test
    assert library.validation == both.validation
    assert len(both.train) == len(library.train) + 2
    assert both.train.groups.count("site/a.py") == 2
    assert library.fingerprint != both.fingerprint
    assert both.fingerprint == python_code.python_code("python-code").fingerprint


def test_further_kinds_of_pairs_come_after_the_others(installed):
    alone = python_code.python_code()
    corpus = python_code.python_code(kinds=["names"])
    assert (corpus.test, corpus.validation) == (alone.test, alone.validation)
    assert corpus.train.queries[: len(alone.train)] == alone.train.queries
    assert corpus.train.queries[-1].startswith("compute ")
    assert len(corpus.train_names) == len(corpus.train) == 2 * len(alone.train)


def test_an_unknown_corpus_is_refused():
    with pytest.raises(UserError, match="no corpus 'python-cod'; did you mean 'python-code'"):
        python_code.python_code("python-cod")


def test_the_name_of_a_function_is_masked_as_a_whole_word():
    code = "@cat.setter\ndef cat(x):\n    return cat(concat(x), _cat, cat_, 'cat') + x.cat + été"
    expected = "@f.setter\ndef f(x):\n    return f(concat(x), _cat, cat_, 'f') + x.f + été"
    assert mask_name(code, "cat") == expected
    assert mask_name(code, "") == code


def test_masked_pairs_contain_no_name(installed):
    corpus = python_code.python_code()
    masked = mask_names(corpus.test, corpus.test_names)
    assert (masked.queries, masked.groups) == (corpus.test.queries, corpus.test.groups)
    assert all(code.startswith("def f(") and "compute" not in code for code in masked.documents)


def test_the_text_has_the_functions_outside_the_held_out_files(installed, tmp_path):
    corpus = python_code.python_code()
    for name in ("one", "two"):
        write_python_code(tmp_path / name)
    text = (tmp_path / "one").read_text(encoding="utf-8")
    assert text == (tmp_path / "two").read_text(encoding="utf-8")
    assert set(re.findall(r"def (compute_\w+)", text)) == set(corpus.train_names)
    assert text.count('"""Compute the value number') == len(corpus.train)
    assert text.count("def undocumented(q):") == text.count("def inner():") == 1


def test_the_text_has_no_copies(installed, tmp_path):
    corpus = python_code.python_code()
    write_python_code(tmp_path / "before")
    copies = [corpus.test.documents[0], corpus.validation.documents[0], corpus.train.documents[0]]
    with open(installed, "a", encoding="utf-8") as file:
        file.write("\n".join([*copies, copies[2], ""]))
    write_python_code(tmp_path / "after")
    before, after = ((tmp_path / name).read_text(encoding="utf-8") for name in ("before", "after"))
    # The training function without its docstring is another text than with it.
    assert after.replace(f"{copies[2]}\n\n\n", "", 1) == before


def test_the_identity_changes_with_the_files(installed):
    both, library = map(code_identity, python_code.PYTHON_CODE)
    assert both != library
    installed.write_text("x = 1\n", encoding="utf-8")
    assert code_identity("python-code:stdlib") == library
    assert code_identity() != both


def test_nothing_is_imported(installed, tmp_path):
    before = set(sys.modules)
    installed.write_text("import turtledemo\nraise SystemExit\n", encoding="utf-8")
    write_python_code(tmp_path / "out")
    assert set(sys.modules) == before
