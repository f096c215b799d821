"""The chat page: HTML, style and scripts, joined into one file that fetches no other."""

import base64
import functools
import hashlib
from pathlib import Path
from typing import NamedTuple

from scratchgpt.utf8 import read_text

ASSETS = Path(__file__).parent / "assets"
# The parts of the script, in this order; each uses names of those before it.
SCRIPTS = ("api", "alignment", "conversation", "probabilities", "log", "settings", "main")


class Page(NamedTuple):
    """The chat page.

    Attributes
    ----------
    html : bytes
        The page, in UTF-8.
    csp : str
        The Content-Security-Policy to serve it with. By their hashes, it allows the style and the
        script of the page. It allows requests to the server that the page comes from, and forbids
        everything else: other scripts, strings as HTML, forms, and frames.
    """

    html: bytes
    csp: str


@functools.cache
def page() -> Page:
    """Return the chat page and its Content-Security-Policy."""
    style = read_text(ASSETS / "chat.css")
    parts = [read_text(ASSETS / f"{name}.js") for name in SCRIPTS]
    # The block keeps the names of the script out of the window.
    script = '"use strict";\n{\n' + "\n".join(parts) + "}\n"
    html = read_text(ASSETS / "chat.html")
    html = html.replace("/* style */", style).replace("/* script */", script)
    directives = [
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    return Page(html.encode(), "; ".join(directives))


def _hash(text: str) -> str:
    """Return the source expression that allows one inline script or style."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
