import gc
from pathlib import Path

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text.code.code_split import same_text, split_code
from scratchgpt.text.code.sources import path_rank

SIZES = {"n_test": 5, "n_validation": 3}


@pytest.fixture
def package(write):
    """``package({"a.py": source})`` writes a package and returns its files."""

    def package(sources):
        return [
            (Path(write(f"site/{name}", text)), f"site/{name}") for name, text in sources.items()
        ]

    return package


def paths(functions):
    return {each.path for each in functions}


def test_whole_files_are_held_out_in_the_order_of_their_hash(library):
    split = split_code(library, [], **SIZES)
    order = sorted((name for _, name in library), key=path_rank)
    assert paths(split.test) == set(order[:3])  # 5 of their 6 functions
    assert paths(split.validation) == set(order[3:5])
    assert paths(split.train) == paths(split.others) == set(order[5:])
    assert [len(part) for part in (split.test, split.validation, split.train)] == [5, 3, 14]
    assert split.counts.surplus == 2
    assert [each.path for each in split.others[::2]] == order[5:]


def test_the_held_out_functions_do_not_depend_on_the_packages_or_the_order(library, package):
    source = library[0][0].read_text(encoding="utf-8")
    alone = split_code(library, [], **SIZES)
    packages = package({"a.py": source, "b.py": source.replace("0", "99")})
    for files in (library, library[::-1]):
        split = split_code(files, packages, **SIZES)
        assert (split.test, split.validation) == (alone.test, alone.validation)
        assert paths(split.train) > paths(alone.train)
        assert paths(split.others) > paths(alone.others)


def test_of_equal_functions_the_first_is_kept(library, package):
    split = split_code(library, [], **SIZES)
    [held_out, trained] = split.test[0], split.train[0]
    code = "\n    x = 1\n    return x\n"
    packages = package(
        {
            "copies.py": f"{held_out.source}\n\n{trained.source}\n",
            "shouts.py": trained.source.replace(trained.docstring, trained.docstring.upper()),
            "code.py": trained.source.replace(trained.docstring, "Something else entirely."),
            "other.py": f'def one():\n    """{trained.docstring}"""{code}',
            "own.py": f'def two():\n    """This one is used."""{code}',
        }
    )
    more = split_code(library, packages, **SIZES)
    assert more.test == split.test
    assert [each.name for each in more.train if each not in split.train] == ["two"]
    assert (more.counts.equal_docstring, more.counts.equal_code) == (4, 1)


def test_near_copies_of_held_out_functions_are_not_trained_on(library, package):
    split = split_code(library, [], **SIZES)
    for each in (split.test[0], split.validation[0]):
        renamed = each.source.replace(each.docstring, "A copy with another docstring.")
        near, far = renamed.replace("result_", "sum_"), renamed.replace("a_", "c_")
        far = far.replace("b_", "d_").replace("A copy", "A change")
        more = split_code(library, package({"near.py": near, "far.py": far}), **SIZES)
        assert paths(more.train) - paths(split.train) == {"site/far.py"}
        assert more.counts.near_copies == 1


def test_functions_without_a_pair_are_counted(library, package):
    packages = package(
        {
            "a.py": 'def f():\n    """Only two."""\n    x = 1\n    return x\n'
            'def g():\n    """Three words here."""\n\n    return 1\n'
            "def h():\n    x = 1\n    return x\n",
            "broken.py": "def (:",
        }
    )
    split = split_code(library, packages, files_left_out=7, **SIZES)
    counts = split.counts
    assert (counts.files, counts.files_left_out, counts.files_unreadable) == (14, 7, 1)
    assert (counts.functions, counts.without_docstring) == (27, 1)
    assert (counts.short_docstring, counts.short_code) == (1, 1)
    assert "27 functions in 14 files (7 more left out for their size, 1 unreadable)" in str(counts)
    n_used = sum(map(len, (split.train, split.validation, split.test)))
    assert n_used + 1 + 1 + 1 + counts.surplus == counts.functions
    assert {"f", "g", "h"} <= {each.name for each in split.others}


def test_other_kinds_of_pairs_are_only_of_files_for_training(library, package):
    split = split_code(library, [], ["names"], **SIZES)
    assert paths(split.more) == paths(split.train)
    assert len(split.more) == 14
    held_out = split.test[0].code
    packages = package({"a.py": held_out + "\n", "b.py": split.more[0].document})
    more = split_code(library, packages, ["names"], **SIZES)
    assert more.more == split.more
    assert (more.counts.more_near_copies, more.counts.more_equal) == (1, 1)


@pytest.mark.parametrize("n_files", [0, 1, 4])
def test_a_library_that_is_too_small_is_refused(library, n_files):
    with pytest.raises(UserError, match=rf"has {2 * n_files} documented functions in {n_files} fi"):
        split_code(library[:n_files], [], **SIZES)


def test_garbage_is_collected_again_afterwards(library):
    assert gc.isenabled()
    split_code(library, [], **SIZES)
    assert gc.isenabled()
    with pytest.raises(UserError, match="there is no kind of pairs 'nothing'"):
        split_code(library, [], ["nothing"], **SIZES)
    assert gc.isenabled()


def test_spaces_and_case_make_no_difference():
    assert same_text(" A\n\tb  C ") == same_text("a b c")
