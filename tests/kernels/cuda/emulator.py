"""The CUDA sources compiled as C++, so that their arithmetic can be tested without a GPU.

The threads of a block are threads of the CPU, which run one block after another and meet at each
``__syncthreads()``. So a block has few threads here; all loops stride over them as on a GPU.
"""

import ctypes
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 8

SHIM = """
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>
using std::erf, std::exp, std::log, std::sqrt, std::tanh;
struct dim3 { unsigned x, y, z; };
static thread_local dim3 threadIdx;
static dim3 blockIdx, blockDim, gridDim;
static std::barrier<> meeting(THREADS);
#define __global__
#define __device__ static
#define __shared__ static
#define __syncthreads() meeting.arrive_and_wait()
"""
LAUNCH = """
extern "C" void launch_{name}(unsigned grid_x, unsigned grid_y, {parameters})
{{
    gridDim = {{grid_x, grid_y, 1}};
    blockDim = {{THREADS, 1, 1}};
    std::vector<std::thread> threads;
    for (unsigned thread_i = 0; thread_i < THREADS; thread_i++)
        threads.emplace_back([=] {{
            threadIdx = {{thread_i, 0, 0}};
            for (unsigned block_y = 0; block_y < grid_y; block_y++)
                for (unsigned block_x = 0; block_x < grid_x; block_x++) {{
                    meeting.arrive_and_wait();
                    if (thread_i == 0) blockIdx = {{block_x, block_y, 0}};
                    meeting.arrive_and_wait();
                    {name}({arguments});
                }}
        }});
    for (auto &thread : threads) thread.join();
}}
"""
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')
TYPES = {"i64": ctypes.c_longlong, "u64": ctypes.c_ulonglong, "int": ctypes.c_int}


class EmulatedModule:
    """Stands in for ``cupy.RawModule``: ``get_function(name)(grid, block, arguments)``."""

    def __init__(self, source: str, options: tuple[str, ...], real: Any, folder: Path) -> None:
        self._real = ctypes.c_float if real == np.float32 else ctypes.c_double
        self._parameters: dict[str, list[str]] = {}
        launches = []
        for name, text in KERNEL.findall(source):
            parameters = [" ".join(one.split()) for one in text.split(",")]
            self._parameters[name] = parameters
            arguments = ", ".join(re.split(r"[ *]", one)[-1] for one in parameters)
            launches.append(
                LAUNCH.format(name=name, parameters=", ".join(parameters), arguments=arguments)
            )
        path, library = folder / "kernels.cc", folder / "kernels.so"
        path.write_text(SHIM + source + "".join(launches), encoding="utf-8")
        flags = ["-O0", "-std=c++20", "-shared", "-fPIC", "-pthread", "-w"]
        subprocess.run(["g++", *flags, *options, str(path), "-o", str(library)], check=True)
        self._library = ctypes.CDLL(str(library))

    def get_function(self, name: str) -> Any:
        function, parameters = getattr(self._library, f"launch_{name}"), self._parameters[name]

        def launch(grid: tuple[int, ...], block: tuple[int], arguments: tuple[Any, ...]) -> None:
            assert block == (THREADS,)
            assert len(arguments) == len(parameters)
            pairs = zip(parameters, arguments, strict=True)
            sizes = map(ctypes.c_uint, (*grid, 1)[:2])
            function(*sizes, *(self._convert(parameter, x) for parameter, x in pairs))

        return launch

    def _convert(self, parameter: str, x: Any) -> Any:
        """Convert an argument as CuPy does, and check that its type is that of the parameter."""
        if "*" in parameter:
            if x is None:
                return ctypes.c_void_p(0)
            assert x.flags.c_contiguous
            kind = parameter.removeprefix("const ").split()[0]
            wanted = {"i64": np.int64, "double": np.float64}
            assert x.dtype == wanted.get(kind, self._real), (parameter, x.dtype)
            return ctypes.c_void_p(x.ctypes.data)
        kind = TYPES.get(parameter.split()[0], self._real)
        assert isinstance(x, np.generic), f"CuPy would guess the type of {parameter}"
        assert x.dtype.itemsize == ctypes.sizeof(kind), (parameter, x.dtype)
        return kind(x.item())
