"""How many numbers the registers of this CPU hold, for which tiles are made."""

import llvmlite.binding
import numba


def _has(feature: str) -> bool:
    """Whether kernels are compiled for a CPU with this feature, by LLVM's name for it."""
    if numba.config.CPU_NAME not in (None, "host", llvmlite.binding.get_host_cpu_name()):
        return False  # compiled for another CPU than this one, of which only the name is known
    return bool(llvmlite.binding.get_host_cpu_features().get(feature, False))


# Bytes of a vector and rows of a tile. A tile is two vectors wide: its sums, 16 vectors or 8, are
# enough in flight to keep the units for multiply-add busy without a pause, and leave registers
# free for what is multiplied. AVX-512 has 32 registers of 64 bytes, AVX2 16 of 32, NEON 32 of 16.
VECTOR_BYTES, TILE_ROWS = (64, 8) if _has("avx512f") else (32, 4)

# Whether one instruction multiplies int16 in pairs and adds them up in int32.
HAS_INT16_DOT = _has("avx512vnni")
