"""The house rules, read from the source: what may import what, and where things stand."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import scratchgpt

PACKAGE = Path(scratchgpt.__file__).parent
TESTS = Path(__file__).parent
DERIVATIONS = TESTS.parent / "docs" / "ops"
SOURCES = sorted(PACKAGE.rglob("*.py"))
OPS = sorted(path for path in (PACKAGE / "ops").glob("*.py") if path.stem != "__init__")
MAX_LINES = 300

# From the ground up; each may import what stands before it.
FLOORS = [
    {"version", "errors"},
    {"backend"},
    {"files", "memory"},
    {"precision", "accumulator"},
    {"kernels"},
    {"ops"},
    {"verify"},
    {"layers"},
    {"optim"},
    {"text"},
    {"models"},
    {"training", "generation"},
    {"measure"},
    {"timeseries", "embeddings", "zero_shot", "chat", "explore"},
    {"cli"},
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}
# A few paths between floors are closed although they lead downwards.
CLOSED = {("models", "text"), ("models", "optim"), ("text", "layers"), ("layers", "verify")}
# A part that stands on these alone.
STANDS_ON = {"timeseries": {"backend", "errors", "files", "kernels", "verify"}}
HEAVY = (
    "scipy",
    "numba",
    "typer",
    "rich",
    "tokenizers",
    "safetensors",
    "pooch",
    "matplotlib",
    "huggingface_hub",
)

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
each_op = pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes) -> list[str]:
    """Names of the modules that import statements ask for."""
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.append(node.module)
    return names


def part(path: Path) -> str:
    """The folder or module right below the package that a file belongs to."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@each_source
def test_imports_point_downwards(path):
    mine = part(path)
    if mine in ("__init__", "__main__"):
        return
    for name in imported(ast.walk(tree(path))):
        if not name.startswith("scratchgpt."):
            assert name != "scratchgpt", "import the module that is meant"
            continue
        other = name.split(".")[1]
        assert (mine, other) not in CLOSED, f"{mine} imports {other}"
        assert other == mine or FLOOR[other] < FLOOR[mine], f"{mine} imports {other}"
        assert other == mine or other in STANDS_ON.get(mine, FLOOR), f"{mine} imports {other}"


def module_name(path: Path) -> str:
    """``layers/linear.py`` is ``scratchgpt.layers.linear``."""
    names = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


MODULES = {module_name(path): path for path in SOURCES}
# Models import the formats that they are stored in.
KNOWN_CIRCLE = {f"scratchgpt.models.{name}" for name in ("gpt", "pretrained", "quantized")}


def imported_modules(path: Path) -> set[str]:
    """Modules of the package that a file imports, at the top, in a function or for its types."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                found.add(name if name in MODULES else node.module)
    return found & set(MODULES)


def test_no_two_modules_import_each_other_over_whatever_detour():
    below = {n: imported_modules(path) for n, path in MODULES.items() if n not in KNOWN_CIRCLE}
    # Take away what imports nothing that is left. Circles stay, and what stands above one.
    while bottom := {name for name, imports in below.items() if not imports & set(below)}:
        below = {name: imports for name, imports in below.items() if name not in bottom}
    assert not below


def test_every_part_has_a_floor():
    assert {part(path) for path in SOURCES} - {"__init__", "__main__"} <= set(FLOOR)


@each_source
def test_files_are_small(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_LINES, f"{n_lines} lines: one idea a file"


@each_source
def test_heavy_libraries_are_imported_where_they_are_used(path):
    if part(path) == "kernels":
        return
    for name in imported(tree(path).body):
        library = name.split(".")[0]
        if part(path) == "cli" and library in ("typer", "rich"):
            continue
        assert library not in HEAVY, f"{library} is imported at the top of the file"


@each_source
def test_nothing_is_printed_outside_the_command_line(path):
    if part(path) == "cli":
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"line {node.lineno}"


@pytest.mark.parametrize(
    "name", ["backend", "memory", "ops", "verify", "layers", "models", "measure"]
)
def test_what_is_public_has_a_docstring(name):
    module = importlib.import_module(f"scratchgpt.{name}")
    for public in getattr(module, "__all__", vars(module)):
        thing = getattr(module, public)
        is_ours = getattr(thing, "__module__", "").startswith("scratchgpt")
        if is_ours and not public.startswith("_"):
            assert inspect.getdoc(thing), public


@each_op
def test_each_forward_is_directly_followed_by_its_backward(path):
    names = [node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)]
    forwards = [name for name in names if name.endswith("_forward")]
    assert f"{path.stem}_forward" in forwards
    for name in forwards:
        following = names[names.index(name) + 1]
        assert following == name.removesuffix("_forward") + "_backward"


@each_op
def test_each_operation_says_what_it_saves(path):
    classes = [node.name for node in tree(path).body if isinstance(node, ast.ClassDef)]
    name = "".join(word.capitalize() for word in path.stem.split("_"))
    assert f"{name}Saved" in classes


@each_op
def test_each_operation_has_a_test_and_a_derivation_of_its_name(path):
    assert (TESTS / "ops" / f"test_{path.stem}.py").is_file()
    assert (DERIVATIONS / f"{path.stem}.md").is_file()


def test_operations_are_exported_whole():
    import scratchgpt.ops as ops

    for path in OPS:
        for ending in ("_forward", "_backward"):
            assert f"{path.stem}{ending}" in ops.__all__


def in_a_fresh_interpreter(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_the_package_pulls_nothing_in():
    code = "import sys, scratchgpt; print(*sys.modules)"
    modules = {name.split(".")[0] for name in in_a_fresh_interpreter(code).split()}
    assert modules.isdisjoint({"numpy", "torch", "asyncio", *HEAVY})


def test_importing_the_models_pulls_in_numpy_alone():
    code = "import sys, scratchgpt.models, scratchgpt.verify; print(*sys.modules)"
    modules = {name.split(".")[0] for name in in_a_fresh_interpreter(code).split()}
    assert "numpy" in modules
    assert modules.isdisjoint({"torch", *HEAVY})


def test_importing_the_package_takes_less_than_a_fifth_of_a_second():
    code = "import time; t = time.perf_counter(); import scratchgpt; print(time.perf_counter() - t)"
    assert min(float(in_a_fresh_interpreter(code)) for _ in range(3)) < 0.2


def test_the_package_offers_what_it_lists():
    for name in scratchgpt.__all__:
        assert getattr(scratchgpt, name) is not None
    assert dir(scratchgpt) == sorted(scratchgpt.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        scratchgpt.nothing  # noqa: B018
