"""POST /api/v1/jobs/"""

import threading
import time
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from apps.jobs import selectors
from apps.jobs.models import Job, JobPayload
from apps.jobs.services.claim import claim
from apps.jobs.services.finish import finish_all
from tests.jobs.conftest import MESSAGES, outcome

BODY = {"model": "small", "messages": MESSAGES}


def test_a_job_is_accepted(api, shop):
    response = api.post(BODY, X_Request_Id="req_12345678")

    job = Job.objects.get()
    answer = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"/api/v1/jobs/{job.pk}/" == answer["links"]["self"]
    assert "Idempotency-Replayed" not in response
    assert UUID(answer["id"]) == job.pk
    assert (answer["status"], answer["priority"], answer["cost_usd"]) == (
        "queued",
        "normal",
        "0.000000000000",
    )
    assert (answer["result"], answer["error"], answer["attempts"]) == (None, None, [])
    assert answer["request_id"] == job.request_id == "req_12345678"
    assert job.service == shop


def test_every_field_arrives(api, prompt):
    deadline = (timezone.now() + timedelta(minutes=3)).replace(microsecond=0)
    api.post(
        {
            "prompt": "greeting",
            "variables": {"name": "Ada"},
            "channel": "production",
            "model": "small",
            "parameters": {"temperature": 0.5},
            "response_schema": {"type": "object"},
            "subject": "customer-17",
            "context": ["season:winter"],
            "metadata": {"order": "7"},
            "priority": "high",
            "deadline": deadline.isoformat(),
            "cache": "refresh",
        }
    )

    job = Job.objects.select_related("payload").get()
    assert (job.priority, job.deadline, job.metadata) == (0, deadline, {"order": "7"})
    assert job.payload.request == {
        "model": "small",
        "prompt": "greeting",
        "variables": {"name": "Ada"},
        "parameters": {"temperature": 0.5},
        "response_schema": {"type": "object"},
        "context": ["season:winter"],
        "metadata": {"order": "7"},
        "cache": "refresh",
    }


def test_an_exact_version(api, prompt):
    body = {"prompt": "greeting", "variables": {"name": "Ada"}, "version": 1}

    answer = api.post(body).json()

    assert (answer["prompt"], answer["prompt_version"]) == ("greeting", 1)


def test_the_timeout_counts_from_acceptance(api):
    api.post({**BODY, "timeout_seconds": 90})

    job = Job.objects.get()
    assert job.deadline - job.created_at == timedelta(seconds=90)


def test_a_key_gives_the_same_job_again(api):
    first = api.post(BODY, Idempotency_Key="order-7")
    reordered = dict(reversed(BODY.items()))
    second = api.post(reordered, Idempotency_Key="order-7")

    assert (first.status_code, second.status_code) == (202, 202)
    assert second["Idempotency-Replayed"] == "true"
    assert first.json()["id"] == second.json()["id"]
    assert Job.objects.count() == 1


def test_a_key_with_another_body_is_refused(api):
    api.post(BODY, Idempotency_Key="order-7")
    response = api.post({**BODY, "priority": "low"}, Idempotency_Key="order-7")

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "idempotency_key_reused"
    assert Job.objects.count() == 1


def test_a_request_that_was_refused_does_not_use_up_its_key(api):
    assert api.post({"model": "small"}, Idempotency_Key="order-7").status_code == 400
    assert api.post(BODY, Idempotency_Key="order-7").status_code == 202


def test_without_a_key_each_request_is_a_job(api):
    api.post(BODY)
    api.post(BODY)

    assert Job.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "a\tb"])
def test_a_bad_key_is_refused(api, key):
    response = api.post(BODY, Idempotency_Key=key)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/headers/Idempotency-Key"


@pytest.mark.django_db(transaction=True)
def test_with_prefer_wait_the_finished_job_comes_back(api):
    def work():
        until = time.monotonic() + 10
        while not (claims := claim(limit=1)) and time.monotonic() < until:
            time.sleep(0.02)
        with transaction.atomic():
            finish_all([(claims[0].ticket, outcome("Hi!"))])
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    response = api.post(BODY, Prefer="respond-async, wait=10")
    worker.join()

    answer = response.json()
    assert response.status_code == 200
    assert response["Preference-Applied"] == "wait=10"
    assert (answer["status"], answer["result"]["text"]) == ("succeeded", "Hi!")


def test_a_wait_that_is_over_gives_202(api):
    assert api.post(BODY, Prefer="wait=1").status_code == 202


def test_only_so_many_threads_wait(api):
    for _ in range(selectors.MAX_WAITERS):
        selectors._waiters.acquire()
    try:
        started = time.monotonic()
        assert api.post(BODY, Prefer="wait=20").status_code == 202
        assert time.monotonic() - started < 5
    finally:
        for _ in range(selectors.MAX_WAITERS):
            selectors._waiters.release()


@pytest.mark.parametrize("away", ["select", "insert"])
def test_without_the_database_nothing_is_promised(api, away):
    """Every statement of one kind fails as it does when the server has gone."""

    def gone(execute, sql, params, many, context):
        if sql.lower().startswith(away):
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(gone):
        response = api.post(BODY)

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert response.json()["code"] == "unavailable"
    assert not Job.objects.exists()
    assert not JobPayload.objects.exists()


def test_a_request_without_a_key_of_a_service(client, db):
    response = client.post("/api/v1/jobs/", "{}", content_type="application/json")

    assert response.status_code == 401
    assert "Bearer" in response["WWW-Authenticate"]


def test_accepting_takes_few_queries(api, shop, django_assert_num_queries):
    api.post(BODY)  # reads the configuration
    with django_assert_num_queries(9):  # key; configuration (3); savepoint (2), job (2), payload
        api.post(BODY)
