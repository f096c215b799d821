"""The chat page in a browser, served by a server that the test controls."""

import importlib.util
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DESKTOP = {"width": 1280, "height": 720}
# Every test opens the page at an address of its own, and finds nothing stored there; a reload does.
N_OPENED = itertools.count()
FORGET = """if (sessionStorage.getItem("test") !== location.search) {
  sessionStorage.clear();
  localStorage.clear();
  sessionStorage.setItem("test", location.search);
}"""


@pytest.fixture(scope="module")
def fake_server(browser) -> Iterator[Any]:
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    path = Path(__file__).with_name("fake_server.py")
    spec = importlib.util.spec_from_file_location("fake_server", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.FakeServer() as server:
        yield server


@pytest.fixture
def server(fake_server):
    """The server that serves the page; see FakeServer."""
    fake_server.reset()
    return fake_server


class Chat:
    """The chat page.

    Attributes
    ----------
    page : playwright.sync_api.Page
    origin : str
    errors : list of str
        Errors on the console; a test that provokes some empties the list.
    """

    def __init__(self, page: Any, origin: str) -> None:
        self.origin = origin
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page = page
        self._listeners = {
            "console": self._log,
            "pageerror": lambda error: self.errors.append(str(error)),
            "request": lambda request: self.requests.append(request.url),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)

    def _log(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def open(self) -> "Chat":
        self.page.goto(f"{self.origin}?{next(N_OPENED)}")
        return self

    def leave(self) -> None:
        """Leave the tab to the next test."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def send(self, text: str) -> None:
        self.page.fill("#input", text)
        self.page.press("#input", "Enter")

    def ask(self, text: str) -> str:
        """Send a message, and return the whole answer."""
        n = self.page.locator(".answer").count()
        self.send(text)
        self.wait_for_answer(n + 1)
        return self.answers()[-1]

    def wait_for_answer(self, n: int = 1) -> None:
        """Wait until there are ``n`` answers, and the last is complete."""
        self.page.wait_for_function(
            "n => document.querySelectorAll('.answer').length === n"
            " && document.querySelector('#stop').hidden",
            arg=n,
        )

    def answers(self) -> list[str]:
        return self.page.locator(".answer .text").all_text_contents()

    def users(self) -> list[str]:
        return self.page.locator(".user .text").all_text_contents()

    def press(self, name: str) -> None:
        """Click a button by its name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def focused(self) -> str:
        """The id of the focused element."""
        return self.page.evaluate("document.activeElement.id")

    def details(self) -> list[list[str]]:
        """The tokens and probabilities beside the token under the pointer or the focus."""
        assert self.page.locator("#details").is_visible()
        return self.page.locator("#details li").evaluate_all(
            "rows => rows.map(row => [...row.querySelectorAll('span')].map(one => one.textContent))"
        )


@pytest.fixture
def open_chat(tabs, server) -> Iterator[Any]:
    """``open_chat(url, **options of the context)`` opens the page.

    At the end, no error is on the console, and no request has gone anywhere but to the server.
    """
    chats = []

    def open_chat(
        url: str = server.url, *, scheme: str = "light", viewport: Any = DESKTOP, **options: Any
    ) -> Chat:
        page = tabs(FORGET, **options)
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(viewport)
        chats.append(Chat(page, url))
        return chats[-1].open()

    yield open_chat
    for chat in chats:
        chat.leave()
        assert not chat.errors
        local = (chat.origin, f"blob:{chat.origin}", "data:")
        assert all(url.startswith(local) for url in chat.requests), chat.requests


@pytest.fixture
def chat(open_chat) -> Chat:
    return open_chat()
