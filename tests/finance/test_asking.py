"""Questions from addresses: one address for each, and every fault at once."""

from datetime import UTC, date, datetime

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from apps.finance.dimensions import DIMENSIONS
from apps.finance.parsing import parse
from apps.finance.query import COMPARISONS, GRAINS, METRICS, Query
from apps.finance.ranges import PRESETS, before, preset, year_before
from apps.ledger.reports import Days

NOW = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)


def asked(address="", zone="UTC", also=()):
    return parse(QueryDict(address), now=NOW, zone=zone, also=also)


def days(first, last):
    return Days(date.fromisoformat(first), date.fromisoformat(last), "UTC")


def test_without_parameters_it_is_thirty_days_by_service():
    found = asked()
    assert found.faults == {}
    assert found.query == Query(days=days("2026-10-29", "2026-11-27"), range="30d")
    assert found.query.period == "day"
    assert found.query.days_before == days("2026-09-29", "2026-10-28")
    assert asked(zone="Pacific/Auckland").query.days.last == date(2026, 11, 28)


def test_everything_can_be_said():
    found = asked(
        "from=2026-11-01&to=2026-11-05&grain=hour&group_by=team,tag:project&service=shop"
        "&service=crm&prompt_version=reply%403&arm=(none)&compare=year&metric=tokens&team="
    )
    assert found.faults == {}
    assert found.query == Query(
        days=days("2026-11-01", "2026-11-05"),
        group_by=("team", "tag:project"),
        grain="hour",
        filters=(("arm", ("",)), ("prompt_version", ("reply@3",)), ("service", ("crm", "shop"))),
        compare="year",
        metric="tokens",
    )
    assert asked(found.query.address).query == found.query


def test_the_first_reports_addresses_still_work():
    found = asked("from=2026-03-01&to=2026-03-31&group=prompt")
    assert (found.query.group_by, found.faults) == (("prompt",), {})


def test_a_form_keeps_its_preset_until_other_days_are_chosen():
    days_of_it = "range=7d&from=2026-11-21&to=2026-11-27"
    assert asked(days_of_it).query.range == "7d"
    other = asked(days_of_it.replace("21", "20")).query
    assert (other.range, other.days) == ("", days("2026-11-20", "2026-11-27"))


def test_a_form_may_name_a_tag_beside_its_list():
    assert asked("group_by=service&group_by=tag&tag=project").query.group_by == (
        "service",
        "tag:project",
    )


names = st.sampled_from([*DIMENSIONS, "tag:project"])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
dates = st.dates(date(1990, 1, 1), date(2200, 12, 31))


@st.composite
def questions(draw):
    group_by = draw(st.lists(names, min_size=1, max_size=2, unique=True))
    chosen = draw(st.dictionaries(names, st.sets(texts, min_size=1, max_size=4), max_size=3))
    filters = tuple((name, tuple(sorted(chosen[name]))) for name in sorted(chosen))
    name = draw(st.sampled_from(["", "7d"]))
    last = draw(dates)
    found = Days(last, last, "UTC") if not name else preset(name, today=NOW.date(), zone="UTC")
    return Query(
        days=found,
        range=name,
        group_by=tuple(group_by),
        grain=draw(st.sampled_from(GRAINS)),
        filters=filters,
        compare=draw(st.sampled_from(sorted(COMPARISONS))),
        metric=draw(st.sampled_from(METRICS)),
    )


@given(questions())
def test_its_address_asks_the_same(query):
    unsaid = any("(none)" in values for _, values in query.filters)
    found = asked(query.address)
    assert (found.query, found.faults) == (query, {}) or unsaid


@given(st.text(max_size=60), st.text(max_size=30))
def test_no_address_is_an_error(text, value):
    found = asked(text)
    assert found.query.days.count >= 1
    for name in ("from", "to", "range", "grain", "group_by", "service", "metric"):
        changed = QueryDict(mutable=True)
        changed[name] = value
        parse(changed, now=NOW, zone="UTC")


def test_all_faults_are_told_at_once():
    found = asked(
        "from=soon&to=2026-13-01&grain=week&group_by=team,id&compare=x&metric=x&servce=shop"
        f"&team={'x' * 151}&range=5d"
    )
    assert set(found.faults) == {
        "from", "to", "grain", "group_by", "compare", "metric", "servce", "team", "range",
    }  # fmt: skip
    assert found.faults["from"] == ["“soon” is no date; write it like 2026-03-31."]
    assert found.faults["grain"] == ["Unknown: “week”. Known: hour, day, month."]
    assert "Known: cost_center, team" in found.faults["group_by"][0]
    assert found.query == Query(
        days=days("2026-10-29", "2026-11-27"), range="30d", group_by=("team",)
    )


@pytest.mark.parametrize(
    ("address", "name", "text"),
    [
        ("from=2026-03-02&to=2026-03-01", "from", "lies after “to” (2026-03-01)"),
        ("from=9999-12-31", "from", "outside the years"),
        ("from=2025-01-01&to=2026-03-01&grain=day", "from", "At most 366 days by day; these"),
        ("range=30d&grain=hour", "from", "At most 7 days by hour; these are 30"),
        ("from=2020-01-01&to=2026-01-01", "from", "At most 1830 days by month"),
        ("range=90d&tag:shop=a&group_by=model", "from", "At most 31 days, because tags other"),
        ("range=90d&group_by=tag:shop", "from", "are read from the entries themselves"),
        ("group_by=team,model,prompt", "group_by", "At most two; these are 3."),
        ("group_by=tag:", "group_by", "Unknown: “tag:”"),
        ("grain=day&grain=hour", "grain", "Give it once."),
        ("service=a%00", "service", "no zero byte"),
        ("&".join(f"service={n}" for n in range(101)), "service", "At most 100 values"),
    ],
)  # fmt: skip
def test_a_fault_says_the_way_out(address, name, text):
    found = asked(address)
    assert list(found.faults) == [name]
    assert text in found.faults[name][0]
    assert found.query.days.count <= 1830


def test_a_parameter_of_the_callers_own_is_no_filter():
    assert asked("sort=-cost", also=("sort",)).faults == {}
    assert list(asked("sort=-cost").faults) == ["sort"]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", "2026-11-27", "2026-11-27"),
        ("7d", "2026-11-21", "2026-11-27"),
        ("month", "2026-11-01", "2026-11-27"),
        ("last-month", "2026-10-01", "2026-10-31"),
        ("quarter", "2026-10-01", "2026-11-27"),
        ("last-quarter", "2026-07-01", "2026-09-30"),
        ("12m", "2025-12-01", "2026-11-27"),
    ],
)
def test_presets(name, first, last):
    assert preset(name, today=NOW.date(), zone="UTC") == days(first, last)
    assert name in PRESETS


@pytest.mark.parametrize(
    ("asked_days", "expected"),
    [
        (("2026-11-21", "2026-11-27"), ("2026-11-14", "2026-11-20")),
        (("2026-11-01", "2026-11-30"), ("2026-10-01", "2026-10-31")),
        (("2026-01-01", "2026-03-31"), ("2025-10-01", "2025-12-31")),
        (("2028-02-01", "2028-02-29"), ("2028-01-01", "2028-01-31")),
    ],
)
def test_whole_months_are_compared_with_whole_months(asked_days, expected):
    assert before(days(*asked_days)) == days(*expected)


@pytest.mark.parametrize(
    ("asked_days", "expected"),
    [
        (("2026-11-21", "2026-11-27"), ("2025-11-21", "2025-11-27")),
        (("2028-02-29", "2028-02-29"), ("2027-02-28", "2027-02-28")),
        (("2029-02-01", "2029-02-28"), ("2028-02-01", "2028-02-29")),
    ],
)
def test_the_same_dates_a_year_before(asked_days, expected):
    assert year_before(days(*asked_days)) == days(*expected)
