"""Totals are the sums of their days and months, whatever is done to these, and are read instead."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ledger.models.rollup_keys import ROLLUPS, TOTALS
from apps.ledger.posting import rebuild_all, rebuild_days
from apps.ledger.reports import Days, spend_by_group, total_spent
from apps.ledger.selectors import rollup_mismatches
from tests.ledger.books import NOON, booked, post_all
from tests.proof import examples

MAY = {"first": date(2026, 5, 1), "last": date(2026, 5, 31)}
DAYS = Days(**MAY, zone="UTC")
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "change", "move", "drop"]),
        st.integers(0, 3),
        st.integers(-(10**30), 10**30),
    ),
    max_size=12,
)


def model(period, name):
    return apps.get_model("ledger", f"{period}{name}")


def do(period: str, step: str, number: int, amount: int) -> None:
    """Some rows agree in all that a total tells apart, and some don't."""
    rows = model(period, "cost").objects.filter(prompt_version=number)
    if step == "add" and not rows.exists():
        rows.create(
            **{period: MAY["first"] + timedelta(days=number % 2)}, prompt_version=number,
            service="shop", model="m", kind="charge", entries=1, input_tokens=2, output_tokens=3,
            amount_pico=amount, avoided_pico=-amount,
        )  # fmt: skip
    elif step == "change":
        rows.update(amount_pico=amount, entries=number + 1)
    elif step == "move":
        rows.update(service="crm", model="n", **{period: MAY["last"]})
    elif step == "drop":
        rows.delete()


def sums(period, name, by):
    """What the table says for each of its periods and values of `by`."""
    found = {}
    rows = model(period, name).objects.values_list(period, by, "entries", "amount_pico")
    for *key, entries, amount in rows:
        before = found.get(tuple(key), (0, 0))
        found[tuple(key)] = (before[0] + entries, before[1] + amount)
    return found


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(period=st.sampled_from(["day", "month"]), steps=steps)
def test_they_follow_whatever_is_done(db, period, steps):
    model(period, "cost").objects.all().delete()
    for step in steps:
        do(period, *step)
        for name, by in (
            ("byowner", "service"),
            ("bysupply", "model"),
            ("byprompt", "prompt_version"),
        ):
            assert sums(period, name, by) == sums(period, "cost", by)


@pytest.mark.parametrize("period", ["day", "month"])
def test_wrong_ones_are_found_and_mended(transactional_db, period):
    booked(NOON, 5)
    post_all()
    named = "2026-05-04" if period == "day" else "2026-05-01"

    for mend in (lambda: rebuild_days(**MAY, zone="UTC"), lambda: rebuild_all(zone="UTC")):
        for total in TOTALS:
            assert model(period, total).objects.update(amount_pico=6) == 1
        assert [str(mismatch) for mismatch in rollup_mismatches(**MAY)] == [
            f"amount_pico of {what}, charge in the rollup of {named}: 6 recorded, 5 computed."
            for what in ("m", "shop", "m")
        ]
        mend()
        assert rollup_mismatches(**MAY) == []
        assert total_spent(days=DAYS) == 5
        post_all()


def test_they_answer_what_they_can(transactional_db):
    """Seen by sums that nobody else would say."""
    booked(NOON, 5)
    post_all()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for amount, name in enumerate(ROLLUPS, start=6):
            cursor.execute(f"UPDATE ledger_day{name} SET amount_pico = {amount}")
            cursor.execute(f"UPDATE ledger_month{name} SET amount_pico = {amount * 10}")
        cursor.execute("SET session_replication_role = origin")

    def told_by(dimension, days):
        (spend,) = spend_by_group(days=days, dimension=dimension).values()
        return spend.amount_pico

    asked = ("deployment", "team", "prompt", "project")
    a_day = Days(NOON.date(), NOON.date(), "UTC")
    assert [told_by(dimension, a_day) for dimension in asked] == [6, 7, 8, 10]
    assert [told_by(dimension, DAYS) for dimension in asked] == [60, 70, 80, 100]


def test_projects_follow_the_cursor_through_batches_and_zones(transactional_db):
    late = datetime(2026, 5, 31, 23, tzinfo=UTC)
    for n, tags in enumerate([["project:b", "project:a"], ["projects:x"], [], ["project:"]]):
        booked(late, 10**n, tags=tags, channel="staging" if n else "")
    for zone, day in (("UTC", date(2026, 5, 31)), ("Europe/Berlin", date(2026, 6, 1))):
        assert post_all(zone, batch=1) == 4
        assert rollup_mismatches(first=MAY["first"], last=date(2026, 6, 30)) == []
        for period, first in (("day", day), ("month", day.replace(day=1))):
            rows = model(period, "byproject").objects.values_list(
                period, "project", "channel", "amount_pico"
            )
            assert {*rows} == {(first, "a", "", 1), (first, "", "staging", 1110)}
    rebuild_days(first=MAY["first"], last=date(2026, 6, 30), zone="Europe/Berlin")
    assert rollup_mismatches(first=MAY["first"], last=date(2026, 6, 30)) == []
    assert model("month", "byproject").objects.count() == 2
