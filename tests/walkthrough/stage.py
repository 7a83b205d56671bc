"""What the way needs: a stack with a provider, a browser with two people, and a service."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.stacks import environment
from tests.visitor import chromium, launched
from tests.walkthrough import month_end
from tests.walkthrough.person import PRINT, VIEWS, Person, View
from tests.walkthrough.shop import Shop
from tests.walkthrough.way import walk

PATIENCE = 600_000  # milliseconds that a page may take
MODELS = (("writer", "fake-chat", "0.15", "0.60"), ("quick", "fake-chat-small", "0.05", "0.20"))


def walk_through(
    data: Path,
    port: int,
    *,
    shots: Path | None = None,
    views: Sequence[View] = VIEWS,
    say: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Walk through the stack of this data folder, whose provider listens on `port`. What was wrong
    with its pages; raises where the way ends early."""
    from playwright.sync_api import sync_playwright

    ready = json.loads((data / "ready.json").read_text())
    _configure(data, port)
    with sync_playwright() as playwright:
        browser = launched(playwright, chromium())
        me, boss = (
            Person(browser, ready["web_url"], **ready["users"][role])
            for role in ("prompt-engineer", "approver")
        )
        shop = Shop(
            web_url=ready["web_url"],
            gateway_url=ready["gateway_url"],
            key=ready["services"]["shop"]["key"],
            upstream_url=f"http://127.0.0.1:{port}",
        )

        def look(person: Person, name: str) -> None:
            say(name)
            person.look(name, shots, views=views)

        slug = f"status-{int(time.time()) % 1_000_000}"
        for measured in walk(me, boss, shop, slug=slug, look=look):
            say(measured)
        return [*me.faults, *boss.faults]


def close_month(
    data: Path,
    *,
    entries: int,
    shots: Path | None = None,
    views: Sequence[View] = (*VIEWS, PRINT),
    say: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """The controller's way through the stack of this data folder, whose days are those of
    `month_end.ZONE`. An empty ledger is filled first. What was wrong with its pages; raises where
    the way ends early."""
    from playwright.sync_api import sync_playwright

    ready = json.loads((data / "ready.json").read_text())
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        books = month_end.opened(data, ready["database_url"], entries=entries, folder=Path(folder))
        browser = launched(playwright, chromium())
        me, boss = (
            Person(browser, ready["web_url"], **ready["users"][role])
            for role in ("finance", "administrator")
        )
        for person in (me, boss):
            person.page.set_default_timeout(PATIENCE)  # whole months are compared and sealed

        def look(person: Person, name: str) -> None:
            say(name)
            person.look(name, shots, views=views)

        for measured in month_end.walk(me, boss, books, look=look):
            say(measured)
        return [*me.faults, *boss.faults]


@contextmanager
def upstream(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.fakes.upstream", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()  # its port: it listens
        try:
            yield
        finally:
            process.terminate()


def _configure(data: Path, port: int) -> None:
    """A provider with a good and a cheap model, as an operator makes them."""
    environ = environment(data)
    base_url = f"http://127.0.0.1:{port}/v1"
    _manage(environ, "create_provider", "acme", "--vendor=compatible", f"--base-url={base_url}")
    for slug, upstream_name, given, answered in MODELS:
        _manage(
            environ,
            *("create_deployment", slug, "--provider=acme", f"--model={slug}"),
            *(f"--upstream-name={upstream_name}", "--context-window=16000", "--max-output=2000"),
            *("--tokenizer=o200k_base", f"--input-usd-per-mtok={given}"),
            f"--output-usd-per-mtok={answered}",
        )


def _manage(environ: dict[str, str], *words: str) -> None:
    command = [sys.executable, "manage.py", *words]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
