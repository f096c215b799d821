"""Comparison of a device with the CPU, for ``scratchgpt verify --device``.

The backward passes of the CPU are verified against derivatives. A device that computes the same
outputs and gradients is verified by them.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from scratchgpt.backend import Array, random_stream, to_host
from scratchgpt.kernels import disabled
from scratchgpt.layers import Masks, Rotation
from scratchgpt.layers.device import move_parameters
from scratchgpt.proofs.subjects import (
    ALL_PRESETS,
    LAYERS,
    MODELS,
    Check,
    check_name,
    new_layer,
    new_preset,
    new_small,
)
from scratchgpt.verify import Report
from scratchgpt.verify.examples import EXAMPLES, Case, Example
from scratchgpt.verify.report import InputReport

TOLERANCE = 1e-11  # in float64; devices sum in another order
SMALLEST = 1e-3  # errors are relative to the largest element, at least this

# Outputs and gradients by name, computed with an array library.
Results: TypeAlias = dict[str, Array]


def find_comparisons(name: str, seed: int, library: Any) -> Iterator[Check]:
    """Find the comparisons for a name of :func:`scratchgpt.proofs.subjects.find_checks`.

    Parameters
    ----------
    name : str
    seed : int
    library : module
        The array library of the device.

    Raises
    ------
    UserError
        If the name is unknown.
    """
    check_name(name)
    everything = name == "all"
    for op, example in EXAMPLES.items():
        if everything or op == name:
            for case in example.cases:
                compute = partial(_of_op, example, case, seed)
                yield _comparison("op", op, case.note, compute, seed, library)
    for layer, form in LAYERS:
        if everything or layer == name:
            compute = partial(_of_layer, (layer, form), seed)
            yield _comparison("layer", layer, form, compute, seed, library)
    for model, forms in MODELS.items():
        for form in forms if everything or name == model else ():
            compute = partial(_of_model, partial(new_small, model, form, seed), seed)
            yield _comparison("model", model, form, compute, seed, library)
    if name in ALL_PRESETS:
        compute = partial(_of_model, partial(new_preset, name, seed), None)
        yield _comparison("model", name, "all parameters", compute, seed, library)


def _comparison(
    kind: str, name: str, case: str, compute: Callable[[Any], Results], seed: int, library: Any
) -> Check:
    def run() -> Report:
        actual = compute(library)  # with CUDA kernels, unless they are disabled
        with disabled():
            expected = compute(np)
        rows = tuple(_compare(one, expected[one], actual[one]) for one in expected)
        return Report(name, "parity", seed, rows, ())

    return Check(kind, name, case, run)


def _compare(name: str, expected: Array, actual: Array) -> InputReport:
    """Compare two arrays: the largest error, relative to the largest finite element."""
    finite = np.isfinite(expected)
    gap = np.where(finite, np.abs(actual - np.where(finite, expected, 0)), 0)
    gap = np.where(finite | (actual == expected), gap, np.inf)
    scale = max(np.abs(np.where(finite, expected, 0)).max(initial=0), SMALLEST)
    worst = np.unravel_index(np.argmax(np.nan_to_num(gap, nan=np.inf)), gap.shape)
    return InputReport(
        name,
        expected.shape,
        n_elements=expected.size,
        n_directions=0,
        error=float(gap[worst] / scale),
        index=tuple(int(i) for i in worst),
        backward=float(actual[worst]),
        numerical=float(expected[worst]),
        step=0.0,
        tolerance=TOLERANCE,
    )


def _moved(tree: Any, library: Any) -> Any:
    """Return settings with their arrays in an array library."""
    if isinstance(tree, dict):
        return {name: _moved(value, library) for name, value in tree.items()}
    if isinstance(tree, Masks | Rotation):
        return type(tree)(*(_moved(value, library) for value in tree))
    return library.asarray(tree) if isinstance(tree, np.ndarray) else tree


def _of_op(example: Example, case: Case, seed: int, library: Any) -> Results:
    inputs, settings = case.build()
    y, saved = example.forward(*_moved(inputs, library).values(), **_moved(settings, library))
    rng = random_stream(seed, "parity", example.name)
    outputs = y if isinstance(y, tuple) else (y,)
    upstream = tuple(library.asarray(rng.standard_normal(one.shape)) for one in outputs)
    found = example.backward(upstream if isinstance(y, tuple) else upstream[0], saved)
    gradients = found if isinstance(found, tuple) else (found,)
    floating = [name for name, x in inputs.items() if getattr(x, "dtype", x) in (np.float64, None)]
    named = zip(floating, gradients, strict=False)  # no gradient of a bias that is missing
    results = {f"y{i or ''}": to_host(one) for i, one in enumerate(outputs)}
    return results | {name: to_host(dx) for name, dx in named if dx is not None}


def _of_layer(key: tuple[str, str], seed: int, library: Any) -> Results:
    layer, inputs, settings = new_layer(key, seed)
    move_parameters(layer, library)
    of_layer: Any = layer  # every layer has forward and backward, of its own signature
    y, saved = of_layer.forward(*(library.asarray(x) for x in inputs), **_moved(settings, library))
    dy = library.asarray(random_stream(seed, "parity", *key).standard_normal(y.shape))
    found = of_layer.backward(dy, saved)
    gradients = found if isinstance(found, tuple) else () if found is None else (found,)
    results = {"y": to_host(y)}
    results |= {f"dx{i or ''}": to_host(dx) for i, dx in enumerate(gradients)}
    return results | _gradients_of(layer)


def _of_model(make: Callable[[], Any], dropout_seed: int | None, library: Any) -> Results:
    model, data = make()
    move_parameters(model, library)
    loss, saved = model.loss(*data, dropout_seed=dropout_seed)
    model.loss_backward(1.0, saved, in_place=True)
    return {"loss": np.asarray(to_host(loss)), **_gradients_of(model)}


def _gradients_of(layer: Any) -> Results:
    return {name: to_host(p.grad) for name, p in layer.store.named.items() if not p.is_frozen}
