"""The task of the drawn animals: 24 kinds to learn from, and 6 that have no example."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.animals.bodies import BODIES
from scratchgpt.zero_shot.animals.coats import COATS
from scratchgpt.zero_shot.animals.features import picture_features
from scratchgpt.zero_shot.animals.pictures import draw_animals
from scratchgpt.zero_shot.attributes.task import AttributeTask, standardized

# The attributes of each body; the coat is a further attribute.
OF_BODY = {
    "horse": ("legs", "hooves", "neck", "ears", "tail"),
    "cow": ("legs", "hooves", "tail"),
    "cat": ("legs", "ears", "tail"),
    "swan": ("neck", "wings", "water"),
    "fish": ("tail", "water"),
    "snake": ("long",),
}
ATTRIBUTES = ("legs", "hooves", "neck", "ears", "tail", "wings", "water", "long", *COATS)
# The kinds without an example, and what people call them.
UNSEEN = {
    ("horse", "stripes"): "zebra",
    ("cow", "light"): "white cow",
    ("cat", "patches"): "patched cat",
    ("swan", "dark"): "black swan",
    ("fish", "spots"): "spotted fish",
    ("snake", "stripes"): "striped snake",
}
N_TRAIN, N_TEST = 80, 50  # pictures of each kind


class Kind(NamedTuple):
    """A kind of animal.

    Attributes
    ----------
    body, coat : str
    name : str
    is_seen : bool
        Whether there are pictures of it to learn from.
    """

    body: str
    coat: str
    name: str
    is_seen: bool


class AnimalTask(NamedTuple):
    """The task, with the pictures that its features come from.

    Attributes
    ----------
    task : AttributeTask
    kinds : tuple of Kind (30,)
        The classes, in the order of the rows of ``task.s``.
    test_pictures : array (M, 24, 24)
        The pictures of the test examples.
    """

    task: AttributeTask
    kinds: tuple[Kind, ...]
    test_pictures: Array


def animal_kinds() -> tuple[Kind, ...]:
    """Return the 30 kinds of animals: each body with each coat."""
    return tuple(
        Kind(body, coat, UNSEEN.get((body, coat), f"{body}, {coat}"), (body, coat) not in UNSEEN)
        for body in BODIES
        for coat in COATS
    )


def animal_attributes() -> Array:
    """Return the attributes of the 30 kinds, 0 or 1: an array (30, 13)."""
    rows = [{*OF_BODY[kind.body], kind.coat} for kind in animal_kinds()]
    return np.array([[float(name in row) for name in ATTRIBUTES] for row in rows])


def animal_task(seed: int = 0, *, n_train: int = N_TRAIN, n_test: int = N_TEST) -> AnimalTask:
    """Draw the pictures of the task and compute their features.

    Parameters
    ----------
    seed : int
        The same seed gives the same pictures.
    n_train, n_test : int
        Number of pictures per kind. The unseen kinds have only test pictures.
    """
    kinds = animal_kinds()
    is_seen = np.array([kind.is_seen for kind in kinds])

    def draw(part: str, n: int, classes: Array) -> tuple[Array, Array]:
        pictures = [
            draw_animals(kinds[k].body, kinds[k].coat, n, seed=seed, part=part) for k in classes
        ]
        return np.concatenate(pictures), np.repeat(classes, n)

    pictures, y = draw("train", n_train, np.flatnonzero(is_seen))
    test_pictures, y_test = draw("test", n_test, np.arange(len(kinds)))
    x, x_test = standardized(picture_features(pictures), picture_features(test_pictures))
    s = animal_attributes()
    names = tuple(kind.name for kind in kinds)
    return AnimalTask(
        AttributeTask(x, y, x_test, y_test, s, s, is_seen, names), kinds, test_pictures
    )
