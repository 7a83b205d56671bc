"""Walk a prompt engineer's way through a running stack: `python -m tests.walkthrough --shots DIR`.

By keyboard alone, in headless Chromium. At each step the page is checked in light and dark at 1440
and 390 px: axe (WCAG 2.2 AA), the content security policy, no sideways scrolling; with `--shots`
pictures are kept. The stack must allow the upstream, which this starts:

    OUTBOUND_ALLOWED_HOSTS=127.0.0.1:9777 python3 manage.py up --detach --no-model

Exit code 1: something was wrong with a page, or the way ended early.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.visitor import chromium
from tests.walkthrough.person import Person
from tests.walkthrough.shop import Shop
from tests.walkthrough.way import walk

PORT = 9777
MODELS = (("writer", "fake-chat", "0.15", "0.60"), ("quick", "fake-chat-small", "0.05", "0.20"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(".local"), help="the stack's data folder")
    parser.add_argument("--shots", type=Path, help="where to keep pictures")
    options = parser.parse_args()
    ready = json.loads((options.data / "ready.json").read_text())
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    with upstream():
        configure(options.data)
        faults = _walk(ready, options.shots)
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return int(bool(faults))


def _walk(ready: dict, shots: Path | None) -> list[str]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        people = [
            Person(browser, ready["web_url"], **ready["users"][role])
            for role in ("prompt-engineer", "approver")
        ]
        shop = Shop(
            web_url=ready["web_url"],
            gateway_url=ready["gateway_url"],
            key=ready["services"]["shop"]["key"],
            upstream_url=f"http://127.0.0.1:{PORT}",
        )

        def look(person: Person, name: str) -> None:
            sys.stdout.write(f"{name}\n")
            person.look(name, shots)

        slug = f"status-{int(time.time()) % 1_000_000}"
        for measured in walk(*people, shop, slug=slug, look=look):
            sys.stdout.write(f"{measured}\n")
        return [fault for person in people for fault in person.faults]


@contextmanager
def upstream() -> Iterator[None]:
    command = [sys.executable, "-m", "tests.fakes.upstream", "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()  # its port: it listens
        try:
            yield
        finally:
            process.terminate()


def configure(data: Path) -> None:
    """A provider with a good and a cheap model, as an operator makes them."""
    environ = json.loads((data / "stack.json").read_text())["environment"]
    base_url = f"http://127.0.0.1:{PORT}/v1"
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


if __name__ == "__main__":
    sys.exit(main())
