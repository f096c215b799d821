"""The families of GPTs that Hugging Face's ``transformers`` computes, as data.

:mod:`.table` has one row for each family: its settings, the fields of its ``config.json`` and the
names of its parameters. Another family needs another row, and a table in :mod:`.names` if its
parameters have other names.
"""

from scratchgpt.models.families.exchange import (
    form_of,
    obstacle,
    read_family,
    table_name,
    their_arrays,
    their_name,
    write_family,
)
from scratchgpt.models.families.names import HEAD
from scratchgpt.models.families.table import FAMILIES, Family

__all__ = [
    "FAMILIES",
    "HEAD",
    "Family",
    "form_of",
    "obstacle",
    "read_family",
    "table_name",
    "their_arrays",
    "their_name",
    "write_family",
]
