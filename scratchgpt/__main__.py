"""``python -m scratchgpt`` is ``scratchgpt``."""

from scratchgpt.cli.main import run

run()
