"""Sums of numbers up to 99. One pair in ten is held out: the model never reads it in any text."""

import hashlib
import re

import numpy as np

from scratchgpt.chat.starter.patterns import choose, draw

LARGEST = 99
_HELD_OUT = 26  # of 256
_NUMBERS = re.compile(r"(\d{1,9})")

SUM_QUESTIONS = (
    "[What is|what is|What's|How much is|Compute|Calculate|] {a} [+|plus] {b}[?|]",
    "{a}[+|plus| + | plus ]{b}[=|?| = ?| =|]",
    "[Add|Please add|Can you add|Could you add|Now add|I want to add] {a} [and|to] {b}[.|?|]",
    "What [is|would be|will be] the [sum|total] of {a} and {b}[?|]",
    "[The sum of|Sum|The total of|Give me the sum of] {a} and {b}[.|?|, please.]",
    "What do [you|I|we] get if [you|I|we] add {a} [and|to] {b}[?|]",
    "[Can you tell me|Do you know|Tell me|And] what {a} [+|plus] {b} is[?|.|]",
    "I have {a} [apples|coins|books|eggs] and get {b} more. How many [do I have|are there][?|]",
)


def is_held_out(a: int, b: int) -> bool:
    """Whether a sum is never in training data; both orders are the same sum.

    Sums with a number below 10 are never held out.
    """
    low, high = sorted((a, b))
    return low >= 10 and hashlib.sha256(f"{low}+{high}".encode()).digest()[0] < _HELD_OUT


def held_out_sums() -> list[tuple[int, int]]:
    """Return all held-out pairs of numbers, in both orders."""
    numbers = range(LARGEST + 1)
    return [(a, b) for a in numbers for b in numbers if is_held_out(a, b)]


def draw_sum(rng: np.random.Generator) -> tuple[int, int]:
    """Draw a pair of numbers that is not held out."""
    while True:
        a, b = rng.integers(LARGEST + 1, size=2).tolist()
        if not is_held_out(a, b):
            return a, b


def sum_answer(a: int, b: int) -> str:
    return f"{a} + {b} = {a + b}."


def sum_question(a: int, b: int, rng: np.random.Generator) -> str:
    return draw(choose(SUM_QUESTIONS, rng), rng).format(a=a, b=b).strip()


def mentions_held_out(text: str) -> bool:
    """Whether two numbers in a row are a held-out pair, without an equals sign between them."""
    parts = _NUMBERS.split(text)  # text, number, text, number, ..., text
    numbers = [int(number) for number in parts[1::2]]
    return any(
        is_held_out(a, b) and "=" not in between
        for a, between, b in zip(numbers, parts[2::2], numbers[1:], strict=False)
    )
