"""The page of a step, opened from a file in a browser without a network."""

from collections.abc import Iterator
from typing import Any

import pytest


class Opened:
    """A page in the browser.

    Attributes
    ----------
    page : playwright.sync_api.Page
    requests, errors : list of str
    """

    def __init__(self, context: Any) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page = context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._log)

    def _log(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def js(self, code: str, argument: Any = None) -> Any:
        return self.page.evaluate(code, argument)

    def hash(self) -> str:
        return self.js("decodeURIComponent(location.hash)")


@pytest.fixture
def open_page(browser, demo_path) -> Iterator[Any]:
    """``open_page(hash, **settings of the context)`` opens the page and returns an Opened."""
    contexts = []

    def open_it(hash="", *, path=demo_path, **settings):
        settings = {"viewport": {"width": 1280, "height": 900}, **settings}
        context = browser.new_context(offline=True, reduced_motion="reduce", **settings)
        contexts.append(context)
        opened = Opened(context)
        opened.page.goto(path.as_uri() + hash)
        if settings.get("java_script_enabled", True):
            opened.page.wait_for_function("window.ready")
        return opened

    yield open_it
    for context in contexts:
        context.close()
