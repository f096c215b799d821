"""The documentation site. ``make docs`` builds it; nothing is fetched from the network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from scratchgpt.version import __version__ as release

project = "scratchgpt"
author = "the scratchgpt authors"
copyright = "the scratchgpt authors"
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "mathml",
    "run_directives",
    "residuals",
    "block_drawing",
    "transformer_drawing",
    "explorer",
    "docstrings",
    "book",
    "graph_drawing",
    "steps",
    "html_links",
    "source_pages",
    "arrays",
    "plots",
    "epub_book",
    "build_time",
]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(torch|numpy)\..*")]  # links to these sites are not resolved

html_theme = "furo"
html_title = "scratchgpt"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_js_files = ["copy.js"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False

# The EPUB of "make book".
epub_title = "scratchgpt: a GPT and its backward pass"
epub_description = "The forward and the backward pass of a GPT: derived, in code, in numbers."
epub_identifier = "scratchgpt-numpy"
epub_scheme = "name"
epub_tocscope = "includehidden"
epub_tocdepth = 2
epub_show_urls = "no"
epub_css_files = ["custom.css", "book.css"]
suppress_warnings = ["epub.unknown_project_files", "epub.duplicated_toc_entry"]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False

highlight_language = "python"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
