"""Limits of the numbers on the command line, which are the same for all options."""

import math
from typing import Any

import typer

MAX_WHOLE = (1 << 63) - 1  # of NumPy's integers


def limit_numbers(command: Any) -> None:
    """Refuse NaN and integers of more than 64 bits in all options and arguments of a command.

    This includes all commands below it.
    """
    for parameter in command.params:
        _limit(parameter)
    for below in getattr(command, "commands", {}).values():
        limit_numbers(below)


def _limit(parameter: Any) -> None:
    process = parameter.process_value

    def process_and_check(context: Any, given: Any) -> Any:
        number = process(context, given)
        if isinstance(number, float) and math.isnan(number):
            raise typer.BadParameter("NaN is not allowed", ctx=context, param=parameter)
        if isinstance(number, int) and abs(number) > MAX_WHOLE:
            raise typer.BadParameter(
                "it must be a whole number of at most 64 bits", ctx=context, param=parameter
            )
        return number

    parameter.process_value = process_and_check
