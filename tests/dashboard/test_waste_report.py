"""The waste page adds up to the ledger, and says who bears what."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.dashboard.waste import COLUMNS, waste_csv, waste_report
from apps.ledger.models import Purpose
from apps.ledger.posting import post_entries
from apps.ledger.reports import Days, total_spent
from tests.finance.conftest import MARCH, NOW, booked, finance  # noqa: F401

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
ANY = st.lists(
    st.tuples(
        st.sampled_from(["shop", "crm"]),
        st.sampled_from(["", *Purpose.values]),
        st.integers(-(10**15), 10**15),
        st.integers(1, 31),
    ),
    max_size=12,
)


def value(report, label):
    (index,) = (n for n, column in enumerate(COLUMNS) if column.label == label)
    return report.total.values[index]


@pytest.fixture
def month(db):
    booked("shop", AT, 100, purpose="answer")
    booked("shop", AT, 30, purpose="failed")
    booked("shop", AT, 7, purpose="retry")
    booked("shop", AT, 5, purpose="late")
    booked("lab", AT, 50, purpose="evaluation")
    booked("shop", datetime(2026, 2, 10, tzinfo=UTC), 70, purpose="failed")
    return waste_report(days=MARCH, dimension="service")


def test_waste_is_what_brought_nobody_an_answer(month):
    assert (month.total.wasted, month.total.total, month.before) == (35, 192, 70)
    assert month.total.share == pytest.approx(35 / 192)
    assert [(name, row.wasted, row.total) for name, row in month.rows] == [
        ("shop", 35, 142),
        ("lab", 0, 50),
    ]
    assert (value(month, "Answers by a retry"), value(month, "Tests")) == (7, 50)
    assert (month.change.text, month.change.judgement) == ("▼ 50.0%", "better")


def test_every_purpose_stands_in_one_column():
    named = [purpose for column in COLUMNS for purpose in column.purposes]

    assert sorted(named) == sorted(["", *Purpose.values])


class TestSums(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(entries=ANY, posted=st.booleans(), zone=st.sampled_from(["UTC", "Asia/Kathmandu"]))
    def test_purposes_and_groups_add_up_to_the_ledger(self, entries, posted, zone):
        for service, purpose, amount, day in entries:
            booked(service, datetime(2026, 3, day, tzinfo=UTC), amount, purpose=purpose)
        if posted:
            post_entries(zone="UTC")
        for first, last in ((1, 31), (3, 9)):
            days = Days(date(2026, 3, first), date(2026, 3, last), zone)
            report = waste_report(days=days, dimension="service")
            amounts = sum(amount for _, _, amount, _ in report.lines)
            assert report.total.total == amounts
            assert amounts == sum(row.total for _, row in report.rows) == total_spent(days=days)


def test_the_file_says_the_same(month):
    lines = list(csv.reader(waste_csv(days=MARCH, dimension="service", now=NOW)))

    assert lines[2][-2:] == ["wasted", "total"]
    pico = [[int(Decimal(cell) * 10**12) for cell in line[1:]] for line in lines[3:]]
    assert [line[0] for line in lines[3:]] == ["shop", "lab", "total"]
    assert pico[-1] == [*month.total.values, 35, 192]


def test_the_page(month, finance):  # noqa: F811
    answer = finance.get("/admin/waste/?from=2026-03-01&to=2026-03-31&group=service")
    html = answer.content.decode()

    assert answer.status_code == 200
    assert "Drift 0" in html
    assert "the service that evaluates or plays" in html
    file = finance.get("/admin/waste.csv?from=2026-03-01&to=2026-03-31")
    assert 'filename="waste-service-2026-03-01-2026-03-31.csv"' in file["Content-Disposition"]


def test_nothing_yet_and_a_bad_period(db, finance):  # noqa: F811
    assert "Nothing was called" in finance.get("/admin/waste/").content.decode()
    assert finance.get("/admin/waste/?from=x&to=y").status_code == 400
    assert finance.get("/admin/waste.csv?from=x&to=y").status_code == 400


def test_only_who_may_see_costs(db, client):
    client.force_login(User.objects.create_user("eve", is_staff=True))

    assert client.get("/admin/waste/").status_code == 403
    assert client.get("/admin/waste.csv").status_code == 403
