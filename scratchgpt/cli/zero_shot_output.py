"""The output of ``scratchgpt zero-shot``: text and JSON."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.cli.console import write_json, write_line
from scratchgpt.errors import counted
from scratchgpt.zero_shot.animals.explain import Evidence, attribute_evidence, nearest_class
from scratchgpt.zero_shot.animals.sheet import beside
from scratchgpt.zero_shot.animals.task import ATTRIBUTES, AnimalTask
from scratchgpt.zero_shot.attributes.evaluate import Result, learned_attributes
from scratchgpt.zero_shot.attributes.task import AttributeTask

MOST_CLASSES = 12  # in a confusion matrix; of more, the most frequent errors are printed
MOST_ERRORS = 10
PICTURES_PER_LINE = 3

FLOORS = {
    "NearestSeen": "nearest seen class",
    "Majority": "most frequent class",
}
_HEADERS = ("unseen", "S", "U", "H", "S", "U", "H", "AUSUC")


def write_animals(animals: AnimalTask, results: list[Result], *, draw: bool) -> None:
    """Print the result of the drawn animals, with pictures if ``draw``."""
    task = animals.task
    if draw:
        write_line("The animals without an example:")
        write_line("")
        unseen = np.flatnonzero(~task.is_seen)
        for first in range(0, len(unseen), PICTURES_PER_LINE):
            some = unseen[first : first + PICTURES_PER_LINE]
            pictures = [animals.test_pictures[np.argmax(task.y_test == k)] for k in some]
            for line in beside(pictures, [task.names[k] for k in some]):
                write_line(line)
            write_line("")
    zebra, other, rows = _zebra(animals, results[0])
    write_line(
        f"The zebra is a horse with stripes. DAP compared {counted(zebra.sum(), 'picture')} of it "
        f"with the most similar other animal, {other}:"
    )
    write_line("")
    write_line(f"  {'attribute':<10}{'zebra':>6}{'probability':>13}{'evidence':>10}")
    for row in rows:
        has = "yes" if row.is_present else "no"
        write_line(
            f"  {row.attribute:<10}{has:>6}{row.probability:>13.2f}{row.evidence + 0:>+10.2f}"
        )
    write_line("")
    write_line(
        "  Probability: of the attribute, in the mean. Evidence: how much it speaks for the zebra, "
    )
    write_line("  in nats; an attribute that both animals share says nothing.")
    write_line("")
    write(task, results)


def write(task: AttributeTask, results: list[Result]) -> None:
    """Print the confusion of the best method, and the measures of all methods."""
    best = max(results, key=lambda result: result.accuracy)
    _write_confusion(task, best)
    write_line("")
    n_seen, n_test = int(task.is_seen.sum()), len(task.y_test)
    write_line(
        f"{counted(n_seen, 'seen class', 'seen classes')} with {counted(len(task.y), 'example')}, "
        f"{counted(len(task.is_seen) - n_seen, 'unseen class', 'unseen classes')}; "
        f"{counted(n_test, 'test example')}. Mean accuracies per class, in percent:"
    )
    write_line("")
    write_line(f"{'':22}{'among':>8}{'among all classes':>22}{'with stacking':>24}")
    write_line(f"{'':22}" + "".join(f"{header:>8}" for header in _HEADERS))
    for result in results:
        values = (result.accuracy, *result.generalized, *result.stacked, result.ausuc)
        name = FLOORS.get(result.name, result.name)
        write_line(f"{name:<22}" + "".join(f"{100 * value:>8.1f}" for value in values))
    write_line("")
    write_line("S: seen classes, U: unseen classes, H: their harmonic mean. Stacking subtracts a")
    write_line("constant from the scores of the seen classes. AUSUC: area under the curve of S")
    write_line("against U. The constants were chosen on held-out classes:")
    for result in results:
        if result.constants:
            constants = ", ".join(f"{name} {value:g}" for name, value in result.constants.items())
            write_line(f"  {result.name}: {constants}, stacking {result.stacking:.4g}")
    n_left_out = task.binary.shape[1] - len(learned_attributes(task))
    if n_left_out:
        write_line(
            f"DAP and IAP do not use {counted(n_left_out, 'attribute')}: the seen classes all have "
            "the same value"
        )


def _write_confusion(task: AttributeTask, result: Result) -> None:
    names = [name for name, is_seen in zip(task.names, task.is_seen, strict=True) if not is_seen]
    if len(names) > MOST_CLASSES:
        write_line(f"The most frequent errors of {result.name} among the unseen classes:")
        for n, truth, predicted in _errors(result.confusion)[:MOST_ERRORS]:
            write_line(f"{n:>8,}  {names[truth]}: recognized as {names[predicted]}")
        return
    write_line(
        f"Unseen classes by {result.name}; a row is a class, a column what it was taken for:"
    )
    write_line("")
    width = max(map(len, names)) + 2
    cell = max(6, len(str(result.confusion.max())) + 2)
    letters = [chr(ord("a") + i) for i in range(len(names))]
    write_line(f"{'':{width + 4}}" + "".join(f"{letter:>{cell}}" for letter in letters))
    for letter, name, row in zip(letters, names, result.confusion, strict=True):
        write_line(f"  {letter} {name:<{width}}" + "".join(f"{n:>{cell}}" for n in row))


def _errors(confusion: Array) -> list[tuple[int, int, int]]:
    wrong = confusion - np.diag(np.diag(confusion))
    found = [(int(wrong[i, j]), int(i), int(j)) for i, j in np.argwhere(wrong)]
    return sorted(found, key=lambda error: -error[0])


def record(task: AttributeTask, results: list[Result], start: dict[str, Any]) -> None:
    """Print the result as one JSON object."""
    write_json({**start, **_record(task, results)})


def animals_record(animals: AnimalTask, results: list[Result], seed: int) -> None:
    """Print the result of the drawn animals as one JSON object."""
    _, other, rows = _zebra(animals, results[0])
    zebra = {"against": other, "evidence": [row._asdict() for row in rows]}
    start = {"source": "animals", "seed": seed, "zebra": zebra}
    record(animals.task, results, start)


def _record(task: AttributeTask, results: list[Result]) -> dict[str, Any]:
    names = np.array(task.names)
    return {
        "seen": names[task.is_seen].tolist(),
        "unseen": names[~task.is_seen].tolist(),
        "n_train": len(task.y),
        "n_test": len(task.y_test),
        "n_attributes": task.s.shape[1],
        "n_learned_attributes": len(learned_attributes(task)),
        "methods": {
            result.name: {
                "accuracy": result.accuracy,
                "generalized": result.generalized._asdict(),
                "stacking": result.stacking,
                "stacked": result.stacked._asdict(),
                "ausuc": result.ausuc,
                "constants": result.constants,
                "confusion": result.confusion.tolist(),
            }
            for result in results
        },
    }


def _zebra(animals: AnimalTask, dap: Result) -> tuple[Array, str, list[Evidence]]:
    """Return which test pictures show a zebra, the most similar animal, and the evidence."""
    task, model = animals.task, dap.model
    k = task.names.index("zebra")
    is_zebra = task.y_test == k
    x = task.x_test[is_zebra]
    other = nearest_class(model, x, task.s, k)
    rows = attribute_evidence(model, x, task.s, k, other, ATTRIBUTES)
    return is_zebra, task.names[other], rows
