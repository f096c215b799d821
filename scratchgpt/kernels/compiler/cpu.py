"""The CPU that kernels are compiled for, and how many numbers its registers hold."""

import llvmlite.binding
import numba
from numba.core.codegen import get_host_cpu_features


def cpu_name() -> str:
    """The CPU that Numba has LLVM compile for, by LLVM's name for it."""
    return numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()


def has(feature: str) -> bool:
    """Whether Numba lets LLVM use a feature of the CPU, by LLVM's name for it."""
    chosen = numba.config.CPU_FEATURES
    features = get_host_cpu_features() if chosen is None else chosen
    return f"+{feature}" in features.split(",")


# Bytes of a vector and rows of a tile. A tile is two vectors wide: its sums, 16 vectors or 8, are
# enough in flight to keep the units for multiply-add busy without a pause, and leave registers
# free for what is multiplied. AVX-512 has 32 registers of 64 bytes, AVX2 16 of 32, NEON 32 of 16.
VECTOR_BYTES, TILE_ROWS = (64, 8) if has("avx512f") else (32, 4)

# Whether one instruction multiplies int16 in pairs and adds them up in int32.
HAS_INT16_DOT = has("avx512vnni")

# Whether one instruction multiplies bfloat16 in pairs and adds them up in float32.
HAS_BFLOAT16_DOT = has("avx512bf16") and VECTOR_BYTES == 64
