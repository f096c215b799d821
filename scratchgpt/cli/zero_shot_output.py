"""The output of ``scratchgpt zero-shot``: text and JSON."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.cli.console import write_json, write_line, write_wrapped
from scratchgpt.errors import counted
from scratchgpt.zero_shot.animals.explain import Evidence, Explanation, explain
from scratchgpt.zero_shot.animals.sheet import beside
from scratchgpt.zero_shot.animals.task import ATTRIBUTES, AnimalTask
from scratchgpt.zero_shot.attributes.dap import DAP
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
    _write_explanation(_explained(animals, results))
    write_line("")
    write(task, results)


def _write_explanation(found: Explanation) -> None:
    """Print which attributes distinguished a class from the two most similar ones."""
    write_line(
        f"A zebra is a horse with stripes. What DAP saw in {counted(found.n_pictures, 'picture')} "
        "of zebras:"
    )
    write_line("")
    width = max(len(found.unseen), len(found.seen), 8) + 2
    columns = f"{'attribute':<11}{'zebra':>5}{'probability':>13}"
    write_line(f"  {'':29}{'evidence against':>{2 * width}}")
    write_line(f"  {columns}{found.unseen:>{width}}{found.seen:>{width}}")
    for row in found.rows:
        evidence = (row.against_unseen, row.against_seen)
        values = "".join(f"{value + 0:>+{width}.1f}" for value in evidence)
        write_line(f"  {row.attribute:<11}{_yes(row):>5}{row.probability:>13.2f}{values}")
    write_line(f"  {'sum':<29}" + "".join(f"{total:>+{width}.1f}" for total in _totals(found)))
    write_line("")
    shared = ", ".join(f"{row.attribute} ({_yes(row)})" for row in found.shared)
    write_wrapped(
        f"Of all unseen kinds, {found.unseen!r} is the most similar, and of all seen kinds, "
        f"{found.seen!r}. Evidence is positive if it speaks for the zebra; its sum is the "
        f"difference of the scores. All three share the other attributes: {shared}."
    )


def _yes(row: Evidence) -> str:
    return "yes" if row.is_present else "no"


def _totals(found: Explanation) -> list[float]:
    rows = found.rows
    return [sum(row.against_unseen for row in rows), sum(row.against_seen for row in rows)]


def write(task: AttributeTask, results: list[Result]) -> None:
    """Print the confusion of the best method, and the measures of all methods."""
    best = max(results, key=lambda result: result.accuracy)
    _write_confusion(task, best)
    write_line("")
    n_seen, n_test = int(task.is_seen.sum()), len(task.y_test)
    write_line(
        f"{counted(n_seen, 'seen class')} with {counted(len(task.y), 'training example')}, "
        f"{counted(len(task.is_seen) - n_seen, 'unseen class')}, "
        f"{counted(n_test, 'test example')}."
    )
    write_line("Accuracy per class, averaged over the classes, in percent:")
    write_line("")
    write_line(f"{'':22}{'among':>8}{'among all classes':>24}{'the same, stacked':>24}")
    write_line(f"{'':22}" + "".join(f"{header:>8}" for header in _HEADERS))
    for result in results:
        values = (result.accuracy, *result.generalized, *result.stacked, result.ausuc)
        name = FLOORS.get(result.name, result.name)
        write_line(f"{name:<22}" + "".join(f"{100 * value:>8.1f}" for value in values))
    write_line("")
    write_wrapped(
        "S: accuracy of seen classes. U: of unseen classes. H: their harmonic mean. Calibrated "
        "stacking subtracts a constant from the scores of the seen classes. AUSUC: area under the "
        "curve of S against U. The constants were chosen on held-out classes:"
    )
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
        f"Unseen classes by {result.name}, true classes in rows and predicted ones in columns:"
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
    found = _explained(animals, results)
    zebra = {
        "unseen": found.unseen,
        "seen": found.seen,
        "attributes": [row._asdict() for row in (*found.rows, *found.shared)],
    }
    record(animals.task, results, {"source": "animals", "seed": seed, "zebra": zebra})


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


def _explained(animals: AnimalTask, results: list[Result]) -> Explanation:
    [dap] = [result.model for result in results if isinstance(result.model, DAP)]
    return explain(dap, animals.task, ATTRIBUTES, "zebra")
