"""Compilation, caching and threading of kernels: all code that depends on Numba's internals."""
