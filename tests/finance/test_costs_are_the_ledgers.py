"""Whatever is asked, in any zone and however far the rollups are: the sums of the entries."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.finance.dimensions import DIMENSIONS
from apps.finance.query import Query
from apps.finance.selectors import UNANSWERED, check, cost_rows, summed, total
from apps.finance.types import Sums
from apps.ledger.reports import CALLS, Days
from tests.ledger.books import booked, empty, post_all
from tests.proof import examples

pytestmark = pytest.mark.django_db(transaction=True)

ZONES = ("UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe")
CORNERS = [
    datetime(2026, 3, 8, 5, tzinfo=UTC),  # Havana goes from 0:00 to 1:00
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe goes back by half an hour
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 4, 30, tzinfo=UTC),  # Havana goes from 1:00 to 0:00
    datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
]
moments = st.builds(
    lambda corner, minutes: corner + timedelta(minutes=minutes),
    st.sampled_from(CORNERS),
    st.integers(-2000, 2000),
)
entries = st.lists(
    st.fixed_dictionaries(
        {
            "at": moments,
            "amount": st.integers(-(10**18), 10**18),
            "kind": st.sampled_from(["charge", "estimate", "correction", "late_charge"]),
            "service": st.sampled_from(["shop", "crm", ""]),
            "prompt": st.sampled_from(["", "reply"]),
            "prompt_version": st.integers(0, 2),
            "channel": st.sampled_from(["", "staging"]),
            "tags": st.sampled_from([[], ["sale"], ["project:b", "project:a"], ["project:b"]]),
            "purpose": st.sampled_from(["", "answer", "failed", "shadow"]),
            "team": st.sampled_from(["", "web"]),
            "cost_center": st.sampled_from(["", "c1"]),
            "provider": st.sampled_from(["p", "q"]),
            "model": st.sampled_from(["m", "n"]),
            "deployment": st.sampled_from(["d", "e"]),
            "arm": st.sampled_from(["", "tone/warm"]),
            "input_tokens": st.integers(-(10**6), 10**6),
        }
    ),
    max_size=8,
)
VALUES = {
    "service": ["", "shop", "crm", "nobody"],
    "prompt_version": ["", "reply@0", "reply@1"],
    "purpose": ["", "failed"],
    "team": ["", "web"],
    "cost_center": ["", "c1", "c2"],
    "provider": ["p"],
    "model": ["m", "n"],
    "deployment": ["e"],
    "arm": ["", "tone/warm"],
    "prompt": ["", "reply"],
    "channel": ["", "staging"],
    "tag:project": ["", "a", "b"],
}
filters = st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None), max_size=2).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: st.sets(st.sampled_from(VALUES[name]), min_size=1) for name in names}
    )
)
group_bys = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=2, unique=True)


def value(row, name):
    """What an entry's value is, said anew in Python."""
    if name == "prompt_version":
        return f"{row['prompt']}@{row['prompt_version']}" if row["prompt"] else ""
    if name == "tag:project":
        found = sorted(tag[8:] for tag in row["tags"] if tag.startswith("project:"))
        return found[0] if found else ""
    return row[name]


def sums_of(row):
    is_call = row["kind"] in CALLS
    return Sums(
        calls=int(is_call),
        answers=int(is_call and row["purpose"] not in UNANSWERED),
        input_tokens=row["input_tokens"],
        amount_pico=row["amount"],
        estimated_pico=row["amount"] if row["kind"] == "estimate" else 0,
        wasted_pico=row["amount"] if row["purpose"] == "failed" else 0,
    )


ANY_QUESTION = {  # of any books: entries that the rollups hold, and a tail that they do not yet
    "posted": entries,
    "tail": entries,
    "zone": st.sampled_from(ZONES),
    "asked_zone": st.sampled_from(ZONES),
    "first": st.one_of(
        st.sampled_from([corner.date() - timedelta(days=1) for corner in CORNERS]),
        st.dates(date(2026, 2, 1), date(2026, 11, 1)),
    ),
    "length": st.integers(0, 330),
    "group_by": group_bys,
    "chosen": filters,
}


def expected(rows, keys_of):
    found = Counter()
    for row in rows:
        found[keys_of(row)] = (found[keys_of(row)] or Sums()) + sums_of(row)
    return dict(found)


def asked(query, keys, days=None):
    return {row.keys: row.sums for row in cost_rows(query=query, keys=keys, days=days)}


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(**ANY_QUESTION)
def test_sums_of_any_question(
    transactional_db, posted, tail, zone, asked_zone, first, length, group_by, chosen
):
    empty()
    for row in posted:
        booked(**row)
    assert post_all(zone) == len(posted)
    for row in tail:
        booked(**row)
    days = Days(first, first + timedelta(days=length), asked_zone)
    query = Query(
        days=days,
        group_by=tuple(group_by),
        filters=tuple((name, tuple(sorted(chosen[name]))) for name in sorted(chosen)),
    )

    def day(row):
        return row["at"].astimezone(ZoneInfo(asked_zone)).date()

    def groups(row):
        return tuple(value(row, name) for name in group_by)

    inside = [
        row
        for row in posted + tail
        if days.first <= day(row) <= days.last
        and all(value(row, name) in values for name, values in query.filters)
    ]

    assert asked(query, group_by) == expected(inside, groups)
    assert asked(query, ["day", *group_by]) == expected(inside, lambda r: (day(r), *groups(r)))
    assert asked(query, ["month", group_by[0]]) == expected(
        inside, lambda r: (day(r).replace(day=1), groups(r)[0])
    )
    whole = total(query=query)
    assert whole == sum(map(sums_of, inside), Sums())
    assert summed(cost_rows(query=query, keys=group_by)) == whole
    assert check(query=query, found=whole).is_right
    short = Days(days.first, min(days.last, days.first + timedelta(days=2)), asked_zone)
    by_hour = cost_rows(query=query, keys=["hour"], days=short)
    whole = total(query=replace(query, days=short))
    assert summed(by_hour) == whole
    each = (replace(query, days=Days(one, one, asked_zone)) for one in short.all)
    assert sum((total(query=one) for one in each), Sums()) == whole


def test_every_dimension_is_asked_about():
    assert set(VALUES) == {*DIMENSIONS, "tag:project"}


def test_an_hour_that_comes_twice_is_two_hours(transactional_db):
    """In Berlin the clock shows 02:30 twice on 25 October."""
    empty()
    for hour in (0, 1):
        booked(datetime(2026, 10, 25, hour, 30, tzinfo=UTC), 5)
    day = Days(date(2026, 10, 25), date(2026, 10, 25), "Europe/Berlin")
    found = asked(Query(days=day), ["hour"])
    assert list(found) == [(datetime(2026, 10, 25, hour, tzinfo=UTC),) for hour in (0, 1)]


def test_rows_after_others_are_the_rest(transactional_db):
    empty()
    for number in range(5):
        booked(amount=number, service=f"s{number % 2}", prompt=f"p{number}", prompt_version=1)
    may = Days(date(2026, 5, 1), date(2026, 5, 31), "UTC")
    query = Query(days=may, group_by=("service", "prompt_version"))
    keys = ["day", *query.group_by]
    whole = cost_rows(query=query, keys=keys)
    first = cost_rows(query=query, keys=keys, limit=2)
    assert first + cost_rows(query=query, keys=keys, after=first[-1].keys) == whole
    assert [row.keys[1:] for row in whole[:3]] == [
        ("s0", "p0@1"),
        ("s0", "p2@1"),
        ("s0", "p4@1"),
    ]
