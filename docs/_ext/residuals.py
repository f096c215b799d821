"""``{residuals} layer_norm``: check the gradients of an operation while its page is built."""

import time
from typing import Any

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scratchgpt import kernels
from scratchgpt.verify.examples import EXAMPLES, Case, Example

# Central differences take several forward passes for each element. Directions cover the others.
OPTIONS = {"central": {"max_elements": 40}}
METHODS = {"complex": "complex step", "central": "central differences", "adjoint": "adjoint"}


class Residuals(SphinxDirective):
    """A table of the worst relative errors, with one row for each registered case."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        example = EXAMPLES[self.arguments[0]]
        start = time.perf_counter()
        rows = [self._row(example, case) for case in example.cases]
        seconds = time.perf_counter() - start
        worst = [max(float(row[i]) for row in rows) for i in (2, 3, 4)]
        lines = [
            "| case | inputs | " + " | ".join(METHODS.values()) + " |",
            "|---|---|--:|--:|--:|",
        ]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines.append("| **worst** | | " + " | ".join(f"**{error:.1e}**" for error in worst) + " |")
        n = len(example.cases)
        summary = (
            f"Worst relative error of any gradient in {n} cases with three methods, "
            f"computed in {seconds:.1f} seconds when this page was built. The complex step is "
            "taken for each element; central differences for 40 elements of an input, and along "
            "random directions, which detect an error in any other. "
            "{doc}`/guides/verifier` explains the methods."
        )
        table = nodes.container("", *self.parse_text_to_nodes("\n".join(lines)))
        table["classes"].append("residuals")
        return [*self.parse_text_to_nodes(summary), table]

    def _row(self, example: Example, case: Case) -> list[str]:
        errors = []
        for method in METHODS:
            with kernels.disabled():  # the page derives the reference
                report = example.check(case, method=method, **OPTIONS.get(method, {}))
            if not report.passed:
                raise self.error(f"{example.name}, {case.note}:\n{report}")
            errors.append(f"{report.worst_error:.1e}")
        shapes = [
            f"{name} {_shape(x)}" for name, x in case.inputs.items() if isinstance(x, np.ndarray)
        ]
        layout = "" if case.layout == "C" or case.layout in case.note else f" ({case.layout})"
        return [case.note + layout, ", ".join(shapes), *errors]


def _shape(x: Any) -> str:
    return "×".join(str(size) for size in x.shape) or "scalar"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("residuals", Residuals)
    return {"parallel_read_safe": True}
