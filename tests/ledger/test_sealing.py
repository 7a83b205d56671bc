"""A seal shows what was done to sealed entries by somebody whom nothing stops."""

from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.ledger.models import Period
from apps.ledger.sealing import verify_seals
from tests.ledger.closing import APRIL, MARCH, MAY, closed, three_months

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sealed():
    three_months()
    return [closed(month) for month in (MARCH, APRIL, MAY)]


@contextmanager
def nothing_stops():
    """As a superuser without triggers."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor


def faults(**values):
    with transaction.atomic():
        return [str(fault) for fault in verify_seals(**values)]


def test_untouched_books_hold(sealed):
    assert faults() == []
    assert faults(last_seal=sealed[-1].seal) == []


ENTRY = "(SELECT id FROM ledger_entry WHERE at::date = '2026-04-14')"
COPY = """
    CREATE TEMP TABLE one ON COMMIT DROP AS
    SELECT * FROM ledger_entry WHERE at::date = '2026-04-14';
    UPDATE one SET id = gen_random_uuid();
    INSERT INTO ledger_entry SELECT * FROM one
"""
SWAP = """
    UPDATE ledger_entry SET amount_pico = CASE amount_pico WHEN 4001 THEN 4014 ELSE 4001 END
    WHERE amount_pico IN (4001, 4014)
"""
TIMES = """
    UPDATE ledger_entry SET at = at + interval '1 microsecond' WHERE at::date = '2026-04-14'
"""
NEXT_DAY = TIMES.replace("1 microsecond", "1 day")


@pytest.mark.parametrize(
    ("done", "days"),
    [
        (f"UPDATE ledger_entry SET amount_pico = amount_pico + 1 WHERE id = {ENTRY}", ["14"]),
        (f"UPDATE ledger_entry SET reason = 'another' WHERE id = {ENTRY}", ["14"]),
        (f"UPDATE ledger_entry SET tags = '[\"x\"]' WHERE id = {ENTRY}", ["14"]),
        (f"DELETE FROM ledger_entry WHERE id = {ENTRY}", ["14"]),
        (COPY, ["14"]),
        (SWAP, ["01", "14"]),
        (TIMES, ["14"]),
        (
            "UPDATE ledger_entry SET at = at + interval '1 day' WHERE at::date = '2026-04-14'",
            ["14", "15"],
        ),
        ("DELETE FROM ledger_entry WHERE at::date = '2026-04-30'", ["30"]),
    ],
)
def test_it_names_the_day_of_what_was_changed(sealed, done, days):
    with nothing_stops() as cursor:
        cursor.execute(done)
    found = faults()
    assert [text[: len("April 2026: 2026-04-14")] for text in found] == [
        f"April 2026: 2026-04-{day}" for day in days
    ]


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("UPDATE ledger_period SET seal = repeat('0', 64) WHERE month = '2026-03-01'", "March"),
        ("UPDATE ledger_period SET days = '[]', entries = 0 WHERE month = '2026-04-01'", "April"),
        ("UPDATE ledger_period SET zone = 'Asia/Tokyo' WHERE month = '2026-04-01'", "April"),
        ("UPDATE ledger_period SET amount_pico = 1 WHERE month = '2026-04-01'", "April"),
        ("UPDATE ledger_period SET entries = 1 WHERE month = '2026-04-01'", "April"),
        ("DELETE FROM ledger_period WHERE month = '2026-04-01'", "May"),
        ("DELETE FROM ledger_period WHERE month = '2026-05-01'", "The books are closed until"),
        ("UPDATE ledger_boundary SET closed_until = NULL", "The books are closed until None"),
    ],
)
def test_it_sees_what_was_done_to_the_seals(sealed, done, said):
    with nothing_stops() as cursor:
        cursor.execute(done)
    assert any(text.startswith(said) for text in faults())


def test_a_tail_that_was_cut_off_with_its_seal_is_missed_by_who_kept_the_seal(sealed):
    with nothing_stops() as cursor:
        cursor.execute("DELETE FROM ledger_entry WHERE at >= '2026-05-01'")
        cursor.execute("DELETE FROM ledger_period WHERE month >= '2026-05-01'")
        cursor.execute("UPDATE ledger_boundary SET closed_until = '2026-05-01T00:00Z'")
    assert faults() == []
    assert faults(last_seal=sealed[-1].seal) == [f"The newest seal is not {sealed[-1].seal}."]


def test_the_command_says_so(sealed, capsys):
    call_command("verify_seals", "--last", sealed[-1].seal)
    assert sealed[-1].seal in capsys.readouterr().out
    with nothing_stops() as cursor:
        cursor.execute(f"DELETE FROM ledger_entry WHERE id = {ENTRY}")
    with pytest.raises(CommandError, match="April 2026: 2026-04-14 holds 0 entries"):
        call_command("verify_seals")
    with pytest.raises(CommandError, match="64 digits"):
        call_command("verify_seals", "--last", "x")


def test_days_are_those_of_the_zone_also_when_clocks_change():
    three_months("Europe/Berlin")
    period = closed(MARCH)
    assert len(period.days) == 31
    assert Period.objects.get(month=MARCH).zone == "Europe/Berlin"
    assert faults() == []
