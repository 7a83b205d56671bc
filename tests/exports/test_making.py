"""An export is made once and whole, whoever dies meanwhile."""

import hashlib
from datetime import timedelta
from unittest.mock import ANY

import pytest
from django.db import DatabaseError, transaction

from apps.core.clock import db_now
from apps.exports import making, queue
from apps.exports.making import make, work_off
from apps.exports.models import Chunk, Export, ExportStatus
from apps.exports.queue import MOST_TRIES, claim
from apps.exports.services import (
    KEPT,
    MOST_WAITING,
    delete_old_files,
    request_export,
    stop_export,
)
from apps.exports.types import ExportRefused, Stopped
from tests.exports.conftest import MARCH, NOW, content, exported, person
from tests.finance.conftest import AT, booked

pytestmark = pytest.mark.django_db(transaction=True)


def asked(number=0, form="csv"):
    return request_export(query=MARCH, form=form, now=NOW, service=f"s{number}")


def abandoned(export):
    """As a worker leaves it that was killed."""
    Export.objects.filter(pk=export.pk).update(lease_until=db_now() - timedelta(seconds=1))


def test_the_row_says_what_is_in_the_file(books):
    booked("shop", AT, 10**12)
    booked("crm", AT, 7)
    export = exported("csv")
    data = content(export)
    assert (export.status, export.tries, export.rows) == ("done", 1, 3)  # and what is unattributed
    assert export.total_pico == 10**12 + 7
    assert (export.size, export.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert b"total,1.000000000007" in data


def test_a_large_file_comes_back_in_order(books, monkeypatch):
    monkeypatch.setattr(making, "CHUNK", 50)
    booked("shop", AT, 1)
    export = exported("json")
    assert Chunk.objects.filter(export=export).count() == -(-export.size // 50) > 3
    assert hashlib.sha256(content(export)).hexdigest() == export.sha256


def test_one_at_a_time_each_and_a_bounded_queue(books):
    for number in range(MOST_WAITING - 1):
        asked(number)
    with pytest.raises(ExportRefused, match="one at a time"):
        asked(0)
    asked(98)
    with pytest.raises(ExportRefused, match="wait already"):
        asked(99)
    assert Export.objects.count() == MOST_WAITING


def test_two_are_made_at_once_and_in_order(books):
    first, second, third = asked(1), asked(2), asked(3)
    assert [claim().export_id, claim().export_id, claim()] == [first.pk, second.pk, None]
    abandoned(second)
    assert claim() == queue.Claim(second.pk, 2)
    assert Export.objects.get(pk=third.pk).status == ExportStatus.QUEUED


def test_what_a_dead_worker_left_is_made_anew_and_it_comes_too_late(books):
    booked("shop", AT, 5)
    export = asked()
    late = claim()
    abandoned(export)
    assert work_off() == 1
    export.refresh_from_db()
    assert (export.status, export.tries) == ("done", 2)
    before = content(export)
    make(late)
    assert not late.renew(done=1, total=1)
    export.refresh_from_db()
    assert (export.tries, content(export)) == (2, before)


def test_it_is_given_up_after_three_deaths(books):
    export = asked()
    for _ in range(MOST_TRIES):
        assert claim()
        abandoned(export)
    assert claim() is None
    export.refresh_from_db()
    assert (export.status, export.error) == ("failed", queue._GIVEN_UP)
    assert asked().status == ExportStatus.QUEUED  # the next one may be asked for


def test_a_fault_on_the_way_leaves_nothing_of_a_file(books, monkeypatch):
    def breaks(*_):
        raise ZeroDivisionError

    export = asked()
    with monkeypatch.context() as patch:
        patch.setitem(making.WRITERS, "csv", breaks)
        with pytest.raises(ZeroDivisionError):
            work_off()
    assert not Chunk.objects.exists()
    abandoned(export)
    assert work_off() == 1
    export.refresh_from_db()
    assert (export.status, export.tries) == ("done", 2)


def test_what_cannot_be_answered_fails_with_the_reason(books):
    export = Export.objects.create(
        service="s", question="group_by=planet", zone="UTC", format="csv", made_at=NOW
    )
    assert work_off() == 1
    export.refresh_from_db()
    assert export.status == ExportStatus.FAILED
    assert "group_by: Unknown: “planet”" in export.error


def test_stopped_is_stopped(books):
    export = asked()
    running = claim()
    assert stop_export(export_id=export.pk, by="fiona", now=NOW)
    make(running)
    export.refresh_from_db()
    assert (export.status, export.error) == ("failed", "Stopped by fiona.")
    assert not Chunk.objects.exists()
    assert not stop_export(export_id=export.pk, by="fiona", now=NOW)


def test_a_writer_hears_that_it_was_stopped(books):
    export = asked()
    keeper = making._Keeper(claim())
    keeper.step(1)
    stop_export(export_id=export.pk, by="fiona", now=NOW)
    keeper._look()
    with pytest.raises(Stopped):
        keeper.step(1)


def test_progress_is_seen_from_outside(books):
    export = asked()
    keeper = making._Keeper(claim())
    keeper.expect(10)
    keeper.step(4)
    keeper._look()
    export.refresh_from_db()
    assert (export.rows_done, export.rows_total) == (4, 10)


def test_the_file_goes_after_a_week_and_the_row_stays(books):
    booked("shop", AT, 5)
    export = exported("csv")
    soon = export.finished_at + KEPT
    assert delete_old_files(now=soon) == 0
    later = soon + timedelta(seconds=1)
    assert delete_old_files(now=later) == 1
    assert delete_old_files(now=later) == 0
    export.refresh_from_db()
    assert (export.deleted_at, export.is_there, export.sha256) == (later, False, ANY)
    assert not Chunk.objects.exists()


def test_the_database_keeps_its_rules(books):
    export = asked()
    for values in (
        {"question": "x"},
        {"status": "done"},
        {"service": ""},
        {"made_by": person("finance")},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            Export.objects.filter(pk=export.pk).update(**values)
    export.refresh_from_db()
    assert (export.status, export.question) == ("queued", MARCH.address)
