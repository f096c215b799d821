"""Rules of the architecture, checked in the source: allowed imports, and locations of code."""

import ast
import graphlib
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scratchgpt

PACKAGE = Path(scratchgpt.__file__).parent
TESTS = Path(__file__).parent
DERIVATIONS = TESTS.parent / "docs" / "ops"
SOURCES = sorted(PACKAGE.rglob("*.py"))
# observe reports operations; attention_masks has the masks and the checks of attention.
NO_OPS = {"__init__", "observe", "attention_masks"}
OPS = sorted(path for path in (PACKAGE / "ops").glob("*.py") if path.stem not in NO_OPS)
MAX_LINES = 300
# Programs that end a process that takes too long.
READ_THE_CLOCK = {"fuzz.py", "kills.py", "mutate.py", "runner.py"}

# From bottom to top; each part may import those in the lines before it.
FLOORS = [
    {"version", "errors", "escapes"},
    {"arguments"},
    {"backend", "utf8"},
    {"compressed", "device", "files", "memory", "structured", "threads"},
    {"precision", "accumulator", "recomputed", "checkpoints", "folders", "special_ids"},
    {"kernels"},
    {"ops"},
    {"verify"},
    {"layers"},
    {"optim"},
    {"text"},
    {"models"},
    {"training", "generation"},
    {"evaluation"},
    {"finetuning", "embeddings"},
    {"chat", "zero_shot", "explore", "measure", "timeseries"},
    {"serving"},
    {"recipes", "proofs", "exercises"},
    {"cli"},
]
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}
# These imports are forbidden, although they point downwards.
CLOSED = {("models", "text"), ("models", "optim"), ("text", "layers"), ("layers", "verify")}
# These parts may import only the listed parts.
ALLOWED = {
    "timeseries": {
        "arguments",
        "backend",
        "compressed",
        "errors",
        "escapes",
        "files",
        "kernels",
        "threads",
        "utf8",
        "verify",
    }
}
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
    "sacrebleu",
    "tomli_w",
    "starlette",
    "uvicorn",
    "mpi4py",
    "optuna",
)

CONSTRUCTORS = {
    f"np.{name}"
    for name in (
        *("arange", "array", "asarray", "ascontiguousarray", "asfortranarray", "copy", "empty"),
        *("eye", "frombuffer", "fromfile", "fromiter", "full", "hstack", "identity", "indices"),
        *("linspace", "meshgrid", "ones", "stack", "tri", "vstack", "zeros"),
    )
}

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
each_op = pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes) -> list[str]:
    """Names of the modules in import statements."""
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.append(node.module)
    return names


def part(path: Path) -> str:
    """The folder or module directly below the package that contains a file."""
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
        assert other == mine or other in ALLOWED.get(mine, FLOOR), f"{mine} imports {other}"


def test_every_part_has_a_floor():
    assert {part(path) for path in SOURCES} - {"__init__", "__main__"} <= set(FLOOR)


def module_name(path: Path) -> str:
    """The dotted name of a module; for a package, that of its folder."""
    parts = ("scratchgpt", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files_imported(path: Path) -> set[str]:
    """The modules of the same part that a file imports, at its top or inside functions."""
    known = {module_name(other) for other in SOURCES if part(other) == part(path)}
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= known else names | {node.module}
    return found & known - {module_name(path)}


@pytest.mark.parametrize(
    "folder", sorted({part(path) for path in SOURCES if path.parent != PACKAGE})
)
def test_files_of_a_folder_do_not_import_each_other_in_a_circle(folder):
    graph = {module_name(path): files_imported(path) for path in SOURCES if part(path) == folder}
    try:
        graphlib.TopologicalSorter(graph).prepare()
        circle = None
    except graphlib.CycleError as error:
        circle = " -> ".join(error.args[1])
    assert circle is None, circle


@each_source
def test_files_are_small(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_LINES, f"{n_lines} lines: one idea per file"


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
def test_private_parts_of_numba_are_used_in_one_folder(path):
    """Elsewhere, Numba's public modules suffice; see tests/kernels/compiler/test_internals."""
    if path.parent == PACKAGE / "kernels" / "compiler":
        return
    for name in imported(ast.walk(tree(path))):
        if name.split(".")[0] == "numba":
            assert name in ("numba", "numba.extending"), f"{name} belongs in kernels/compiler"


@each_source
def test_arrays_of_the_mathematics_are_created_beside_their_operands(path):
    """A bare ``np.zeros`` would be in host memory when its operands are on a GPU.

    ``empty``, ``zeros`` of memory.py and ``array_module(x)`` know the device. A line that means
    host memory says so: ``np.zeros(n)  # on the host``.
    """
    if part(path) not in {"ops", "layers", "models"}:
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CONSTRUCTORS:
            whole = "".join(lines[node.lineno - 1 : node.end_lineno])
            assert "on the host" in whole, f"line {node.lineno}: {ast.unparse(node.func)}"


@each_source
def test_nothing_is_printed_outside_the_command_line(path):
    if part(path) == "cli":
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"line {node.lineno}"


@pytest.mark.parametrize(
    "name",
    [
        *("backend", "memory", "ops", "verify", "layers", "models", "measure"),
        *("evaluation", "recipes", "proofs"),
    ],
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
    classes = [node.name.lower() for node in tree(path).body if isinstance(node, ast.ClassDef)]
    assert f"{path.stem.replace('_', '')}saved" in classes  # RMSNormSaved for rms_norm


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


def test_importing_the_package_imports_nothing_else():
    code = "import sys, scratchgpt; print(*sys.modules)"
    modules = {name.split(".")[0] for name in in_a_fresh_interpreter(code).split()}
    assert modules.isdisjoint({"numpy", "torch", "asyncio", *HEAVY})


def test_importing_the_models_imports_only_numpy():
    code = "import sys, scratchgpt.models, scratchgpt.verify; print(*sys.modules)"
    modules = {name.split(".")[0] for name in in_a_fresh_interpreter(code).split()}
    assert "numpy" in modules
    assert modules.isdisjoint({"torch", *HEAVY})


def test_no_test_depends_on_the_clock():
    """Time limits are in benchmarks/limits.py. A test waits for a process for at least 30 s."""
    clock = re.compile(r"\b(?:perf_counter|monotonic|process_time|time_ns|timeit|time\.time)\(")
    wait = re.compile(r"\btimeout=([\d.]+)(?!.*never ends)")
    for path in sorted(TESTS.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "measure":  # these test what measures, with a clock of their own
            reading = {name for name in clock.findall(text) if f"def {name}" not in text}
            assert path.name in READ_THE_CLOCK or not reading, path
        assert all(float(seconds) >= 30 for seconds in wait.findall(text)), path


def test_the_package_offers_what_it_lists():
    for name in scratchgpt.__all__:
        assert getattr(scratchgpt, name) is not None
    assert dir(scratchgpt) == sorted(scratchgpt.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        scratchgpt.nothing  # noqa: B018
