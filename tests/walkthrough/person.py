"""Somebody at a browser who has a keyboard and no mouse, and notices what is wrong with a page."""

from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.visitor import DESKTOP, NARROW_RULES, PAINTED, PHONE, Visitor

View = tuple[str, int]  # theme, and width in pixels
VIEWS: Sequence[View] = (("light", 1440), ("light", 390), ("dark", 1440), ("dark", 390))
OF_THE_VIEW = ("color-contrast", *NARROW_RULES)
PAPER = (720, 1050)  # A4 with margins, in CSS pixels
PRINT: View = ("print", PAPER[0])
# Whether it has the focus; or, as on every new page, the link that leads past the navigation to it.
FOCUS = """node => {
    if (node.getRootNode().activeElement === node) return "there";
    const skips = document.activeElement.matches(".skip-to-content-link");
    return skips && document.querySelector("main").contains(node) ? "skip" : "";
}"""
MOST_TABS = 400  # from one control of a page to another


class Person:
    def __init__(self, browser: Any, web_url: str, *, username: str, password: str) -> None:
        context = browser.new_context(viewport=DESKTOP)
        context.set_default_timeout(20_000)
        self.page = context.new_page()
        self.visitor = Visitor(self.page, web_url)
        self.faults: list[str] = []
        self.go("/admin/login/?next=/admin/")
        self.fill(self.page.get_by_label("Username"), username)
        self.fill(self.page.get_by_label("Password"), password)
        self.open(self.page.get_by_role("button", name="Log in"))

    def go(self, path: str) -> None:
        """As from a bookmark or a link in a mail."""
        self.visitor.go(path)

    def back(self) -> None:
        """To the page before; on this one, the way past the navigation may be a step itself."""
        left = self.path
        self.page.go_back()
        if self.path == left:
            self.page.go_back()

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def path_of(self, link: str) -> str:
        """Where a link of this page leads."""
        found = self.page.locator("main").get_by_role("link", name=link, exact=True).first
        return str(found.get_attribute("href"))

    def reach(self, target: Any) -> None:
        """Tab until `target` has the focus, past the navigation as its users go. Raises
        `AssertionError` when Tab never comes there."""
        target.wait_for()
        handle = target.element_handle()
        for _ in range(MOST_TABS):
            focus = handle.evaluate(FOCUS)
            if focus == "there":
                return
            self.page.keyboard.press("Enter" if focus == "skip" else "Tab")
        raise AssertionError(f"{target} cannot be reached by Tab on {self.page.url}")

    def press(self, target: Any, key: str = "Enter") -> None:
        self.reach(target)
        self.page.keyboard.press(key)

    def open(self, target: Any) -> None:
        """Follow a link, or send a form."""
        self.reach(target)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def link(self, name: str) -> None:
        self.open(self.page.locator("main").get_by_role("link", name=name, exact=True).first)

    def button(self, name: str) -> None:
        self.open(self.page.locator("main").get_by_role("button", name=name, exact=True).first)

    def fill(self, target: Any, text: str) -> None:
        self.reach(target)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, target: Any, option: str) -> None:
        """By its first letters, as a list of choices is used from the keyboard."""
        self.reach(target)
        self.page.keyboard.type(option)
        chosen = target.evaluate("node => node.selectedOptions[0].text.trim()")
        assert chosen.startswith(option), f"{chosen!r} was chosen, not {option!r}"

    def pick(self, target: Any) -> None:
        """One of several radio buttons, by the arrows, as Tab stops at the group once."""
        group = self.page.locator(f"[type=radio][name={target.get_attribute('name')}]")
        self.reach(group.and_(self.page.locator(":checked")))
        for _ in range(group.count()):
            if target.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{target} cannot be picked on {self.page.url}")

    def answer(self, button: str, **values: str) -> None:
        """Fill the fields of a question by their labels, and send it."""
        for label, value in values.items():
            field = self.page.locator("main").get_by_label(label.replace("_", " "))
            is_choice = field.evaluate("node => node.tagName") == "SELECT"
            (self.choose if is_choice else self.fill)(field, value)
        self.button(button)

    def sees(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()

    def look(self, name: str, shots: Path | None = None, *, views: Sequence[View] = VIEWS) -> None:
        """The page as others have it: axe, the page's policy, its width, and pictures of it. What
        neither colours nor the width decide is asked in the first view only."""
        for rules, (theme, width) in zip(chain([()], repeat(OF_THE_VIEW)), views, strict=False):
            if theme == "print":
                self._print(name, width, shots)
                continue
            self.page.set_viewport_size(PHONE if width == PHONE["width"] else DESKTOP)
            self.page.evaluate(PAINTED)  # what scrolls at this width is marked after that
            self.visitor.theme(theme)
            where = f"{name} {theme} {width}"
            with self.visitor.navigation_once(f"{theme} {width}"):
                self.faults += [f"{where}: {fault}" for fault in self.visitor.axe(*rules)]
            if self.visitor.scrolls_sideways:
                self.faults.append(f"{where}: scrolls sideways")
            if shots:
                self.page.screenshot(path=shots / f"{name}-{theme}-{width}.png", full_page=True)
        self.page.set_viewport_size(DESKTOP)
        self.visitor.theme("light")
        self.faults += [f"{name}: {problem}" for problem in self.visitor.problems]
        self.visitor.problems.clear()

    def _print(self, name: str, width: int, shots: Path | None) -> None:
        """As on paper, whatever the theme; what is cut off at its edge is a fault."""
        self.page.emulate_media(media="print")
        self.page.set_viewport_size({"width": width, "height": PAPER[1]})
        self.page.evaluate(PAINTED)
        if self.visitor.scrolls_sideways:
            self.faults.append(f"{name} print: wider than the paper")
        if shots:
            self.page.screenshot(path=shots / f"{name}-print.png", full_page=True)
        self.page.emulate_media(media="screen")
