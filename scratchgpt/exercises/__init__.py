"""Exercises that grade themselves: write the backward pass of an operation, and check it.

:func:`stub` is the file that the reader completes, and :func:`grade` checks it. ``scratchgpt
exercise`` is the same on the command line.
"""

from scratchgpt.exercises.catalog import EXERCISES, Exercise, find_exercise
from scratchgpt.exercises.grading import grade
from scratchgpt.exercises.stubs import solution, stub, with_mistake

__all__ = [
    "EXERCISES",
    "Exercise",
    "find_exercise",
    "grade",
    "solution",
    "stub",
    "with_mistake",
]
