"""The page of a step, opened from a file in a browser without a network."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

DESKTOP = {"width": 1280, "height": 900}
N_OPENED = itertools.count()


class Opened:
    """A page in the browser.

    Attributes
    ----------
    page : playwright.sync_api.Page
    requests, errors : list of str
    """

    def __init__(self, page: Any) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page = page
        self._listeners = {
            "request": lambda request: self.requests.append(request.url),
            "pageerror": lambda error: self.errors.append(str(error)),
            "console": self._log,
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)

    def leave(self) -> None:
        """Leave the tab to the next test."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.emulate_media(media="null", color_scheme="null")

    def _log(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def js(self, code: str, argument: Any = None) -> Any:
        return self.page.evaluate(code, argument)

    def hash(self) -> str:
        return self.js("decodeURIComponent(location.hash)")


@pytest.fixture
def open_page(tabs, demo_path) -> Iterator[Any]:
    """``open_page(hash, **settings of the context)`` opens the page and returns an Opened.

    Each address is another one, because the browser only scrolls if no more than the hash changes.
    """
    opened, sessions = [], []

    def open_it(
        hash="", *, path=demo_path, theme="light", viewport=DESKTOP, scripts=True, **settings
    ):
        one = Opened(tabs(offline=True, **settings))
        opened.append(one)
        if not scripts:
            sessions.append(one.page.context.new_cdp_session(one.page))
            sessions[-1].send("Emulation.setScriptExecutionDisabled", {"value": True})
        one.page.emulate_media(color_scheme=theme)
        one.page.set_viewport_size(viewport)
        one.page.goto(f"{path.as_uri()}?{next(N_OPENED)}{hash}")
        if scripts:
            one.page.wait_for_function("window.ready")
        return one

    yield open_it
    for one in opened:
        one.leave()
    for session in sessions:
        session.send("Emulation.setScriptExecutionDisabled", {"value": False})
