"""How many numbers the registers of this CPU hold, for which tiles are made."""

import llvmlite.binding
import numba


def _has_wide_registers() -> bool:
    """Whether kernels are compiled for a CPU with AVX-512: 32 registers of 64 bytes."""
    if numba.config.CPU_NAME not in (None, "host", llvmlite.binding.get_host_cpu_name()):
        return False  # compiled for another CPU than this one, of which only the name is known
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f", False))


# Bytes of a vector and rows of a tile. A tile is two vectors wide: its sums, 16 vectors or 8, are
# enough in flight to keep the units for multiply-add busy without a pause, and leave registers free
# for what is multiplied. AVX2 and NEON have registers of 32 and 16 bytes, 16 and 32 of them.
VECTOR_BYTES, TILE_ROWS = (64, 8) if _has_wide_registers() else (32, 4)
