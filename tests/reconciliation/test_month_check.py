"""The checklist of a month names providers whose statements are missing, unexplained or stale."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.ledger.checklist import long_checks, quick_checks
from apps.ledger.closing import make_periods
from apps.ledger.models import Period
from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import Source, Waiver
from apps.reconciliation.services.signing import sign_off
from apps.reconciliation.services.waiving import approve_waiver, reject_waiver, request_waiver
from tests.factories import make_provider
from tests.reconciliation.month import (
    DAYS,
    NOW,
    agreeing,
    book_month,
    booked,
    day,
    imported,
    make_provider_with_models,
    text_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    provider = make_provider_with_models()
    book_month()
    return provider


def check(
    title="Reconciled with each provider",
    first=date(2026, 3, 1),
    last=date(2026, 4, 1),
    checks=quick_checks,
):
    bounds = [datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (first, last)]
    period = Period(month=first, start=bounds[0], end=bounds[1], zone="UTC", after_xid=1)
    (found,) = (c for c in checks(period) if c.title == title)
    return found


def signed(text, provider):
    statement = imported(text, provider)
    by = User.objects.get_or_create(username="anna")[0]
    return sign_off(statement_id=statement.pk, note="x", by=by, now=NOW)


def test_without_costs_there_is_nothing_to_do(db):
    make_provider_with_models()
    assert check().open == 0


def test_it_names_what_is_missing(acme):
    found = check()
    assert found.open == 1
    assert f"acme has no signed-off statement of {DAYS} of its days" in found.way_out

    imported(text_of(agreeing().values()), acme)
    assert check().open == 1  # open is not signed off


def test_a_month_is_reconciled_by_signed_statements_of_all_its_days(acme):
    for of_half in (lambda n: n <= 15, lambda n: n > 15):
        lines = [line for line in agreeing().values() if of_half(line.day.day)]
        assert check().open == 1
        signed(text_of(lines), acme)
    assert check().open == 0


def test_more_than_one_in_a_thousand_must_be_explained(acme):
    lines = agreeing()
    whole = sum(line.pico for line in lines.values())
    key = (5, "large", "input")
    line = lines[key]
    # each price rise is a thousandth of the whole, once just below and once above
    lines[key] = type(line)(**(vars_of(line) | {"pico": line.pico + whole // 1001}))
    signed(text_of(lines.values()), acme)
    assert check().open == 0

    lines[key] = type(line)(**(vars_of(line) | {"pico": line.pico + whole // 990}))
    signed(text_of(lines.values()), acme)
    assert "more than 0.1 % unexplained" in check().way_out


def vars_of(line):
    return {name: getattr(line, name) for name in line.__dataclass_fields__}


def test_books_that_changed_since_ask_for_another_look(acme):
    """Asked when the month is closed: it reads every entry."""
    stale = {"title": "Statements signed off before the books changed", "checks": long_checks}
    signed(text_of(agreeing().values()), acme)
    assert check(**stale).open == 0
    booked("acme", "large", datetime(2026, 3, 9, tzinfo=UTC), {"out_text": 1}).save()
    assert "2026-03-01 to 2026-03-31: the books changed since" in check(**stale).way_out


def test_providers_that_were_deleted_are_left_out(acme):
    make_provider(slug="gone").delete()
    booked("gone", "large", datetime(2026, 3, 9, tzinfo=UTC), {"out_text": 1}).save()
    assert "gone" not in check().way_out


def test_who_sends_no_bill_is_waived_by_two_people(acme):
    Source.objects.update(format="none")  # one person's word
    assert "acme sends no bill: ask to waive its statement" in check().way_out

    make_periods(zone="UTC", now=datetime(2026, 4, 2, tzinfo=UTC))
    anna, ben = (User.objects.create(username=name) for name in ("anna", "ben"))
    asked = request_waiver(
        provider=acme, period=Period.objects.get(), reason="our servers", by=anna, now=NOW
    )
    assert "acme waits for somebody else than anna" in check().way_out
    assert check().note == ""
    with pytest.raises(ReconciliationRefused, match="somebody else"):
        approve_waiver(waiver_id=asked.pk, by=anna, now=NOW)

    approve_waiver(waiver_id=asked.pk, by=ben, now=NOW)
    assert check().open == 0
    said = "Waived: acme, asked for by anna, approved by ben (“our servers”)."
    assert check().note == said
    april = check(first=date(2026, 4, 1), last=date(2026, 5, 1))
    assert april.note == ""  # of its month alone


def test_the_database_asks_for_two_people(acme):
    make_periods(zone="UTC", now=datetime(2026, 4, 2, tzinfo=UTC))
    anna = User.objects.create(username="anna")
    asked = request_waiver(
        provider=acme, period=Period.objects.get(), reason="our servers", by=anna, now=NOW
    )
    rows = Waiver.objects.filter(pk=asked.pk)
    with pytest.raises(IntegrityError, match="waiver_needs_two_people"), transaction.atomic():
        rows.update(status="approved", decided_by=anna, decided_at=NOW)
    with pytest.raises(ValidationError, match="one_waiver_of_a_month"):
        request_waiver(provider=acme, period=Period.objects.get(), reason="again", by=anna, now=NOW)
    reject_waiver(waiver_id=asked.pk, by=anna, now=NOW)
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        rows.update(status="requested", decided_by=None, decided_at=None)


def test_a_newer_statement_opens_the_month_again(acme):
    signed(text_of(agreeing().values()), acme)
    assert check().open == 0
    imported(text_of([*agreeing().values(), agreeing()[1, "large", "input"]]), acme)
    assert check().open == 1
    assert day(1) == date(2026, 3, 1)


def test_more_providers_ask_no_more(acme, django_assert_max_num_queries):
    with CaptureQueriesContext(connection) as of_one:
        check()
    other = make_provider(slug="other")
    source = Source.objects.get()
    source.pk, source.provider = None, other
    source.save()
    booked("other", "large", datetime(2026, 3, 9, tzinfo=UTC), {"out_text": 1}).save()
    signed(text_of(agreeing().values()), other)
    with django_assert_max_num_queries(len(of_one)):
        assert check().open == 2
