"""Matching of rows and columns by their labels; error messages name the first mismatch."""

from collections.abc import Hashable, Iterable, Sequence

from scratchgpt.errors import UserError, did_you_mean


def rows_at(labels: Sequence[Hashable], wanted: Sequence[Hashable], name: str) -> list[int]:
    """Find the row of each wanted time.

    Parameters
    ----------
    labels : sequence (n,)
        The times of the rows, in any order; other times may be among them.
    wanted : sequence (k,)
        The times to find, at least one.
    name : str
        What holds the rows, for error messages: an argument or a file.

    Returns
    -------
    rows : list of int (k,)

    Raises
    ------
    UserError
        If a time is repeated in ``labels``, or a wanted time is not in it.
    """
    rows: dict[Hashable, int] = {}
    for row, label in enumerate(labels):
        if rows.setdefault(label, row) != row:
            raise UserError(f"{name} has several rows for {shown(label)}; keep one row per time")
    for time in wanted:
        if time not in rows:
            there = "it is empty"
            if rows:
                there = f"its {len(rows)} rows run from {shown(labels[0])} to {shown(labels[-1])}"
                if type(labels[0]) is not type(time):
                    there += f", of type {type(labels[0]).__name__} and not {type(time).__name__}"
            raise UserError(
                f"{name} has no row for {shown(time)}: {there}; it needs a row for each of the "
                f"{len(wanted)} times from {shown(wanted[0])} to {shown(wanted[-1])}"
            )
    return [rows[time] for time in wanted]


def shown(label: object) -> str:
    """Format a time for a message; midnight goes without saying."""
    return str(label).removesuffix(" 00:00:00")


def columns_named(
    there: Iterable[object], names: Sequence[str], name: str, kind: str = "column"
) -> list[int]:
    """Find the column of each name.

    Parameters
    ----------
    there : iterable
        The names of the columns, in any order; other columns may be among them.
    names : sequence of str (k,)
        The names to find.
    name : str
        What holds the columns, for error messages: an argument or a file.
    kind : str
        What the names name, for error messages.

    Returns
    -------
    columns : list of int (k,)

    Raises
    ------
    UserError
        If there is no column or several columns of a name.
    """
    known = [str(each) for each in there]
    for wanted in names:
        if wanted not in known:
            hint = did_you_mean(wanted, known)
            raise UserError(
                f"{name} has no {kind} {wanted!r}{hint}; its {kind}s are {', '.join(known)}, but "
                f"the model has {', '.join(names)}"
            )
        if known.count(wanted) > 1:
            raise UserError(f"{name} has several {kind}s named {wanted!r}; keep one of them")
    return [known.index(wanted) for wanted in names]
