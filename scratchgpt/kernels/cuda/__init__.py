"""CUDA kernels for a GPU, under the names of the operations that call them.

The sources are in the files ``*.cu`` beside this one. CuPy compiles them when they are first called
(with NVRTC, which needs no compiler), and keeps the result on disk.
"""
