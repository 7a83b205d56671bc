"""A batch ends once, however its rows end: counted, told, opened again, cancelled."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.jobs.models import Delivery, Job
from apps.jobs.services import sweep
from apps.jobs.services.batches.cancel import cancel_batch
from apps.jobs.services.finish import end_all
from apps.jobs.services.retry import retry
from apps.jobs.types import Ending, EndKind, Ticket
from tests.jobs.batch_rows import (
    BATCHES,
    counts,
    fail,
    jobs_of,
    post,
    row,
    run,
    succeed,
)
from tests.jobs.workers import eventually


def test_progress_and_the_end(api, made, endpoint):
    one, two, three = jobs_of(made)
    succeed(one)
    run(two)

    answer = api.get(f"{BATCHES}{made}/").json()
    assert (answer["status"], answer["finished_at"]) == ("running", None)
    assert answer["counts"] == {
        "queued": 1, "running": 1, "succeeded": 1, "failed": 0, "cancelled": 0, "expired": 0,
    }  # fmt: skip
    fail(two)
    assert not Delivery.objects.exists()
    succeed(three)

    answer = api.get(f"{BATCHES}{made}/").json()
    assert (answer["status"], "cancel" in answer["links"]) == ("finished", False)
    assert counts(made) == (2, 1, 0, 0, True)
    told = Delivery.objects.get()
    assert (told.event, str(told.subject_id)) == ("batch.finished", made)
    data = json.loads(told.body)["data"]
    assert (data["id"], data["total"]) == (made, 3)
    assert data["counts"] == {"succeeded": 2, "failed": 1, "cancelled": 0, "expired": 0}
    assert data["links"]["results"].endswith(f"/api/v1/batches/{made}/results/")


def test_a_batch_whose_jobs_end_together_is_told_once(api, made, endpoint):
    succeed(*jobs_of(made))

    assert Delivery.objects.get().event == "batch.finished"


def test_a_muted_batch_tells_nothing(api, endpoint):
    response = api.post({"jobs": [row()], "webhook": False}, path=BATCHES)
    succeed(*jobs_of(response.json()["id"]))

    assert not Delivery.objects.exists()


def test_a_row_may_be_told_alone(api, endpoint):
    response = api.post({"jobs": [row(webhook=True), row()]}, path=BATCHES)
    succeed(*jobs_of(response.json()["id"]))

    assert sorted(Delivery.objects.values_list("event", flat=True)) == [
        "batch.finished",
        "job.succeeded",
    ]


def test_a_cancel_stops_what_waits_and_asks_what_runs(api, made, endpoint):
    one, two, three = jobs_of(made)
    succeed(one)
    run(two)

    answer = api.post(None, path=f"{BATCHES}{made}/cancel/").json()

    assert answer["status"] == "cancelling"
    assert counts(made) == (1, 0, 1, 0, False)
    assert Job.objects.get(pk=two.pk).cancel_requested
    end_all([Ending(Ticket(two.pk, 1), EndKind.CANCELLED)])
    assert counts(made) == (1, 0, 2, 0, True)
    again = api.post(None, path=f"{BATCHES}{made}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "already_finished")
    assert Delivery.objects.get().event == "batch.finished"


def test_expired_rows_count_too(api, made):
    Job.objects.update(deadline=timezone.now() - timedelta(seconds=1))

    sweep.sweep()

    assert counts(made) == (0, 0, 0, 3, True)


def test_a_retry_opens_the_batch_again_and_its_end_is_told_once(api, made, endpoint):
    one, *rest = jobs_of(made)
    succeed(*rest)
    fail(one)
    assert counts(made) == (2, 1, 0, 0, True)

    retry(job_ids=[one.pk])
    assert counts(made) == (2, 0, 0, 0, False)
    succeed(one)

    assert counts(made) == (3, 0, 0, 0, True)
    assert Delivery.objects.count() == 1


def test_rows_that_are_retried_in_a_cancelled_batch_run_again(api, made):
    one, *_ = jobs_of(made)
    fail(one)
    api.post(None, path=f"{BATCHES}{made}/cancel/")

    retry(job_ids=[one.pk])

    assert api.get(f"{BATCHES}{made}/").json()["status"] == "running"


@pytest.mark.django_db(transaction=True)
def test_ends_at_the_same_time_count_each_job_and_tell_once(shop, api, endpoint):
    made = post(api, 40).json()["id"]
    jobs = jobs_of(made)
    run(*jobs)
    start = threading.Barrier(4)

    def work(part):
        try:
            start.wait()
            for job in part:
                end = Ending(Ticket(job.pk, 1), EndKind.REFUSED, code="bad", message="No.")
                end_all([end])
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(jobs[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts(made) == (0, 40, 0, 0, True)
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_cancel_locks_rows_in_the_order_of_all_others(api):
    made = post(api, 2).json()["id"]
    low, high = sorted(jobs_of(made), key=lambda job: job.pk)
    for place, job in ((2, low), (0, high), (1, low)):  # the higher one is first, and found first
        Job.objects.filter(pk=job.pk).update(batch_index=place)
        run(job)
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=low.pk)
        cancel = threading.Thread(target=_cancel_elsewhere, args=(made,))
        cancel.start()
        eventually(_somebody_waits_for_a_lock)
        Job.objects.select_for_update(nowait=True).get(pk=high.pk)  # or both wait for ever
    cancel.join()

    assert Job.objects.filter(cancel_requested=True).count() == 2


def _cancel_elsewhere(batch_id):
    try:
        cancel_batch(batch_id=batch_id)
    finally:
        connection.close()


def _somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0
