"""How kernels are compiled, cached and run on threads: all that touches Numba's internals."""
