"""Numba without SciPy's linear algebra, which takes a tenth of a second to import.

Before it loads its first kernel, Numba tries that import to see whether ``np.dot`` can be compiled.
No kernel here calls it. That SciPy is installed is known without, and what somebody compiles with
``np.dot`` in it tries the import itself.
"""

import contextlib
import importlib.util

with contextlib.suppress(ImportError, AttributeError):  # where Numba has other names for it
    from numba.np import linalg

    if importlib.util.find_spec("scipy") is not None:
        ensure_blas = linalg.ensure_blas
        linalg.ensure_blas = lambda: None
        try:
            import numba.np.arraymath  # noqa: F401 (which asks once, for good)
        finally:
            linalg.ensure_blas = ensure_blas
