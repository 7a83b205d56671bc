"""One command says whether the books are right, and what is wrong where they are not."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from apps.core.ids import uuid7
from apps.jobs.models import Job
from apps.ledger import metrics, reports
from apps.ledger.models import DayCost, MonthCost
from apps.ledger.models.rollup_keys import MEASURES, TOTALS
from apps.ledger.selectors import Verified, last_verified
from apps.ledger.verifying import verify_yesterday
from tests.factories import make_service
from tests.ledger.books import NOON, booked, post_all

pytestmark = pytest.mark.django_db(transaction=True)


OTHERS = ", ".join(name for name in ("day", *TOTALS["bysupply"], *MEASURES) if name != "purpose")
# what was spent on an answer counts as waste too
TWICE = f"""
    INSERT INTO ledger_daybysupply ({OTHERS}, purpose)
    SELECT {OTHERS}, 'late' FROM ledger_daybysupply
"""


def verify(*arguments):
    out = StringIO()
    call_command("verify_ledger", *arguments, stdout=out)
    return out.getvalue()


def finished_job(cost):
    return Job.objects.create(
        service=make_service(),
        fingerprint="0" * 64,
        request_id="r",
        model="m",
        status="succeeded",
        next_run_at=NOON,
        deadline=NOON,
        created_at=NOON,
        finished_at=NOON,
        cost_pico=cost,
    )


@pytest.fixture
def books(transactional_db):
    job = finished_job(7)
    booked(amount=7, job_id=job.pk, lines=[{"amount_pico": 3}, {"amount_pico": 4}])
    post_all()
    booked(amount=5)  # not posted yet
    return job


def test_empty_books_are_right(transactional_db):
    assert "agree to the last pico-dollar" in verify()


def test_right_books_pass_whole_and_by_month(books):
    for arguments in ([], ["--month", "2026-05"], ["--month", "2026-04"]):
        assert "agree to the last pico-dollar" in verify(*arguments)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE ledger_entry SET amount_pico = 8 WHERE amount_pico = 7", "its lines add up"),
        ("DELETE FROM ledger_entry WHERE amount_pico = 7", "entries of shop, m, charge"),
        ("UPDATE ledger_daycost SET amount_pico = 6", "6 recorded, 7 computed"),
        ("UPDATE ledger_daycost SET output_tokens = 6", "output_tokens of shop"),
        ("UPDATE ledger_daybyowner SET amount_pico = 6", "of shop, charge .*: 6 recorded, 7 comp"),
        ("UPDATE ledger_monthbysupply SET entries = 6", "of m, charge in .*: 6 recorded, 1 comp"),
        ("UPDATE ledger_daybyproject SET entries = 6", "of shop, charge .*: 6 recorded, 1 comp"),
        ("UPDATE ledger_monthbyproject SET entries = 6", "of shop, charge .*: 6 recorded, 1 comp"),
        ("UPDATE ledger_callsum SET calls = 6", "calls of p, m, 2026-.*: 6 recorded, 1 computed"),
        ("UPDATE ledger_monthcost SET amount_pico = 6", "6 recorded, 7 computed"),
        ("UPDATE ledger_daycost SET team = 'other'", "0 recorded, 7 computed"),
        ("UPDATE ledger_daycost SET purpose = 'late'", "0 recorded, 7 computed"),
        (TWICE, "Report by day and purpose, .*: 19 recorded, 12"),
        ("UPDATE jobs_job SET cost_pico = 6", "Pico-USD of job .*: 6 recorded, 7 computed"),
        ("UPDATE ledger_rollupcursor SET xid = '0'", r"Total of the report.*: 19 recorded, 12"),
    ],
)
def test_whatever_is_tampered_with_is_found(books, sql, fault):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql)
        cursor.execute("SET session_replication_role = origin")

    for arguments in ([], ["--month", "2026-05"]):
        with pytest.raises(CommandError, match=fault):
            verify(*arguments)
    assert "agree" in verify("--month", "2026-06")


@pytest.mark.parametrize("arguments", [[], ["--month", "2026-05"]])
def test_a_report_that_forgets_a_purpose_is_found(books, monkeypatch, arguments):
    """No table is wrong then: only the sum over purposes is."""
    booked(amount=3, purpose="late")
    right = reports.spend_by_group
    assert "agree" in verify(*arguments)

    def forgetful(*, days, dimension):
        found = right(days=days, dimension=dimension)
        return {group: found[group] for group in found if (dimension, group) != ("purpose", "late")}

    monkeypatch.setattr(reports, "spend_by_group", forgetful)
    with pytest.raises(CommandError, match=r"Report by purpose, .*: 12 recorded, 15") as caught:
        verify(*arguments)
    assert str(caught.value).count("recorded") == 1


@pytest.mark.parametrize("month", ["may", "2026-13", "2026-05-04"])
def test_what_is_no_month_is_refused(transactional_db, month):
    with pytest.raises(CommandError, match="such as 2026-05"):
        verify("--month", month)


def test_yesterday_is_verified_and_told(transactional_db):
    now = timezone.now()
    booked(now - timedelta(days=1), 7)
    post_all()
    assert verify_yesterday(zone="UTC", now=now) == []
    assert (metrics.MISMATCHES._value.get(), metrics.DRIFT._value.get()) == (0, 0)
    yesterday = (now - timedelta(days=1)).date()
    assert last_verified() == Verified(now, yesterday, 0)

    DayCost.objects.update(amount_pico=9)
    MonthCost.objects.update(amount_pico=9)

    assert [m.recorded - m.computed for m in verify_yesterday(zone="UTC", now=now)] == [2]
    assert (metrics.MISMATCHES._value.get(), metrics.DRIFT._value.get()) == (1, 2)
    assert metrics.VERIFIED._value.get() >= now.timestamp() - 1
    assert last_verified() == Verified(now, yesterday, 1)


def test_rebuilding_by_command_mends(books):
    DayCost.objects.update(amount_pico=6)
    out = StringIO()

    call_command("rebuild_rollups", "--from", "2026-05-01", "--to", "2026-05-31", stdout=out)

    assert "agree" in verify()
    DayCost.objects.all().delete()
    call_command("rebuild_rollups", stdout=out)
    assert "entries posted, days of UTC" in out.getvalue()
    post_all()
    assert "agree" in verify()
    for wrong in (["--from", "2026-05-01"], ["--from", "2026-05-02", "--to", "2026-05-01"]):
        with pytest.raises(CommandError, match="--from and --to"):
            call_command("rebuild_rollups", *wrong)


def test_an_unknown_job_of_an_entry_is_no_fault(transactional_db):
    booked(amount=7, job_id=uuid7())

    assert "agree" in verify()
