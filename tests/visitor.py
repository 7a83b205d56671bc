"""A browser's tab that remembers what went wrong while pages loaded."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

AXE = Path(__file__).parent / "assets" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW_RULES = ("target-size", "scrollable-region-focusable")  # that depend on the width
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

# The pages of a test are left before optimised code would pay; processes cost more than they bring.
FLAGS = ["--no-sandbox", "--no-zygote", "--in-process-gpu", "--js-flags=--no-opt --no-maglev"]

# The navigation is most of what a page has, and all but its current link is the same on each.
WITHOUT_NAVIGATION = """() => {
    for (const list of document.querySelectorAll("#l-nav ul")) {
        list.whole = [...list.children];
        list.replaceChildren(...list.whole.filter(item => item.querySelector("[aria-current]")));
    }
}"""
WITH_NAVIGATION = """() => {
    for (const list of document.querySelectorAll("#l-nav ul")) list.replaceChildren(...list.whole);
}"""

PAINTED = """new Promise(done => {
    requestAnimationFrame(() => requestAnimationFrame(done));
    setTimeout(done, 500);  // a browser without a screen may paint nothing
})"""

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


def launched(playwright: Any, executable: str | None) -> Any:
    """A browser, to be closed by the caller."""
    return playwright.chromium.launch(executable_path=executable, args=FLAGS)


class Visitor:
    """A signed-in tab that remembers what went wrong while pages loaded."""

    def __init__(self, page: Any, server: str) -> None:
        self.page, self.server = page, server
        self.problems: list[str] = []
        self.known_navigations: set[str] = set()
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
        """Every rule in light and wide; again in dark on a phone what colours and the width decide.
        The first page with its navigation is looked at in dark and wide too."""
        wide, is_first = self.page.viewport_size, not self.known_navigations
        self.theme("light")
        with self.navigation_once("light"):
            yield from self.axe()
        self.theme("dark")
        if is_first:
            yield from (f"dark: {fault}" for fault in self.axe("color-contrast"))
        self.page.set_viewport_size(PHONE)
        self.page.evaluate(PAINTED)  # what scrolls at this width is marked after that
        with self.navigation_once("dark, phone"):
            on_phone = self.axe("color-contrast", *NARROW_RULES)
        yield from (f"dark, phone: {fault}" for fault in on_phone)
        yield from ["scrolls sideways on a phone"] * self.scrolls_sideways
        self.page.set_viewport_size(wide)

    @contextmanager
    def navigation_once(self, view: str) -> Iterator[None]:
        """A look at this page; when another one was looked at in the same view, all of the
        navigation but its current link is left out."""
        if view in self.known_navigations:
            self.page.evaluate(WITHOUT_NAVIGATION)
            yield
            self.page.evaluate(WITH_NAVIGATION)
        else:
            yield
            if self.page.locator("#l-nav").count():
                self.known_navigations.add(view)

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
