"""The CPU that kernels are compiled for, and the size of its vector registers."""

import llvmlite.binding
import numba
from numba.core.codegen import get_host_cpu_features


def cpu_name() -> str:
    """Return LLVM's name of the CPU that kernels are compiled for."""
    return numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()


def cpu_features() -> str:
    """Return the features that kernels are compiled for: LLVM's names, each with a sign."""
    chosen = numba.config.CPU_FEATURES
    return str(get_host_cpu_features() if chosen is None else chosen)


def has(feature: str) -> bool:
    """Whether Numba lets LLVM use a CPU feature, given by its LLVM name."""
    return f"+{feature}" in cpu_features().split(",")


# Bytes per vector, and rows per tile. A tile is two vectors wide. Its 16 or 8 vectors of sums are
# enough independent operations to keep the multiply-add units busy, and leave registers free for
# the factors. AVX-512 has 32 registers of 64 bytes, AVX2 16 of 32 bytes, NEON 32 of 16 bytes.
VECTOR_BYTES, TILE_ROWS = (64, 8) if has("avx512f") else (32, 4)

# Whether one instruction multiplies pairs of int16 and adds the products in int32.
HAS_INT16_DOT = has("avx512vnni")

# Whether one instruction multiplies pairs of bfloat16 and adds the products in float32.
HAS_BFLOAT16_DOT = has("avx512bf16") and VECTOR_BYTES == 64
