"""Numba without SciPy's linear algebra, which takes a tenth of a second to import.

Before it loads its first kernel, Numba tries that import to see whether ``np.dot`` can be compiled.
No kernel here calls ``np.dot``. The import is not needed to know that SciPy is installed, and user
code that compiles ``np.dot`` tries the import again.
"""

import contextlib
import importlib.util

with contextlib.suppress(ImportError, AttributeError):  # if Numba has renamed them
    from numba.np import linalg

    if importlib.util.find_spec("scipy") is not None:
        ensure_blas = linalg.ensure_blas
        linalg.ensure_blas = lambda: None
        try:
            import numba.np.arraymath  # noqa: F401 (checks once, at import)
        finally:
            linalg.ensure_blas = ensure_blas
