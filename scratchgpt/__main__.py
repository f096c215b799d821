"""Run the command line: ``python -m scratchgpt`` is the same as ``scratchgpt``."""

from scratchgpt.cli.main import run

run()
