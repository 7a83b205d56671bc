"""Months are closed in order, by two people, when all is done; closed, they take nothing more."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pgtrigger
import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from apps.core.clock import db_now
from apps.ledger.adjusting import approve_adjustment, request_adjustment
from apps.ledger.boundary import ClosingRefused, lock_boundary
from apps.ledger.closing import ask_to_close, make_periods, reopen, soft_close
from apps.ledger.models import Boundary, Entry, Period
from apps.ledger.services import reverse_entry
from apps.ledger.tasks import make_months_that_ended
from tests.jobs.workers import eventually
from tests.ledger.books import INSERT, booked
from tests.ledger.closing import APRIL, MARCH, MAY, closed, three_months, user

pytestmark = pytest.mark.django_db(transaction=True)
IN_MARCH = datetime(2026, 3, 20, 12, tzinfo=UTC)
IN_MAY = datetime(2026, 5, 20, 12, tzinfo=UTC)
ROLE = "llmplatform_test_closing"


@pytest.fixture
def months():
    three_months()


def ask_for_a_credit():
    return request_adjustment(
        kind="credit",
        day=IN_MARCH.date(),
        amount_pico=-1,
        provider="p",
        reference="r",
        reason="r",
        by=user("asks"),
        now=timezone.now(),
    )


def refusal(run, **values):
    with pytest.raises(ClosingRefused) as caught:
        run(**values)
    return caught.value.faults


def test_a_row_for_every_month_that_has_ended_each_begins_where_one_ended(months):
    rows = list(Period.objects.order_by("month"))
    assert [row.month for row in rows[:3]] == [MARCH, APRIL, MAY]
    assert all(one.end == next_.start for one, next_ in pairwise(rows))
    assert rows[-1].end <= db_now() < rows[-1].end + timedelta(days=32)
    make_periods(zone="Asia/Tokyo", now=db_now())
    assert Period.objects.count() == len(rows)


def test_another_zone_opens_no_gap_between_months(months):
    with pgtrigger.ignore("ledger.Period:period_no_delete"):
        Period.objects.exclude(month__in=(MARCH, APRIL)).delete()
    make_periods(zone="Asia/Tokyo", now=db_now())
    april, may = Period.objects.get(month=APRIL), Period.objects.get(month=MAY)
    assert may.start == april.end == datetime(2026, 5, 1, tzinfo=UTC)
    assert may.end == datetime(2026, 5, 31, 15, tzinfo=UTC)


def test_a_worker_makes_the_months_in_nobodys_name(db):
    booked(datetime(2026, 3, 5, tzinfo=UTC))
    make_months_that_ended()
    assert Period.objects.order_by("month").first().month == MARCH


def test_without_entries_there_is_nothing_to_close(db):
    make_periods(zone="UTC", now=db_now())
    assert not Period.objects.exists()


def test_two_people_close_a_month(months):
    soft_close(month=MARCH, by=user("first"))
    assert refusal(ask_to_close, month=MARCH, by=user("first"), reason="r") == [
        "You closed it softly: somebody else closes it."
    ]
    reopen(month=MARCH)
    period = closed(MARCH)

    assert (period.entries, period.amount_pico) == (3, 3001 + 3014 + 3030)
    assert [day[0] for day in period.days] == [f"2026-03-{day:02}" for day in range(1, 32)]
    assert Boundary.objects.get().closed_until == period.end


def test_months_close_in_their_order(months):
    assert refusal(soft_close, month=APRIL, by=user("first")) == [
        "Close the month before it first."
    ]
    soft_close(month=MARCH, by=user("first"))
    soft_close(month=APRIL, by=user("first"))
    assert "Close the month before it first." in refusal(
        ask_to_close, month=APRIL, by=user("second"), reason="r"
    )
    assert refusal(reopen, month=MARCH) == ["Open the month after it first."]
    assert refusal(soft_close, month=MARCH, by=user("first")) == ["It is Soft-closed already."]


def test_a_month_rests_for_a_day_before_it_is_closed(months):
    end = db_now() - timedelta(hours=23)
    with pgtrigger.ignore("ledger.Period:period_bounds"):
        Period.objects.filter(month=MARCH).update(end=end)
    assert refusal(soft_close, month=MARCH, by=user("first")) == ["Wait until a day after its end."]


def test_everything_that_is_left_to_do_is_said_at_once(months):
    booked(IN_MARCH, kind="unpriced", amount=0)
    ask_for_a_credit()
    soft_close(month=MARCH, by=user("first"))

    faults = " ".join(refusal(ask_to_close, month=MARCH, by=user("second"), reason="r"))

    for text in (
        "Usage without a price: 1. Price it in quarantine.",
        "Adjustments that wait for approval: 1.",
        "Entries that no report holds yet: 1.",
    ):
        assert text in faults
    assert Period.objects.get(month=MARCH).status == "soft_closed"


class TestDoors:
    """Who dates an entry into a closed month is refused, whatever way it comes."""

    @pytest.fixture(autouse=True)
    def march(self, months):
        closed(MARCH)

    def refused(self, insert):
        with (
            pytest.raises(DatabaseError, match="month of this entry is closed"),
            transaction.atomic(),
        ):
            insert()
        assert Entry.objects.filter(at=IN_MARCH).count() == 0

    def test_orm(self):
        self.refused(lambda: booked(IN_MARCH))

    def test_bulk_and_one_of_many(self):
        rows = [Entry(at=at, kind="charge", amount_pico=1) for at in (IN_MAY, IN_MARCH)]
        self.refused(lambda: Entry.objects.bulk_create(rows))

    def test_with_triggers_ignored_as_code_may_ask(self):
        with pgtrigger.ignore():
            self.refused(lambda: booked(IN_MARCH))

    def test_every_kind(self):
        for kind in ("correction", "late_charge", "cache_hit", "unpriced"):
            self.refused(lambda kind=kind: booked(IN_MARCH, kind=kind, amount=0))

    def test_raw_sql_as_the_application(self):
        self.as_the_application(INSERT % tuple(f"'{v}'" for v in (IN_MARCH, 1, "shop")), "closed")

    def test_the_partition_itself(self):
        name = "ledger_entry_default"
        self.as_the_application(
            f"INSERT INTO {name} SELECT * FROM ledger_entry", "permission|append"
        )

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_boundary SET closed_until = NULL",
            "UPDATE ledger_boundary SET closed_until = closed_until - interval '1 day'",
            "UPDATE ledger_boundary SET id = 2",
            "DELETE FROM ledger_boundary",
            "TRUNCATE ledger_boundary",
            "UPDATE ledger_period SET status = 'open'",
            "DELETE FROM ledger_period",
            "TRUNCATE ledger_period CASCADE",
        ],
    )
    def test_the_boundary_moves_forwards_only(self, statement):
        self.as_the_application(
            statement, "stays closed|permission denied|Cannot update|one_boundary"
        )

    def as_the_application(self, statement, match):
        with transaction.atomic(), connection.cursor() as cursor:
            call_command("secure_ledger", ROLE)
            cursor.execute(f"SET LOCAL ROLE {ROLE}")
            with pytest.raises(DatabaseError, match=match):
                cursor.execute(statement)
            transaction.set_rollback(True)

    def test_what_becomes_known_later_is_booked_now(self):
        entry = Entry.objects.filter(at__lt=datetime(2026, 4, 1, tzinfo=UTC)).first()
        now = db_now()
        assert reverse_entry(entry=entry, reason="r", actor="a", now=now).at == now

    def test_an_adjustment_of_a_closed_day_is_booked_when_it_is_approved(self):
        asked = ask_for_a_credit()
        now = db_now()
        approve_adjustment(adjustment_id=asked.pk, by=user("approves"), now=now)
        assert Entry.objects.get(pk=asked.pk).at == now


def test_a_soft_closed_month_takes_adjustments_and_nothing_else(months):
    soft_close(month=MARCH, by=user("first"))
    asked = ask_for_a_credit()
    approve_adjustment(adjustment_id=asked.pk, by=user("approves"), now=db_now())
    assert Entry.objects.get(pk=asked.pk).at == IN_MARCH
    with pytest.raises(IntegrityError):
        booked(IN_MARCH)
    reopen(month=MARCH)
    booked(IN_MARCH)


@pytest.mark.parametrize(
    ("isolation", "error"),
    [
        ("READ COMMITTED", psycopg.errors.CheckViolation),
        ("REPEATABLE READ", psycopg.errors.SerializationFailure),
    ],
)
def test_nothing_slips_in_while_a_month_is_sealed(months, isolation, error):
    """The other transaction has seen the month open, and inserts while it is being closed."""
    with other_transaction(isolation) as other, ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            boundary = lock_boundary()
            insertion = threads.submit(other.execute, INSERT, (IN_MARCH, 1, "shop"))
            wait_until_it_waits(other.info.backend_pid)
            boundary.closed_until = Period.objects.get(month=MARCH).end
            boundary.save()
        with pytest.raises(error):
            insertion.result(timeout=30)


@contextmanager
def other_transaction(isolation):
    """Begun, with its first look at the books."""
    given = connection.get_connection_params()
    fields = {name: given[name] for name in ("host", "port", "user", "password", "dbname")}
    with psycopg.connect(**fields) as other:
        other.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        other.execute("SELECT * FROM ledger_boundary")
        yield other
        other.rollback()


def wait_until_it_waits(pid):
    def waits():
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND pid = %s", [pid])
            return cursor.rowcount

    eventually(waits)
