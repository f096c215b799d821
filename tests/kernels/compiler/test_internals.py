"""Numba's internals that the kernels use, one test each.

A failing test names the file that relies on the internals that a new version of Numba has changed.
"""

import inspect
import pickle
import subprocess
import sys

import numpy as np
import pytest

numba = pytest.importorskip("numba")

import llvmlite.binding  # noqa: E402
from numba import types  # noqa: E402
from numba.core import cgutils, codegen, serialize  # noqa: E402
from numba.core.compiler import CompileResult  # noqa: E402
from numba.core.datamodel import default_manager  # noqa: E402
from numba.extending import intrinsic  # noqa: E402
from numba.np import arrayobj, linalg  # noqa: E402

from scratchgpt.kernels.compiler import cpu, jit  # noqa: E402
from scratchgpt.kernels.compiler.addresses import vector  # noqa: E402
from scratchgpt.kernels.compiler.parallel import kernel  # noqa: E402


def relied_on_by(file):
    return (
        f"Numba {numba.__version__} has changed what scratchgpt/kernels/compiler/{file} relies on"
    )


@kernel
def add_one(i, x):
    x[i] += 1


@pytest.fixture(scope="module")
def called():
    """A kernel that has been compiled by a call."""
    add_one(1, np.zeros(1))
    return add_one


def test_the_compiler_asks_the_cache_of_a_function():
    """It loads and saves what it compiles through two methods of ``_cache``."""
    asked = []

    class Cache:
        def load_overload(self, signature, target):
            asked.append((signature, target.codegen().magic_tuple()))

        def save_overload(self, signature, compiled):
            asked.append((signature, compiled.codegen.magic_tuple()))
            parts = serialize.dumps(compiled._reduce())
            rebuilt = CompileResult._rebuild(compiled.target_context, *pickle.loads(parts))
            assert rebuilt.signature == compiled.signature

    function = numba.njit(lambda x: x + 1)
    function._cache = Cache()
    assert function(1) == 2
    assert len(asked) == 2, relied_on_by("cache.py")
    assert asked[0] == asked[1], relied_on_by("cache.py")


def test_the_compilation_of_a_function_is_an_event():
    from numba.core import event

    heard = []

    class Listener(event.Listener):
        def on_start(self, event):
            heard.append((event.kind, "start", event.data.get("dispatcher")))

        def on_end(self, event):
            heard.append((event.kind, "end", event.data.get("dispatcher")))

    function = numba.njit(lambda: 1)
    with (
        event.install_listener("numba:compile", Listener()),
        event.install_listener("numba:run_pass", Listener()),
    ):
        function()
    assert heard[0] == ("numba:compile", "start", function), relied_on_by("events.py")
    assert heard[1] == ("numba:run_pass", "start", None), relied_on_by("events.py")
    assert heard[-1] == ("numba:compile", "end", function), relied_on_by("events.py")


def test_features_of_the_cpu_are_a_list_with_signs():
    features = codegen.get_host_cpu_features().split(",")
    assert all(feature[:1] in "+-" for feature in features), relied_on_by("cpu.py")
    # NUMBA_CPU_FEATURES may allow Numba fewer features than the CPU has.
    allowed = (numba.config.CPU_FEATURES or ",".join(features)).split(",")
    assert cpu.has(next(feature for feature in allowed if feature[0] == "+")[1:])


def test_a_function_can_be_compiled_without_wrappers_for_python():
    @jit.part
    def nothing():
        pass

    options = nothing.targetoptions
    assert options["no_cpython_wrapper"], relied_on_by("jit.py")
    assert options["no_cfunc_wrapper"], relied_on_by("jit.py")


def test_numba_checks_for_scipy_with_a_function_that_can_be_replaced():
    assert callable(getattr(linalg, "ensure_blas", None)), relied_on_by("no_blas.py")
    code = """
import numba.np.linalg
asked = []
numba.np.linalg.ensure_blas = lambda: asked.append(1)
import numba.np.arraymath
print(len(asked))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "1", relied_on_by("no_blas.py") + run.stderr


def test_threads_are_started_by_a_c_function(called):
    assert llvmlite.binding.address_of_symbol("numba_parallel_for"), relied_on_by("parallel.py")


def test_a_compiled_function_has_an_address(called):
    signature = types.none(types.int64, types.Array(types.float64, 1, "C"))
    compiled = called.turn.get_compile_result(signature)
    name = getattr(getattr(compiled, "fndesc", None), "llvm_func_name", None)
    assert name, relied_on_by("parallel.py")
    assert compiled.library.get_pointer_to_function(name), relied_on_by("parallel.py")


def test_each_kernel_has_a_loop_of_its_own_in_the_cache(called):
    """Loops share one code object; their names keep them apart."""
    other = kernel(test_each_kernel_has_a_loop_of_its_own_in_the_cache)
    target = called.loop.targetctx.codegen()
    names = [one.loop._cache._name((types.int64,), target) for one in (called, other)]
    assert names[0] != names[1], relied_on_by("parallel.py")


def test_the_functions_that_a_loop_uses_exist():
    """Check the functions that ``_in_parallel`` and ``_share`` call, without compilation."""
    expected = {
        "alloca_once": ["builder", "ty"],
        "alloca_once_value": ["builder", "value"],
        "for_range": ["builder", "count"],
        "for_range_slice": ["builder", "start", "stop", "step"],
        "gep_inbounds": ["builder", "ptr"],
        "get_null_value": ["ltype"],
        "get_or_insert_function": ["module", "fnty", "name"],
        "if_unlikely": ["builder", "pred"],
        "is_not_null": ["builder", "val"],
        "memset": ["builder", "ptr", "size", "value"],
        "pack_array": ["builder", "values"],
        "pack_struct": ["builder", "values"],
        "raw_memcpy": ["builder", "dst", "src", "count", "itemsize"],
        "unpack_tuple": ["builder", "tup"],
    }
    for name, parameters in expected.items():
        function = getattr(cgutils, name, None)
        message = f"{relied_on_by('llvm.py, addresses.py or parallel.py')}: cgutils.{name}"
        assert function is not None, message
        assert list(inspect.signature(function).parameters)[: len(parameters)] == parameters, (
            message
        )


def test_the_calling_convention_offers_what_a_loop_calls():
    found = {}

    @intrinsic
    def look(typing_context):
        def generate(context, builder, signature, arguments):
            for name in ("get_function_type", "call_function", "return_user_exc"):
                method = getattr(context.call_conv, name, None)
                found[name] = method and list(inspect.signature(method).parameters)
            return context.get_dummy_value()

        return types.void(), generate

    numba.njit(lambda: look())()
    assert found == {
        "get_function_type": ["restype", "argtypes"],
        "call_function": ["builder", "callee", "resty", "argtys", "args", "attrs"],
        "return_user_exc": ["builder", "exc", "exc_args", "loc", "func_name"],
    }, relied_on_by("parallel.py")


def test_an_array_can_be_made_from_an_address():
    parameters = ["array", "data", "shape", "strides", "itemsize", "meminfo"]
    found = list(inspect.signature(arrayobj.populate_array).parameters)
    assert found[: len(parameters)] == parameters, relied_on_by("addresses.py")

    @numba.njit
    def last(x):
        return vector(x, x.ctypes.data, x.size)[x.size - 1]

    assert last(np.arange(5.0)) == 4, relied_on_by("addresses.py")


def test_an_array_is_owned_by_a_field_that_can_be_emptied():
    model = default_manager[types.Array(types.float64, 1, "C")]
    assert "meminfo" in model._fields, relied_on_by("parallel.py")
