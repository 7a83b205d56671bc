"""Adjustments and credits are asked for by one person, approved by another, and booked once."""

import re
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.core.charts import Series, StackedBars, stacked_bars
from apps.core.clock import db_now
from apps.ledger.adjusting import (
    AdjustmentRefused,
    approve_adjustment,
    reject_adjustment,
    request_adjustment,
)
from apps.ledger.models import Adjustment, Entry
from apps.ledger.reports import Days, spend_by_group, total_spent
from apps.ledger.selectors import broken_entries
from tests.ledger.books import booked, empty, post_all

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
DAY = date(2026, 5, 4)
MAY = Days(date(2026, 5, 1), date(2026, 5, 31), "UTC")


@pytest.fixture
def people(db):
    return [User.objects.create_user(name) for name in ("asks", "approves", "also-approves")]


def ask(by, **values):
    defaults = {
        "kind": "credit",
        "day": DAY,
        "amount_pico": -5,
        "provider": "p",
        "reference": "invoice 4711, line 3",
        "reason": "an outage",
        "by": by,
        "now": NOW,
    }
    return request_adjustment(**(defaults | values))


def approve(row, by):
    return approve_adjustment(adjustment_id=row.pk, by=by, now=NOW, decision="seen")


@pytest.mark.django_db
def test_it_is_booked_on_its_day_when_somebody_else_approves(people):
    asks, approves, _ = people
    row = ask(asks, service="shop", team="t", cost_center="c", model="m")
    assert not Entry.objects.exists()

    approve(row, approves)

    entry = Entry.objects.get()
    assert (entry.pk, entry.kind, entry.amount_pico) == (row.pk, "credit", -5)
    assert (entry.at.date(), entry.actor) == (DAY, "approves")
    assert entry.reason == "invoice 4711, line 3: an outage"
    dimensions = (entry.provider, entry.model, entry.service, entry.team, entry.cost_center)
    assert dimensions == ("p", "m", "shop", "t", "c")
    row.refresh_from_db()
    assert (row.status, row.decided_by, row.decision) == ("approved", approves, "seen")
    assert broken_entries() == []


@pytest.mark.django_db
def test_not_by_who_asked_not_twice_and_not_after_a_rejection(people):
    asks, approves, other = people
    row, rejected = ask(asks), ask(asks)
    reject_adjustment(adjustment_id=rejected.pk, by=asks, now=NOW)  # may take it back
    with pytest.raises(AdjustmentRefused, match="somebody else"):
        approve(row, asks)
    approve(row, approves)

    for again in (row, rejected):
        with pytest.raises(AdjustmentRefused, match="decided before"):
            approve(again, other)
        with pytest.raises(AdjustmentRefused, match="decided before"):
            reject_adjustment(adjustment_id=again.pk, by=other, now=NOW)

    assert Entry.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"amount_pico": 0}, "__all__"),
        ({"amount_pico": 5}, "__all__"),  # a credit
        ({"kind": "charge"}, "kind"),
        ({"provider": ""}, "provider"),
        ({"reference": ""}, "reference"),
        ({"reason": ""}, "reason"),
        ({"day": date(2026, 5, 21)}, "day"),
        ({"day": date(2006, 5, 21)}, "day"),
    ],
)
def test_what_no_invoice_can_say_is_refused(people, values, field):
    with pytest.raises(ValidationError) as refused:
        ask(people[0], **values)

    assert field in refused.value.message_dict
    assert not Adjustment.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_adjustment SET amount_pico = -6",
        "UPDATE ledger_adjustment SET provider = 'q'",
        "UPDATE ledger_adjustment SET requested_by_id = requested_by_id + 1",
        "DELETE FROM ledger_adjustment",
        """UPDATE ledger_adjustment SET status = 'approved', decided_by_id = requested_by_id,
           decided_at = now()""",
        "UPDATE ledger_adjustment SET status = 'approved'",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_asked(people, statement):
    ask(people[0])

    refusal = pytest.raises(DatabaseError, match=r"pgtrigger|violates check constraint")
    with refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_the_database_itself_refuses_to_change_a_decision(people):
    row = ask(people[0])
    approve(row, people[1])

    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        Adjustment.objects.update(status="requested", decided_by=None, decided_at=None)


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{}, {"amount_pico": -6}, {"kind": "provider_adjustment"}])
def test_the_database_books_nothing_that_was_not_approved_so(people, values):
    row = ask(people[0])
    booking = {"kind": "credit", "amount_pico": -5, "provider": "p", "at": NOW, "id": row.pk}
    if values:
        approve_first = {"status": "approved", "decided_by": people[1], "decided_at": NOW}
        Adjustment.objects.filter(pk=row.pk).update(**approve_first)

    with pytest.raises(IntegrityError, match="as it was approved"), transaction.atomic():
        Entry.objects.create(**(booking | values))

    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_verifying_finds_what_is_approved_but_not_booked(people):
    row = ask(people[0])
    Adjustment.objects.update(status="approved", decided_by=people[1], decided_at=NOW)

    assert [fault.entry_id for fault in broken_entries()] == [row.pk]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second", [approve_adjustment, reject_adjustment])
def test_of_two_decisions_at_the_same_moment_one_counts(people, second):
    empty()
    asks, *deciders = people
    row, barrier, answers = ask(asks), threading.Barrier(2), []

    def decide(how, by):
        barrier.wait(timeout=30)
        try:
            answers.append(how(adjustment_id=row.pk, by=by, now=db_now()).status)
        except AdjustmentRefused:
            answers.append("refused")
        finally:
            connection.close()

    pairs = zip((approve_adjustment, second), deciders, strict=True)
    threads = [threading.Thread(target=decide, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    row.refresh_from_db()
    assert sorted(answers) == sorted([row.status, "refused"])
    assert Entry.objects.count() == (row.status == "approved")
    assert broken_entries() == []


@pytest.mark.django_db(transaction=True)
def test_rollups_reports_and_days_have_it_and_everything_stays_equal(people):
    empty()
    booked(datetime(2026, 5, 4, 12, tzinfo=UTC), 100)
    post_all()
    rows = [
        ask(people[0], service="shop"),
        ask(people[0], kind="provider_adjustment", amount_pico=7),
    ]
    for row in rows:
        approve(row, people[1])

    for _ in range(2):  # before it is in the rollups, and after
        assert total_spent(days=MAY) == 102
        assert total_spent(days=Days(DAY, DAY, "UTC")) == 102
        assert total_spent(days=Days(DAY + timedelta(1), MAY.last, "UTC")) == 0
        groups = spend_by_group(days=MAY, dimension="service")
        assert {name: spend.amount_pico for name, spend in groups.items()} == {"shop": 95, "": 7}
        assert sum(spend.calls for spend in groups.values()) == 1
        call_command("verify_ledger")
        post_all()


def test_a_day_of_credits_does_not_push_a_bar_out_of_its_picture():
    chart = StackedBars("Spend", ["4 May"], [Series("a", [10], 1), Series("b", [-8], 2)])

    svg = str(stacked_bars(chart))

    (top,) = re.findall(r'<rect x="[^"]+" y="([^"]+)"[^>]+class="l-s1"', svg)
    assert float(top) >= 0
    assert "4 May · a: 10" in svg
