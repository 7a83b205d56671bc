"""The controller's whole way, and what must be true along it."""

import csv
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from apps.core.money import PICO, exact_usd, pico_from_usd, plain_usd
from apps.ledger.months import end_of_month
from bench.history import twelve_months
from bench.ledger_seed import DEAR_MODEL, DEAR_PROMPT
from tests.stacks import environment
from tests.walkthrough import controller, invoice
from tests.walkthrough.controller import Month
from tests.walkthrough.person import Person

Look = Callable[[Person, str], None]
ZONE = "Europe/Berlin"
MANY = 1_000_000  # entries of a year: a day costs dollars
LABELS = {
    "capture": "Capture",
    "tokens": "Tokens",
    "price": "Price",
    "repeated": "Repeated lines",
    "credit": "Credits",
    "discount": "Discounts",
    "tax": "Tax",
    "rest": "Rest",
}
_LEDGER = """
    SELECT sum(amount_pico)::numeric FROM ledger_entry
    WHERE (at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
      AND at BETWEEN %(first)s::date - 2 AND %(last)s::date + 2
"""


@dataclass(frozen=True)
class Books:
    """A stack with a history in it. `decimals` of OpenAI's amounts: cents, or finer where a day
    costs less than one."""

    environ: dict[str, str]
    database_url: str
    month: Month
    decimals: int
    folder: Path

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, env=self.environ, check=True, capture_output=True, text=True)
        return done.stdout

    def booked(self) -> int:
        """The month in the ledger, entry by entry."""
        values = {"zone": ZONE, "first": self.month.first, "last": self.month.last}
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(_LEDGER, values).fetchone()
        assert row is not None
        return int(row[0])


def month_of(until: datetime) -> Month:
    """The dear one of `bench.history`."""
    year = twelve_months(rows=1, until=until, zone=ZONE)
    return Month(year.dear, end_of_month(year.dear))


def walk(me: Person, boss: Person, books: Books, *, look: Look) -> Iterator[str]:
    """Says what it found; raises `AssertionError` or `TimeoutError` where the way ends early."""

    def go(person: Person, steps: Iterator[str]) -> None:
        for name in steps:
            look(person, name)

    month = books.month
    go(me, controller.why_dearer(me, month))
    # more of its tokens are output, which the bridge calls price: docs/costs.md
    yield f"dearer, by prompt: {_first_contributor(me, DEAR_PROMPT, 'Output tokens')}"
    go(me, controller.one_prompt(me, DEAR_PROMPT))
    version = f"{DEAR_PROMPT}@4"
    yield f"dearer, of {DEAR_PROMPT}: {_first_contributor(me, version)}"
    me.go(f"/admin/costs/why/?{month.days}&group_by=model")
    yield f"dearer, by model: {_first_contributor(me, DEAR_MODEL, 'Price')}"
    go(me, controller.one_call(me, month, version))
    go(me, controller.other_reports(me, month))
    go(me, controller.budget(me, "support"))

    yield from _reconciled(me, boss, books, go)
    go(me, controller.soft_close(me, month))
    began = time.monotonic()
    go(boss, controller.close(boss, month))
    yield f"closed in {time.monotonic() - began:.0f} s with its pictures; {_seals(books)}"
    yield from _exported(me, books, go)


def _first_contributor(me: Person, name: str, cause: str = "") -> str:
    """The row of those who changed it most; it must be the planted one, for the planted reason."""
    row = me.page.locator("table").last.locator("tbody tr").first
    cells = [row.locator("th").inner_text(), *row.locator("td").all_inner_texts()]
    assert cells[0] == name, cells
    assert cells[-1].startswith(cause), cells
    return ", ".join(cells)


def _reconciled(me: Person, boss: Person, books: Books, go: Any) -> Iterator[str]:
    lines = {
        provider: invoice.lines_of(
            books.database_url, provider, books.month.first, books.month.last
        )
        for provider in ("northern", "openai", "azure")
    }
    planted = invoice.plant(lines["northern"])
    files = {
        "northern": {"costs": invoice.as_generic(lines["northern"])},
        "openai": {
            "costs": invoice.as_openai(lines["openai"], decimals=books.decimals),
            "usage": invoice.openai_usage(lines["openai"]),
        },
        "azure": {"costs": invoice.as_azure(lines["azure"])},
    }
    go(me, controller.statement_format(me, "northern"))
    for provider in ("openai", "azure"):
        controller.forget_format(me, provider)
    statements = {}
    for provider, texts in files.items():
        go(me, controller.upload(me, provider, _written(books.folder, provider, texts)))
        statements[provider] = me.path
        yield f"{provider}: {controller.bridge(me)}"
        _agrees(provider, controller.bridge(me), planted)
    me.go(statements["northern"])
    go(me, controller.book(me))
    go(boss, controller.approve_all(boss))
    controller.explain(me, statements["openai"])
    for provider, statement in statements.items():
        go(me, controller.sign_off(me, statement, provider))


def _written(folder: Path, provider: str, texts: dict[str, str]) -> dict[str, Path]:
    found = {}
    for label, text in texts.items():
        found[label] = folder / f"{provider}-{label}.csv"
        found[label].write_text(text)
    return found


def _agrees(provider: str, found: dict[str, str], planted: dict[str, int]) -> None:
    """Every error in its own column, to the last pico-dollar, and nothing else."""
    if provider == "northern":
        expected = {LABELS[column]: amount for column, amount in planted.items()}
        assert {name: _pico(text) for name, text in found.items()} == expected
    elif provider == "openai":
        assert set(found) <= {"Rounding"}, found
    else:
        assert found == {}, found


def _pico(text: str) -> int:
    amount = pico_from_usd(plain_usd(text.removeprefix("-")))
    return -amount if text.startswith("-") else amount


def _seals(books: Books) -> str:
    return books.manage("verify_seals").strip()


def _exported(me: Person, books: Books, go: Any) -> Iterator[str]:
    """FOCUS, held against the ledger, the statements' page and the seal; and a workbook."""
    booked = books.booked()
    for form, more in (("FOCUS", ""), ("XLSX", "&group_by=service&team=support")):
        began = time.monotonic()
        go(me, controller.export(me, books.month, form, more=more))
        file = controller.download(me, books.folder)
        size = file.stat().st_size / 2**20
        yield f"{form}: {size:.1f} MB after {time.monotonic() - began:.0f} s with its pictures"
        if form == "FOCUS":
            assert _focus_total(file) == booked
            yield books.manage("check_focus", str(file)).strip()
    shown = exact_usd(booked).rstrip("0")
    for page in (f"/admin/costs/statements/?month={books.month.first:%Y-%m}", books.month.page):
        me.go(page)
        me.sees(shown)
    yield f"FOCUS = statements = seal = ledger: {booked / PICO:,.2f} USD, to the last digit"


def _focus_total(file: Path) -> int:
    csv.field_size_limit(sys.maxsize)
    with file.open(encoding="utf-8", newline="") as stream:
        return sum(_pico(row["BilledCost"]) for row in csv.DictReader(stream))


def opened(data: Path, database_url: str, *, entries: int, folder: Path) -> Books:
    """The books of this stack, with a history and all months before the dear one closed, as a
    company has them that closes every month."""
    environ = environment(data) | {"REPORTING_TIME_ZONE": ZONE}
    with psycopg.connect(database_url) as connection:
        newest = connection.execute("SELECT max(at), count(*) FROM ledger_entry").fetchone()
    assert newest is not None
    until, count = newest
    if not count:
        until, count = datetime.now(UTC), entries
        rows = ("bench.history", f"--rows={entries}", f"--until={until.isoformat()}")
        subprocess.run([sys.executable, "-m", *rows], env=environ, check=True)
    month = month_of(until)
    closing = ("tests.walkthrough.earlier_months", str(month.first))
    subprocess.run([sys.executable, "-m", *closing], env=environ, check=True)
    decimals = 2 if count > MANY else 6
    return Books(environ, database_url, month, decimals, folder)
