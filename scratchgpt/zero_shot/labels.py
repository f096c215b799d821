"""Labels that a text may get, and the templates that make sentences of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scratchgpt.errors import UserError

PLACE = "{}"  # of the label in a template


class Label(NamedTuple):
    """A label.

    Attributes
    ----------
    name : str
        What a text is labeled with.
    description : str
        Words that explain the name; may be empty.
    """

    name: str
    description: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.description}" if self.description else self.name


def parse_labels(labels: Iterable[str]) -> list[Label]:
    """Read labels such as ``sports`` or ``business: companies, stocks``.

    A colon and a space separate the name from its description. Commas separate nothing.

    Raises
    ------
    UserError
        If there are no labels, or a name is empty or occurs twice.

    Examples
    --------
    >>> parse_labels(["sports", "business: companies, stocks"])
    [Label(name='sports', description=''), Label(name='business', description='companies, stocks')]
    """
    if isinstance(labels, str):
        raise UserError(
            f"the labels are the single string {labels!r}; give a list, such as "
            "['sports', 'business']"
        )
    found = []
    for number, text in enumerate(labels, start=1):
        if not isinstance(text, str):
            raise UserError(f"label {number} is {text!r}, not a string")
        name, _, description = text.strip().partition(": ")
        name, description = name.rstrip(" :"), description.strip()
        if not name:
            raise UserError(f"label {number} is empty; give it a name")
        found.append(Label(name, description))
    if not found:
        raise UserError("there are no labels; give at least one")
    [(name, n)] = Counter(label.name for label in found).most_common(1)
    if n > 1:
        raise UserError(f"the label {name!r} is given {n} times; leave out all but one")
    return found


def parse_templates(templates: str | Sequence[str]) -> list[str]:
    """Return one or several templates as a list.

    Raises
    ------
    UserError
        If there are none, or one does not have ``{}`` exactly once.
    """
    found = [templates] if isinstance(templates, str) else list(templates)
    if not found:
        raise UserError("there are no templates; give one such as 'This example is {}.'")
    for template in found:
        n = template.count(PLACE)
        if n != 1:
            raise UserError(
                f"the template {template!r} has {{}} {n} times; put {{}} once, where the label goes"
            )
    return found
