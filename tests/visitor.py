"""A browser's tab that remembers what went wrong while pages loaded."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

AXE = Path(__file__).parent / "assets" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW_RULES = ("target-size", "scrollable-region-focusable")  # that depend on the width
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

# Not waited for: a tab that nobody sees may paint nothing, and its transitions never end.
AT_THEIR_END = """() => {
    for (const one of document.getAnimations()) {
        if (one.effect.getComputedTiming().endTime === Infinity) one.cancel();
        else one.finish();
    }
}"""


def chromium() -> str | None:
    """Its path; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, names)), None)


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

    def unreadable(self, paths: Iterable[str]) -> list[str]:
        """What keeps anybody from reading these pages, in light and dark, wide and on a phone."""
        return [f"{path} {fault}" for path in paths for fault in self._loaded(path)]

    def _loaded(self, path: str) -> Iterator[str]:
        self.go(path)
        yield from self.unreadable_here()

    def unreadable_here(self) -> Iterator[str]:
        """Every rule once; again in dark only what colours decide, and on a phone the width."""
        wide = self.page.viewport_size
        self.theme("light")
        yield from self.axe()
        self.theme("dark")
        yield from (f"dark: {fault}" for fault in self.axe("color-contrast"))
        self.page.set_viewport_size(PHONE)
        yield from (f"phone: {fault}" for fault in self.axe(*NARROW_RULES))
        yield from ["scrolls sideways on a phone"] * self.scrolls_sideways
        self.page.set_viewport_size(wide)

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
        self.page.evaluate(AT_THEIR_END)

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
