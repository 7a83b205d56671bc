"""Posting a batch: all rows or none, once for each key."""

from datetime import timedelta

import pytest

from apps.jobs.models import Batch, Job, JobPayload
from apps.jobs.services.batches import submit as batch_submit
from tests.jobs.batch_rows import BATCHES, faults, jobs_of, post, post_lines, row
from tests.jobs.conftest import MESSAGES


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


def test_unknown_fields_of_the_defaults_are_told_once(api):
    body = {"jobs": [row(), row()], "defaults": {"model": "small", "modle": "small"}}

    response = api.post(body, path=BATCHES)

    assert response.status_code == 400
    [fault] = response.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/defaults/modle", "unknown_field")
