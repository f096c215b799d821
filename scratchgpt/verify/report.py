"""Reports of the checks, formatted for failure messages of tests."""

from dataclasses import dataclass

from scratchgpt.errors import counted

HEADINGS: tuple[str, ...] = (
    "input",
    "shape",
    "checked",
    "worst error",
    "at",
    "backward",
    "numerical",
    "step",
)


class VerificationError(AssertionError):
    """A backward pass does not match its forward pass; the message is the whole report."""


@dataclass(frozen=True, order=True)
class Kink:
    """An element at which the slopes to the left and to the right differ."""

    index: tuple[int, ...]
    left: float
    right: float
    backward: float

    @property
    def accepted(self) -> bool:
        """Whether the gradient of the backward lies between both slopes (is a subgradient)."""
        low, high = sorted((self.left, self.right))
        slack = 1e-3 * max(abs(low), abs(high))  # the slopes come from finite differences
        return low - slack <= self.backward <= high + slack

    def __str__(self) -> str:
        verdict = "between them" if self.accepted else "OUTSIDE them"
        return (
            f"kink at index {self.index}: slopes {self.left:.6g} and {self.right:.6g} meet, "
            f"backward says {self.backward:.6g}, {verdict}"
        )


@dataclass(frozen=True)
class InputReport:
    """The result for one input.

    Attributes
    ----------
    name : str
    shape : tuple of int
    n_elements, n_directions : int
        Number of elements compared individually, and of random directions through all elements.
    error : float
        The largest relative error; see :func:`scratchgpt.verify.relative_error`.
    index : tuple of int or None
        The element with this error; None if the error was along a random direction.
    backward, numerical : float
        The two values that differ.
    step : float
        The step of the numerical derivative.
    tolerance : float
    kinks : tuple of Kink
        Elements without a derivative, which are excluded from the comparison.
    note : str
        A diagnosis, or an empty string.
    """

    name: str
    shape: tuple[int, ...]
    n_elements: int
    n_directions: int
    error: float
    index: tuple[int, ...] | None
    backward: float
    numerical: float
    step: float
    tolerance: float
    kinks: tuple[Kink, ...] = ()
    note: str = ""

    @property
    def passed(self) -> bool:
        # With this form of the comparison, NaN does not pass.
        return self.error <= self.tolerance and all(kink.accepted for kink in self.kinks)


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Attributes
    ----------
    title : str
        What was checked.
    method : {"complex", "central", "adjoint", "parity"}
    seed : int
        Random seed of the upstream gradient, the tested elements and the directions.
    inputs : tuple of InputReport
    violations : tuple of str
        Violations of the contract: an array was overwritten, or a shape or dtype is wrong.
    """

    title: str
    method: str
    seed: int
    inputs: tuple[InputReport, ...]
    violations: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.violations and all(row.passed for row in self.inputs)

    @property
    def worst_error(self) -> float:
        """The largest relative error over all inputs."""
        return max((row.error for row in self.inputs), default=0.0)

    def __getitem__(self, name: str) -> InputReport:
        """Return the row of one input: ``report["weight"]``."""
        for row in self.inputs:
            if row.name == name:
                return row
        raise KeyError(name)

    def raise_if_failed(self) -> None:
        """Raise an error if the check failed.

        Raises
        ------
        VerificationError
            With the report as its message.
        """
        if not self.passed:
            raise VerificationError(str(self))

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        table = [HEADINGS, *map(_cells, self.inputs)]
        widths = [max(len(line[i]) for line in table) for i in range(len(HEADINGS))]
        verdicts = ["", *("ok" if row.passed else "WRONG" for row in self.inputs)]
        lines = [f"{self.title}, {self.method}, seed {self.seed}: {verdict}"]
        for cells, mark in zip(table, verdicts, strict=True):
            padded = "  ".join(cell.ljust(n) for cell, n in zip(cells, widths, strict=True))
            lines.append(f"  {padded}  {mark}".rstrip())
        for row in self.inputs:
            lines += [f"  {row.name}: {kink}" for kink in row.kinks[:5]]
            if len(row.kinks) > 5:
                lines.append(f"  {row.name}: and {counted(len(row.kinks) - 5, 'more kink')}")
            if row.note:
                lines.append(f"  {row.name}: {row.note}")
        lines += [f"  contract: {violation}" for violation in self.violations]
        return "\n".join(lines)


def _cells(row: InputReport) -> tuple[str, ...]:
    checked = [str(row.n_elements)] if row.n_elements else []
    checked += [counted(row.n_directions, "direction")] if row.n_directions else []
    return (
        row.name,
        str(row.shape),
        " + ".join(checked),
        f"{row.error:.1e}",
        "direction" if row.index is None else str(row.index),
        f"{row.backward:.15g}",
        f"{row.numerical:.15g}",
        f"{row.step:.1e}",
    )
