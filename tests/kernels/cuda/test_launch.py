"""The CUDA sources compile for a GPU, by both compilers that NVIDIA has, and are installed."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from scratchgpt.kernels.cuda import launch

each_real = pytest.mark.parametrize("dtype", [np.dtype("f4"), np.dtype("f8")], ids=str)


def test_every_source_is_a_part_of_the_package():
    assert {"common.cuh", "gelu.cu"} <= {path.name for path in launch.FOLDER.iterdir()}
    for path in launch.FOLDER.glob("*.cu"):
        assert path.read_text(encoding="utf-8") in launch.source()


def test_every_kernel_is_launched_by_its_name():
    names = set(re.findall(r'extern "C" __global__ void (\w+)\(', launch.source()))
    wrappers = "".join(p.read_text(encoding="utf-8") for p in launch.FOLDER.glob("*.py"))
    launched = re.findall(r'by_(?:element|block)\(\s*"(\w+)"', wrappers)
    assert names == set(launched)


@each_real
def test_nvcc_compiles_them(dtype, tmp_path):
    if shutil.which("nvcc") is None:
        pytest.skip("nvcc is not installed")
    path = tmp_path / "kernels.cu"
    path.write_text(launch.source(), encoding="utf-8")
    options = [*launch.options(dtype), "-arch=sm_90", "-cubin", "-Werror=all-warnings"]
    subprocess.run(["nvcc", *options, path, "-o", tmp_path / "kernels.cubin"], check=True)


@each_real
def test_nvrtc_compiles_them(dtype):
    """CuPy compiles with NVRTC, which has no headers. It needs no GPU."""
    nvrtc = pytest.importorskip("cupy_backends.cuda.libs.nvrtc")
    try:
        nvrtc.getVersion()
    except Exception as error:
        pytest.skip(f"NVRTC is not installed: {error}")
    program = nvrtc.createProgram(launch.source(), "kernels.cu", (), ())
    options = ("-std=c++17", *launch.options(dtype), "--gpu-architecture=sm_90")
    try:
        nvrtc.compileProgram(program, options)
    except Exception:
        pytest.fail(nvrtc.getProgramLog(program))
    assert len(nvrtc.getCUBIN(program)) > 1000
