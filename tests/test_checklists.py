"""The checklists of CONTRIBUTING.md: every addition has a test, a proof and an example.

The checklist for an op is checked in ``tests/test_architecture.py``.
"""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import scratchgpt
from scratchgpt import layers

PACKAGE = Path(scratchgpt.__file__).parent
TESTS = Path(__file__).parent
TABLE = TESTS / "proven_by.txt"
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stem not in ("__init__", "__main__")
}
LAYER_MODULES = {
    f"scratchgpt.layers.{Path(source).stem}" for source in SOURCES if source.startswith("layers/")
}


def default_test(source: str) -> str:
    """Return ``layers/test_linear.py``, the default test for ``layers/linear.py``."""
    path = Path(source)
    return path.with_name(f"test_{path.name}").as_posix()


def exceptions() -> list[tuple[str, str]]:
    """Return the lines of the table: a source, and the test that proves it."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split()) for line in lines if line and not line.startswith("#")]


def test_every_source_has_a_test():
    exempt = dict(exceptions())
    for source in SOURCES:
        expected = default_test(source)
        assert source in exempt or (TESTS / expected).is_file(), (
            f"{source}: add tests/{expected}, or a line to tests/{TABLE.name} that names its test"
        )


def test_the_table_of_exceptions_is_up_to_date():
    for source, test in exceptions():
        remove = f"remove {source} from tests/{TABLE.name}"
        assert source in SOURCES, f"{remove}: there is no such source"
        assert not (TESTS / default_test(source)).is_file(), f"{remove}: it has a test of its name"
        assert (TESTS / test).is_file(), f"tests/{TABLE.name}: {source}: there is no tests/{test}"


def test_the_table_of_exceptions_is_sorted():
    sources = [source for source, _ in exceptions()]
    assert sources == sorted(set(sources))


def layer_cases() -> ModuleType:
    """Import ``tests/layers/conftest.py``, which registers the layers for all suites."""
    spec = importlib.util.spec_from_file_location("layer_cases", TESTS / "layers" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_layer_is_exported_and_has_a_registered_case():
    classes = {layer for layer in subclasses(layers.Layer) if layer.__module__ in LAYER_MODULES}
    hidden = sorted(layer.__name__ for layer in classes if layer.__name__ not in layers.__all__)
    assert not hidden, f"export each from scratchgpt/layers/__init__.py: {hidden}"
    proven = {type(case.make()) for case in layer_cases().CASES}
    missing = sorted(layer.__name__ for layer in classes - proven if not is_checked(layer))
    assert not missing, f"add a LayerCase for each to tests/layers/conftest.py: {missing}"


def is_checked(layer: type) -> bool:
    """Whether the test file of a layer whose inputs no LayerCase has calls check_layer itself."""
    path = TESTS / "layers" / f"test_{layer.__module__.split('.')[-1]}.py"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return "check_layer(" in text and layer.__name__ in text


def subclasses(parent: type) -> set[type]:
    """Return all imported subclasses of a class, at any depth."""
    return {child for near in parent.__subclasses__() for child in (near, *subclasses(near))}


def objectives() -> list[str]:
    """Return the names of the package's classes that are objectives."""
    names = []
    for path in SOURCES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).split("[")[0] for base in node.bases}
                if "Objective" in bases:
                    names.append(node.name)
    return names


def test_every_objective_is_proven_by_check_model():
    tests = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    proofs = [text for text in tests if "check_model(" in text]
    assert "NextToken" in objectives()
    missing = [name for name in objectives() if not any(name in text for text in proofs)]
    assert not missing, f"add a test that calls check_model for each: {missing}"


def verbs() -> dict[str, str]:
    """Return each verb of the command line, with the epilog of its help."""
    from scratchgpt.cli.app import app

    found = {command.name: command.epilog for command in app.registered_commands}
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            found[f"{group.name} {command.name}"] = command.epilog
    return found


def test_every_verb_has_an_example_and_is_documented():
    root = TESTS.parent
    pages = [root / "README.md", *(p for p in root.glob("docs/**/*.md") if "_build" not in p.parts)]
    documentation = " ".join("\n".join(p.read_text(encoding="utf-8") for p in pages).split())
    for verb, epilog in verbs().items():
        assert f"scratchgpt {verb}" in (epilog or ""), f"{verb}: its EPILOG has no example"
        assert f"scratchgpt {verb}" in documentation, f"{verb}: neither README nor docs name it"


def test_the_citation_names_the_version():
    citation = (TESTS.parent / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {scratchgpt.__version__}\n" in citation
