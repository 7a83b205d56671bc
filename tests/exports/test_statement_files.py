"""A statement's files say what its page says, with the state of the month at the head."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from openpyxl import load_workbook

from apps.core.money import pico_from_usd
from apps.exports import statement_files
from apps.exports.statements import statement
from apps.ledger.models import Period
from tests.exports.conftest import person
from tests.finance.conftest import AT, booked

pytestmark = pytest.mark.django_db(transaction=True)
MARCH = {"month": date(2026, 3, 1), "zone": "UTC"}
FEBRUARY = datetime(2026, 2, 27, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 2, 12, tzinfo=UTC)
PLACE = "/admin/costs/statements/one"
ASKED = "month=2026-03&name=web"


@pytest.fixture
def month(books):
    """Two lines and a correction of February, with names that a spreadsheet would run, and one of
    April about this month."""
    booked("shop", AT, 10**18 + 1, team="web", cost_center="c1", model="m1", input_tokens=7)
    booked("=1+1", AT, 5, team="web", cost_center="c2", model="\uff1dcmd")
    booked("crm", AT, 7, team="", cost_center="c1")
    for at, amount in ((FEBRUARY, 9), (AT, 4)):
        wrong = booked("shop", at, amount, team="web", cost_center="c1")
        values = {"reverses": wrong, "reason": "@priced", "team": "web", "cost_center": "c1"}
        booked("shop", AT if at == FEBRUARY else APRIL, -amount, kind="reversal", **values)


@pytest.fixture
def client(books):
    client = Client()
    client.force_login(person("finance"))
    return client


def rows_of(client, form, asked=ASKED):
    answer = client.get(f"{PLACE}.{form}?{asked}")
    assert answer.status_code == 200
    if form == "csv":
        return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))
    sheet = load_workbook(io.BytesIO(answer.content))["Statement"]
    return [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]


def table(rows):
    """The lines and their total, exact."""
    start = next(n for n, row in enumerate(rows) if row[:1] == ["Service"])
    end = next(n for n, row in enumerate(rows) if row[:1] == ["Total"])
    return [pico_from_usd(row[-1]) for row in rows[start + 1 : end]], pico_from_usd(rows[end][-1])


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("bearer", [("team", "web"), ("cost_center", "c1"), ("team", "(none)")])
def test_lines_and_total_are_those_of_the_page(month, client, form, bearer):
    by, name = bearer
    asked = f"month=2026-03&by={by}&name={name}"
    lines, total = table(rows_of(client, form, asked))
    shown = statement(by=by, name="" if name == "(none)" else name, **MARCH)
    assert lines == [line.sums.amount_pico for line in shown.lines]
    assert sum(lines) == total == shown.total.amount_pico
    page = client.get(f"{PLACE}/?{asked}").context["statement"]
    assert page.total == shown.total


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_corrections_in_it_and_since_are_named(month, client, form):
    rows = rows_of(client, form)
    titles = {row[0]: n for n, row in enumerate(rows) if row and len(row) == 1}
    before, since = (titles[text] for text in (statement_files._MENDED, statement_files._LATER))
    as_text = [["2026-02-27", "2026-03"], [AT.date().isoformat(), "2026-04"]]
    as_dates = [
        [datetime(2026, 2, 27), datetime(2026, 3, 1)],
        [datetime(2026, 3, AT.day), datetime(2026, 4, 1)],
    ]
    days = as_text if form == "csv" else as_dates
    assert rows[before + 2][:3] == [*days[0], "Reversal"]
    assert pico_from_usd(rows[before + 2][-1]) == -9
    assert rows[since + 2][:3] == [*days[1], "Reversal"]
    assert pico_from_usd(rows[since + 2][-1]) == -4
    for title, net in ((before, -9), (since, -4)):
        assert rows[title + 3][0] == "Net of 1 row"
        assert pico_from_usd(rows[title + 3][-1]) == net


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_its_time_is_that_of_its_days_and_says_so(month, client, form, settings):
    settings.REPORTING_TIME_ZONE = "Asia/Tokyo"
    asked_at = datetime.now(ZoneInfo("Asia/Tokyo")).replace(microsecond=0)
    said = {row[0]: row[1] for row in rows_of(client, form) if len(row) == 2}
    made = said["Generated at, Asia/Tokyo"]
    if form == "csv":
        assert made.endswith("+09:00")
        made = datetime.fromisoformat(made).replace(tzinfo=None)
    assert timedelta() <= made - asked_at.replace(tzinfo=None) < timedelta(hours=1)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_head_says_how_far_the_month_is(month, client, form):
    def said():
        return {row[0]: row[1] for row in rows_of(client, form) if len(row) == 2}

    assert said()["Month"] == "Open: entries may still be dated into it."
    bounds = {"start": datetime(2026, 3, 1, tzinfo=UTC), "end": datetime(2026, 4, 1, tzinfo=UTC)}
    period = Period.objects.create(month=MARCH["month"], zone="UTC", **bounds)
    assert said()["Month"].startswith("Open: it has ended")
    period.status, period.soft_closed_by, period.soft_closed_at = (
        "soft_closed",
        person("auditor"),
        AT,
    )
    period.after_xid = 1
    period.save()
    assert said()["Month"].startswith("Soft-closed")
    assert "Seal" not in said()
    period.status, period.closed_by, period.closed_at = "closed", person("operator"), AT
    period.seal = "5f" * 32
    period.save()
    assert said()["Month"].startswith("Closed")
    assert said()["Seal"] == "5f" * 32


def test_cells_are_neutral(month, client):
    rows = rows_of(client, "csv")
    cells = [cell for row in rows for cell in row]
    assert {"'=1+1", "'\uff1dcmd", "'@priced"} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@", "\uff1d"))]
    answer = client.get(f"{PLACE}.xlsx?{ASKED}")
    sheet = load_workbook(io.BytesIO(answer.content))["Statement"]
    found = [cell for row in sheet.iter_rows() for cell in row if cell.value in ("=1+1", "@priced")]
    assert {(cell.data_type, bool(cell.quotePrefix)) for cell in found} == {("s", True)}


def test_who_may_and_what_is_wrong(month, client):
    for form in ("csv", "xlsx"):
        assert client.get(f"{PLACE}.{form}?month=2026-13").status_code == 400
        assert client.post(f"{PLACE}.{form}?{ASKED}").status_code == 405
        disposition = client.get(f"{PLACE}.{form}?{ASKED}")["Content-Disposition"]
        assert disposition == f'attachment; filename="statement-web-2026-03.{form}"'
        stranger = Client()
        stranger.force_login(User.objects.create_user(form, is_staff=True))
        assert stranger.get(f"{PLACE}.{form}?{ASKED}").status_code == 403
