"""A browser on the real admin: pages are loaded over HTTP with the project's own settings."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import connections
from django.test.client import Client
from django.test.testcases import LiveServerThread

AXE = Path(__file__).parent.parent / "assets" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def admin_user(db: None) -> User:
    return User.objects.create_superuser("ada", password="pw")


def _chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("REQUIRE_BROWSER=1, but no Chromium found; set CHROMIUM_PATH.")
    pytest.skip("no Chromium on this machine; set CHROMIUM_PATH to run the browser tests")


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Any]:
    """For one module only: while Playwright runs, it keeps an event loop in this thread, where
    other tests could start none, and Django keeps other connections beside a running loop."""
    executable = _chromium()
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield started
        started.close()
        connections.close_all()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class _DrainedServer(ThreadedWSGIServer):
    daemon_threads = False  # closing waits for requests that still use the test's transaction


class _ServerThread(LiveServerThread):
    server_class = _DrainedServer


@pytest.fixture
def server(db: None) -> Iterator[str]:
    """The site over HTTP, inside the test's own transaction: nothing to clean up afterwards."""
    connection = connections["default"]
    connection.inc_thread_sharing()
    thread = _ServerThread(
        "127.0.0.1", StaticFilesHandler, connections_override={"default": connection}
    )
    # the end of a request is not the end of the test's connection
    with patch.object(connection, "close"):
        thread.start()
        thread.is_ready.wait()
        yield f"http://127.0.0.1:{thread.port}"
        thread.terminate()
    connection.dec_thread_sharing()


class Visitor:
    """A signed-in tab that remembers what went wrong while pages loaded."""

    def __init__(self, page: Any, server: str) -> None:
        self.page, self.server = page, server
        self.problems: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("request", self._on_request)
        page.on("response", self._on_response)

    def go(self, path: str) -> None:
        self.page.goto(self.server + path, wait_until="load")

    def axe(self, *rules: str) -> list[str]:
        """What axe finds wrong, by all rules of WCAG 2.2 AA or by the given ones."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())  # by the debugger: the page's policy stays strict
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": AXE_TAGS}
        options = {
            "runOnly": only,
            "resultTypes": ["violations"],
            "preload": False,  # would try to inline style sheets, which the policy forbids
        }
        found = self.page.evaluate("options => axe.run(options)", options)
        return [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def theme(self, name: str) -> None:
        """Switches as the button does, without the transitions in between."""
        self.page.evaluate("name => { document.documentElement.dataset.theme = name }", name)
        self.page.evaluate("Promise.all(document.getAnimations().map(a => a.finished))")

    @property
    def scrolls_sideways(self) -> bool:
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))

    def _on_console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"console: {message.text}")

    def _on_request(self, request: Any) -> None:
        if urlsplit(request.url).netloc not in {urlsplit(self.server).netloc, ""}:
            self.problems.append(f"other host: {request.url}")

    def _on_response(self, response: Any) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")


@pytest.fixture
def visit(browser: Any, server: str, admin_user: User) -> Iterator[Callable[..., Visitor]]:
    """Opens a tab, signed in as the administrator unless `user` is None."""
    contexts = []

    def visit(*, user: User | None = admin_user, viewport: dict[str, int] = DESKTOP) -> Visitor:
        context = browser.new_context(viewport=viewport)
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": server}])
        return Visitor(context.new_page(), server)

    yield visit
    for context in contexts:
        context.close()
