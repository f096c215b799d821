"""The processor: its name, its vector extensions, and those that compiled code may use."""

import contextlib
import platform
import subprocess
from pathlib import Path

VECTORS = ("avx512f", "avx512bf16", "avx2", "fma", "sve", "neon")


def processor_name() -> str:
    """Return the model name of the processor, or its architecture if that is unknown."""
    name = _cpuinfo("model name")
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        with contextlib.suppress(OSError):
            name = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return name or platform.processor() or platform.machine()


def processor_vectors() -> tuple[str, ...]:
    """Return the vector extensions of the processor, used or not."""
    with contextlib.suppress(ImportError, RuntimeError):
        import llvmlite.binding

        features = llvmlite.binding.get_host_cpu_features()
        return tuple(name for name in VECTORS if features.get(name))
    listed = f"{_cpuinfo('flags')} {_cpuinfo('Features')}"
    flags = listed.replace("asimd", "neon").replace("avx512_", "avx512").split()
    return tuple(name for name in VECTORS if name in flags)


def compilation_target() -> tuple[str | None, tuple[str, ...]]:
    """Return the processor that LLVM compiles for, and the vector extensions that it may use."""
    try:
        from scratchgpt.kernels.compiler.cpu import cpu_name, has
    except ImportError:
        return None, ()
    return cpu_name(), tuple(vector for vector in VECTORS if has(vector))


def _cpuinfo(field: str) -> str:
    """Return a field of the first core in Linux's ``/proc/cpuinfo``."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""
