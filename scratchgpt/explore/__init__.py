"""The explorer: one training step, forward and backward, as a page that checks itself.

``scratchgpt explore`` is its command. :func:`make_page` records a step, recomputes what every
operation keeps inside, and returns one self-contained HTML page.
"""

from scratchgpt.explore.demo import demo_steps
from scratchgpt.explore.page import Page, make_page, write_page
from scratchgpt.explore.step import Step, step_of_run

__all__ = ["Page", "Step", "demo_steps", "make_page", "step_of_run", "write_page"]
