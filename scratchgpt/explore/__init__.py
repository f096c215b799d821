"""The explorer: one training step, forward and backward, as a page that checks itself.

``scratchgpt explore`` is its command. :func:`write_page` records a step, recomputes what every
operation keeps inside, and writes one self-contained HTML file.
"""
