"""A controller's way through a month: why it was dearer, a budget, the invoices, the close, the
file for a FinOps tool. By keyboard alone, but for choosing files, which is the browser's own."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.walkthrough.person import Person

EXPORT = 300.0  # seconds that a file may take


@dataclass(frozen=True)
class Month:
    first: date
    last: date

    @property
    def days(self) -> str:
        return f"from={self.first}&to={self.last}"

    @property
    def page(self) -> str:
        return f"/admin/ledger/period/{self.first}/change/"


def why_dearer(me: Person, month: Month) -> Iterator[str]:
    """From the year to the month, to what changed it, to the version that did."""
    page = me.page
    me.go("/admin/")
    yield "01-home"
    me.go("/admin/costs/")
    yield "02-costs"
    me.link("12 months")
    yield "03-twelve-months"
    me.go(f"/admin/costs/?{month.days}")
    yield "04-month"
    me.choose(page.get_by_label("Group by"), "Model")
    me.button("Show")
    me.link("Why did it change?")
    yield "05-why-by-model"
    me.choose(page.get_by_label("Group by"), "Prompt")
    me.button("Show")
    yield "06-why-by-prompt"


def one_prompt(me: Person, prompt: str) -> Iterator[str]:
    me.link(prompt)
    yield "07-why-of-the-prompt"


def one_call(me: Person, month: Month, version: str) -> Iterator[str]:
    """Down to the price lines of a single call."""
    page = me.page
    prompt = version.partition("@")[0]
    me.go(f"/admin/costs/?{month.days}&group_by=prompt_version&prompt={prompt}")
    yield "08-versions"
    me.open(page.get_by_role("link", name=f"Lines of the ledger: {version}"))
    yield "09-entries"
    me.go(f"{urlsplit(page.url).path}?{urlsplit(page.url).query}&kind__exact=charge")
    me.open(page.locator("#result_list tbody th a").first)
    me.sees("Price lines")
    yield "10-entry"
    me.open(page.locator(".field-attempt_link a").first)
    yield "11-attempt"


def other_reports(me: Person, month: Month) -> Iterator[str]:
    for name, path in (
        ("12-unusual-days", f"costs/anomalies/?{month.days}&at_least=0.01"),
        ("13-waste", f"waste/?{month.days}"),
        ("14-usage", f"usage/?{month.days}"),
        ("15-statements", f"costs/statements/?month={month.first:%Y-%m}"),
        ("16-statement", f"costs/statements/one/?month={month.first:%Y-%m}&name=support"),
        ("17-prices", "registry/price/"),
    ):
        me.go(f"/admin/{path}")
        yield name


def budget(me: Person, team: str) -> Iterator[str]:
    page = me.page
    me.go("/admin/budgets/budget/add/")
    slug = f"{team}-{int(time.time()) % 1_000_000}"
    me.fill(page.get_by_label("Slug:"), slug)
    me.fill(page.get_by_label("Name:"), f"{team.capitalize()}, monthly")
    me.fill(page.get_by_label("Limit, USD:"), "900")
    me.fill(page.get_by_label("Time zone:"), "Europe/Berlin")
    me.fill(page.get_by_label("Team:"), team)
    yield "20-new-budget"
    me.button("Save and continue editing")
    yield "21-budget"
    me.go("/admin/budgets/budget/")
    yield "22-budgets"


def statement_format(me: Person, provider: str) -> Iterator[str]:
    """The columns of a provider's CSV, named once."""
    page = me.page
    me.go("/admin/reconciliation/source/")
    me.link(provider)
    me.choose(page.get_by_label("Format:", exact=True), "Another CSV")
    for label, column in (
        ("Day column", "day"),
        ("Item column", "model"),
        ("Meter column", "meter"),
        ("Amount column", "usd"),
        ("Quantity column", "tokens"),
        ("Calls column", "requests"),
        ("Category column", "type"),
    ):
        me.fill(page.get_by_label(f"{label}:", exact=True), column)
    yield "30-format"
    me.button("Save")


def forget_format(me: Person, provider: str) -> None:
    """OpenAI and Azure are understood as they are."""
    me.go("/admin/reconciliation/source/")
    me.link(provider)
    me.choose(me.page.get_by_label("Format:", exact=True), provider[0].upper() + provider[1:3])
    me.button("Save")


def upload(me: Person, provider: str, files: Mapping[str, Path]) -> Iterator[str]:
    """A draft, looked at and imported."""
    page = me.page
    me.go("/admin/reconciliation/statement/add/")
    me.choose(page.get_by_label("Provider"), provider)
    for label, file in files.items():
        page.locator(f"[name={label.lower()}]").set_input_files(file)
    yield f"31-upload-{provider}"
    me.button("Read and compare")
    me.sees("This is what would happen")
    yield f"32-draft-{provider}"
    me.link("Import")
    me.answer("Import", Reason="The invoice came.")
    me.sees("1 imported.")


def bridge(me: Person) -> dict[str, str]:
    """Column of the difference → amount, as the page shows them; those of nothing left out."""
    rows = me.page.locator(".rc-table").first.locator("tbody tr:has(a)").all()
    cells = [(row.locator("th").inner_text(), row.locator("td").last.inner_text()) for row in rows]
    found = {name: amount.replace(",", "").replace("$", "") for name, amount in cells}
    return {name: amount for name, amount in found.items() if float(amount)}


def book(me: Person) -> Iterator[str]:
    me.pick(me.page.locator("[name=scope][value=all]"))
    me.button("Book the difference…")
    yield "33-book"
    me.answer("Ask for these adjustments", Reason="As the invoice says.")
    yield "34-asked"


def approve_all(me: Person) -> Iterator[str]:
    page = me.page
    me.go("/admin/ledger/adjustment/?status__exact=requested")
    yield "35-adjustments"
    me.press(page.locator("#action-toggle"), "Space")
    me.choose(page.locator("select[name=action]"), "Approve")
    me.button("Go")
    me.answer("Approve and book", Reason="Compared with the invoice.")
    yield "36-approved"


def explain(me: Person, statement: str) -> None:
    me.go(statement)
    if not bridge(me):
        return
    me.pick(me.page.locator("[name=scope][value=all]"))
    me.button("Explain…")
    me.answer("Explain", Reason="Their amounts are rounded.")


def sign_off(me: Person, statement: str, name: str) -> Iterator[str]:
    me.go(statement)
    me.link("Sign off")
    me.answer("Sign off", Reason="Agreed.")
    me.sees("1 signed off.")
    yield f"37-signed-{name}"


def soft_close(me: Person, month: Month) -> Iterator[str]:
    me.go("/admin/ledger/period/")
    yield "40-months"
    me.go(month.page)
    yield "41-checklist"
    me.link("Soft-close")
    me.answer("Soft-close", Reason="The month is over.")
    me.sees("1 soft-closed.")
    yield "42-soft-closed"


def close(me: Person, month: Month) -> Iterator[str]:
    me.go(month.page)
    me.link("Close for ever")
    yield "43-close"
    me.answer("Close for ever", Reason="Everything is done.")
    me.sees("1 being closed.")
    yield "44-being-closed"
    _reload_until(me, me.page.get_by_text("Previous seal"))
    yield "45-closed"


def export(me: Person, month: Month, form: str, *, more: str = "") -> Iterator[str]:
    """Asked for, made by a worker, and ready."""
    page = me.page
    me.go(f"/admin/costs/?{month.days}{more}")
    me.link("Export…")
    me.pick(page.get_by_label(form))
    yield f"50-ask-{form.split(' ')[0].strip(':').lower()}"
    me.button("Export")
    _reload_until(me, page.get_by_role("link", name="Download"))
    yield f"51-{form.split(' ')[0].strip(':').lower()}"


def _reload_until(me: Person, shown: Any) -> None:
    """A worker is at it."""
    end = time.monotonic() + EXPORT
    while not shown.count():
        if time.monotonic() > end:
            raise TimeoutError(f"not after {EXPORT} s: {me.page.url}")
        me.page.reload()


def download(me: Person, into: Path) -> Path:
    link = me.page.get_by_role("link", name="Download").first
    me.reach(link)
    with me.page.expect_download() as started:
        me.page.keyboard.press("Enter")
    file = into / started.value.suggested_filename
    started.value.save_as(file)
    return file
