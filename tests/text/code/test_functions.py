import ast
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.text.code.functions import (
    definitions,
    first_paragraph,
    functions_of,
    parse_module,
    read_modules,
)

SOURCE = '''
import os

@decorator(
    option=1,
)
def first(a,
          b=2):
    """Add two numbers
    and return the sum.

    Not in the first paragraph.
    """
    # a comment
    return a + b


class Thing:
    """A thing."""

    async def method(self):
        """Do
          something."""
        def inner():
            return """
not indented"""
        return inner

    def bare(self): return 1


if os.name:
    try:
        x = lambda: 0
    except OSError:
        def handler(): "Say é."; return 1  # é
    else:
        def otherwise(): "Only this."
'''


def functions(source, path="a.py"):
    return functions_of(parse_module(source, path))


@pytest.fixture(scope="module")
def found():
    return {each.name: each for each in functions(SOURCE)}


def test_all_functions_are_found_in_the_order_of_the_source(found):
    assert list(found) == ["first", "method", "inner", "bare", "handler", "otherwise"]
    assert [each.is_nested for each in found.values()] == [False, False, True, False, False, False]
    lines = SOURCE.split("\n")
    for each in found.values():
        assert each.path == "a.py"
        assert lines[each.first_line - 1].strip().startswith(each.source.split("\n")[0].split()[0])
        assert lines[each.last_line - 1].strip() == each.source.split("\n")[-1].strip()


def test_the_docstring_is_the_first_paragraph_on_one_line(found):
    docstrings = [each.docstring for each in found.values()]
    assert docstrings == [
        "Add two numbers and return the sum.",
        "Do something.",
        "",
        "",
        "Say é.",
        "Only this.",
    ]


def test_the_code_has_decorators_and_comments_but_neither_docstring_nor_indentation(found):
    assert found["first"].code == textwrap.dedent(
        """\
        @decorator(
            option=1,
        )
        def first(a,
                  b=2):
            # a comment
            return a + b"""
    )
    assert found["method"].code == (
        'async def method(self):\n    def inner():\n        return """\nnot indented"""\n'
        "    return inner"
    )
    assert found["bare"].code == found["bare"].source == "def bare(self): return 1"


def test_other_things_on_the_lines_of_a_docstring_stay(found):
    assert found["handler"].code == "def handler(): ...; return 1  # é"
    assert found["otherwise"].code == "def otherwise(): ..."


def test_the_source_has_the_docstring(found):
    assert '"""Add two numbers\n    and return the sum.\n' in found["first"].source
    assert found["first"].source.endswith("    return a + b")


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_newlines_of_other_systems_change_nothing(newline):
    assert functions(SOURCE.replace("\n", newline)) == functions(SOURCE)


def test_files_that_cannot_be_parsed_are_counted(tmp_path, write):
    paths = {
        "good.py": b"def f():\n    pass\n",
        "mark.py": b"\xef\xbb\xbfdef g():\n    pass\n",
        "syntax.py": b"def (:",
        "latin.py": b'# coding: latin-1\nx = "\xe9"\n',
        "nul.py": b"x = 1\0",
        "deep.py": b"x = " + b"-" * 100_000 + b"1",
    }
    files = [(Path(write(name, content)), name) for name, content in paths.items()]
    modules = list(read_modules([*files, (tmp_path / "absent.py", "absent.py")]))
    assert [module is not None for module in modules] == [True, True, *[False] * 5]
    assert [functions_of(module)[0].name for module in modules[:2]] == ["f", "g"]


def test_a_long_chain_of_branches_is_no_problem():
    source = "if a == 0:\n    pass\n" + "".join(
        f"elif a == {i}:\n    def f{i}(): pass\n" for i in range(1, 500)
    )
    assert [each.name for each in functions(source)] == [f"f{i}" for i in range(1, 500)]


def test_half_a_surrogate_pair_is_replaced():
    [each] = functions('def f():\n    "Broken \\ud800 character."\n    return 1\n')
    assert each.docstring == "Broken ? character."
    each.source.encode()


@given(
    st.lists(
        st.sampled_from(['"""Doc."""', "'''Two\n\n    lines.'''", "x = 1", "# comment", "r'é'"]),
        min_size=1,
        max_size=4,
    )
)
def test_the_code_is_the_source_without_the_docstring(body):
    source = "def f(a):\n" + "".join(f"    {line}\n" for line in body) + "    return a\n"
    [each] = functions(source)
    expected = ast.parse(source)
    if ast.get_docstring(expected.body[0], clean=False) is not None:
        expected.body[0].body.pop(0)
    assert ast.dump(ast.parse(each.code)) == ast.dump(expected)
    assert ast.dump(ast.parse(each.source)) == ast.dump(ast.parse(source))


def test_definitions_are_those_of_a_walk():
    tree = ast.parse(Path(textwrap.__file__).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    expected = {node for node in ast.walk(tree) if isinstance(node, kinds)}
    assert {node for node, _ in definitions(tree)} == expected


def test_the_first_paragraph_ends_at_an_empty_line():
    assert first_paragraph("\n    One\n    two.\n   \n    Three.") == "One two."
    assert first_paragraph(None) == first_paragraph("  \n ") == ""
