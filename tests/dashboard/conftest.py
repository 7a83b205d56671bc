"""A browser on the real admin: pages are loaded over HTTP with the project's own settings."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test.client import Client
from django.test.testcases import LiveServerThread

from tests.visitor import DESKTOP, Visitor, chromium, launched


@pytest.fixture
def admin_user(db: None) -> User:
    return User.objects.create_superuser("ada", password="pw")


def _chromium() -> str:
    if found := chromium():
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
        started = launched(playwright, executable)
        yield started
        started.close()
        connections.close_all()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class _DrainedServer(ThreadedWSGIServer):
    daemon_threads = False  # closing waits for requests that still use the test's transaction


class _KeptFiles(StaticFilesHandler):
    """Tells a tab to keep scripts and styles, as the product does: else it asks for each again."""

    def serve(self, request: HttpRequest) -> HttpResponseBase:
        response = super().serve(request)
        response["Cache-Control"] = "max-age=3600"
        return response


class _ServerThread(LiveServerThread):
    server_class = _DrainedServer


@pytest.fixture
def server(db: None) -> Iterator[str]:
    """The site over HTTP, inside the test's own transaction: nothing to clean up afterwards."""
    connection = connections["default"]
    connection.inc_thread_sharing()
    thread = _ServerThread("127.0.0.1", _KeptFiles, connections_override={"default": connection})
    # the end of a request is not the end of the test's connection
    with patch.object(connection, "close"):
        thread.start()
        thread.is_ready.wait()
        yield f"http://127.0.0.1:{thread.port}"
        thread.terminate()
    connection.dec_thread_sharing()


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
