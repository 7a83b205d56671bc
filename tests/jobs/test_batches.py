"""Batches: all rows or none, results in order, one message at the end."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.jobs.models import Batch, Delivery, Job, JobPayload
from apps.jobs.services import sweep
from apps.jobs.services.batches import submit as batch_submit
from apps.jobs.services.batches.cancel import cancel_batch
from apps.jobs.services.finish import end_all, finish_all
from apps.jobs.services.retry import retry
from apps.jobs.types import Ending, EndKind, Ticket
from tests.jobs.conftest import MESSAGES, Api, outcome
from tests.jobs.workers import eventually

BATCHES = "/api/v1/batches/"


def row(text="hello", **values):
    return {"model": "small", "messages": [{"role": "user", "content": text}], **values}


def post(api, count=3, /, **headers):
    return api.post({"jobs": [row(str(i)) for i in range(count)]}, path=BATCHES, **headers)


def post_lines(api, *lines, content_type="application/x-ndjson", **headers):
    body = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    return api.post(body, path=BATCHES, **{"Content-Type": content_type}, **headers)


@pytest.fixture
def made(api):
    """The id of a batch of three."""
    return post(api).json()["id"]


def jobs_of(batch):
    return list(Job.objects.filter(batch_id=batch).order_by("batch_index"))


def run(*jobs):
    """As if workers had claimed them."""
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(
        status="running", fence=1, lease_until=timezone.now() + timedelta(seconds=30)
    )


def succeed(*jobs):
    run(*jobs)
    finish_all([(Ticket(job.pk, 1), outcome(f"answer {job.batch_index}")) for job in jobs])


def fail(*jobs):
    run(*jobs)
    end_all([Ending(Ticket(job.pk, 1), EndKind.REFUSED, code="bad", message="No.") for job in jobs])


def counts(batch):
    row = Batch.objects.get(pk=batch)
    return (row.succeeded, row.failed, row.cancelled, row.expired, row.finished_at is not None)


def faults(response):
    assert response.status_code == 400, response.content
    return [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]]


def test_json(api):
    response = post(api)

    assert response.status_code == 202
    batch = Batch.objects.get()
    assert response["Location"] == f"{BATCHES}{batch.pk}/"
    answer = response.json()
    assert (answer["status"], answer["total"], answer["cost_usd"]) == (
        "running",
        3,
        "0.000000000000",
    )
    assert answer["counts"] == {
        "queued": 3, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "expired": 0,
    }  # fmt: skip
    jobs = jobs_of(batch.pk)
    assert [job.batch_index for job in jobs] == [0, 1, 2]
    assert {(job.status, job.priority, job.notify) for job in jobs} == {("queued", 9, False)}
    assert len({job.request_id for job in jobs}) == 3
    assert jobs[0].deadline - jobs[0].created_at == timedelta(days=1)
    assert JobPayload.objects.get(job=jobs[1]).request["messages"][0]["content"] == "1"


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/jsonl"])
def test_json_lines(api, content_type):
    response = post_lines(api, row("a"), b"", row("b", priority="high"), content_type=content_type)

    assert response.status_code == 202
    assert [job.priority for job in jobs_of(response.json()["id"])] == [9, 0]


def test_defaults_fill_in_what_a_row_leaves_out(api):
    body = {"defaults": {"model": "small", "priority": "high"}, "jobs": [{"messages": MESSAGES}]}
    body["jobs"].append({"messages": MESSAGES, "priority": "normal"})

    response = api.post(body, path=BATCHES)

    assert [job.priority for job in jobs_of(response.json()["id"])] == [0, 5]


def test_prompts_are_pinned(api, prompt):
    rows = [{"prompt": "greeting", "variables": {"name": name}} for name in ("Ada", "Bob")]

    response = api.post({"jobs": rows}, path=BATCHES)

    assert {job.prompt_version_id for job in jobs_of(response.json()["id"])} == {prompt.pk}


def test_one_bad_row_and_nothing_is_accepted_and_every_fault_is_told(api, prompt):
    response = post_lines(
        api,
        row(),
        b"{no json",
        row(priorty="low"),
        {"prompt": "greeting", "variables": {}},
        [1],
        row(model="nobody"),
    )

    assert faults(response) == [
        ("/jobs/1", "parse_error"),
        ("/jobs/2/priorty", "unknown_field"),
        ("/jobs/3/variables/name", "missing"),
        ("/jobs/4", "invalid"),
        ("/jobs/5/model", "not_found"),
    ]
    assert response.json()["detail"] == "Rows with faults: 5 of 6. Nothing was accepted."
    assert not Batch.objects.exists()
    assert not Job.objects.exists()


def test_rows_that_are_no_jobs_are_told_beside_the_others(api):
    rows = [row(), 1, None, row(priorty="low"), [], {}]

    response = api.post({"jobs": rows, "defaults": {"metadata": {"a": "b"}}}, path=BATCHES)

    assert faults(response) == [
        ("/jobs/1", "invalid"),
        ("/jobs/2", "null"),
        ("/jobs/3/priorty", "unknown_field"),
        ("/jobs/4", "invalid"),
        ("/jobs/5/prompt", "invalid"),
    ]
    assert response.json()["detail"] == "Rows with faults: 5 of 6. Nothing was accepted."


def test_the_list_of_faults_is_bounded(api):
    response = api.post({"jobs": [1] * 250}, path=BATCHES)
    assert len(faults(response)) == 100

    response = post_lines(api, *([b"x"] * 250))

    assert len(faults(response)) == 100
    assert response.json()["detail"] == "Rows with faults: 250 of 250. Nothing was accepted."
    assert "line 7 column 1" in response.json()["errors"][6]["detail"]


def test_empty_and_too_long_batches_are_refused(api, monkeypatch):
    assert faults(post(api, 0)) == [("/jobs", "empty")]
    assert faults(post_lines(api, b"", b"")) == [("/jobs", "empty")]
    monkeypatch.setattr(batch_submit, "MAX_ROWS", 2)
    assert faults(post_lines(api, row(), row(), row())) == [("/jobs", "too_many")]
    assert not Job.objects.exists()


def test_a_line_too_long_is_refused(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    assert post_lines(api, row(), row("x" * 2000)).status_code == 413
    assert not Job.objects.exists()


def test_the_same_key_is_the_same_batch(api):
    first = post(api, Idempotency_Key="k")
    again = post(api, Idempotency_Key="k")
    other = post(api, 2, Idempotency_Key="k")

    assert first.json()["id"] == again.json()["id"]
    assert (again.status_code, again["Idempotency-Replayed"]) == (202, "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Job.objects.count() == 3


def test_a_refused_batch_does_not_use_up_its_key(api):
    assert post(api, 0, Idempotency_Key="k").status_code == 400
    assert post(api, Idempotency_Key="k").status_code == 202


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


def test_unknown_fields_of_the_defaults_are_told_once(api):
    body = {"jobs": [row(), row()], "defaults": {"model": "small", "modle": "small"}}

    response = api.post(body, path=BATCHES)

    assert response.status_code == 400
    [fault] = response.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/defaults/modle", "unknown_field")


def test_results_are_lines_in_order(api, made, book):
    one, two, three = jobs_of(made)
    book(three, 13)
    succeed(three)
    fail(one)

    response = api.get(f"{BATCHES}{made}/results/")

    assert response["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert [(line["index"], line["status"]) for line in lines] == [
        (0, "failed"),
        (1, "queued"),
        (2, "succeeded"),
    ]
    assert [line["id"] for line in lines] == [str(job.pk) for job in (one, two, three)]
    assert lines[0]["error"] == {"code": "bad", "message": "No."}
    assert lines[2]["result"]["text"] == "answer 2"
    assert lines[2]["cost_usd"] == "0.000000000013"
    assert lines[1]["result"] is None


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("", [0, 1, 2]),
        ("?after=0", [1, 2]),
        ("?limit=2", [0, 1]),
        ("?after=0&limit=1", [1]),
        ("?after=2", []),
        ("?after=-1&limit=10000", [0, 1, 2]),
    ],
)
def test_a_part_of_the_results(api, made, wanted, rows):
    response = api.get(f"{BATCHES}{made}/results/{wanted}")

    lines = b"".join(response.streaming_content).splitlines()
    assert [json.loads(line)["index"] for line in lines] == rows


@pytest.mark.parametrize("wanted", ["after=x", "limit=0", "offset=3", "after=-2"])
def test_a_part_that_is_none_is_refused(api, made, wanted):
    response = api.get(f"{BATCHES}{made}/results/?{wanted}")

    assert response.status_code == 400
    assert wanted.split("=")[0] in response.content.decode()


def test_results_may_be_asked_for_as_lines(api, made):
    response = api._client.get(
        f"{BATCHES}{made}/results/", headers={"Accept": "application/x-ndjson"}
    )

    assert response.status_code == 200


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


def test_another_services_batch_does_not_exist(made, other_shop):
    stranger = Api(other_shop)

    assert stranger.get(f"{BATCHES}{made}/").status_code == 404
    assert stranger.get(f"{BATCHES}{made}/results/").status_code == 404
    assert stranger.post(None, path=f"{BATCHES}{made}/cancel/").status_code == 404
    assert stranger.get(BATCHES).json()["results"] == []
    assert {job.status for job in jobs_of(made)} == {"queued"}


def test_the_list(api, made):
    [listed] = api.get(BATCHES).json()["results"]

    assert (listed["id"], listed["status"], listed["total"]) == (made, "running", 3)


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
