"""Reading, listing and cancelling over the API."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone

from apps.jobs.models import JobPayload
from apps.jobs.services.finish import finish_all
from apps.jobs.types import Ticket
from apps.ledger.models import Attempt, AttemptStatus
from tests.jobs.conftest import Api, outcome, state


def test_a_finished_job_shows_everything(api, make_job, book):
    job = make_job("running", metadata={"order": "7"})
    book(job, 150_000)
    finish_all([(Ticket(job.pk, 1), outcome("Hi!"))])

    answer = api.get(f"{job.pk}/").json()

    assert answer["status"] == "succeeded"
    assert answer["cost_usd"] == "0.000000150000"
    assert answer["result"] == {
        "text": "Hi!",
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hi!"},
        "model": "small",
    }
    assert answer["usage"] == {
        "input_tokens": 7,
        "output_tokens": 3,
        "classes": {"in_uncached": 7, "out_text": 3},
    }
    assert (answer["cache"], answer["metadata"]) == ("miss", {"order": "7"})
    assert answer["timings"]["run_ms"] >= 0
    assert answer["links"] == {"self": f"/api/v1/jobs/{job.pk}/"}


def test_calls_are_listed_with_what_they_cost(api, make_job, book):
    job = make_job("running")
    start = timezone.now()
    attempt = Attempt.objects.create(
        request_id="req_test",
        job_id=job.pk,
        number=1,
        status=AttemptStatus.FAILED,
        started_at=start,
        ended_at=start + timedelta(seconds=1),
        http_status=500,
        error_kind="server_error",
        service="shop",
        team="shop-team",
        cost_center="cc-100",
        provider="faulty",
        model="small",
        deployment="small-1",
    )
    book(job, 3, attempt=attempt)

    (call,) = api.get(f"{job.pk}/").json()["attempts"]

    assert (call["number"], call["purpose"], call["deployment"], call["status"]) == (
        1,
        "answer",
        "small-1",
        "failed",
    )
    assert (call["http_status"], call["error_kind"], call["cost_usd"]) == (
        500,
        "server_error",
        "0.000000000003",
    )


@pytest.mark.parametrize(("text", "parsed"), [('{"a": 1}', {"a": 1}), ("no JSON", None)])
def test_an_answer_to_a_schema_is_parsed(api, make_job, text, parsed):
    job = make_job("running")
    JobPayload.objects.filter(job=job).update(request={"response_schema": {"type": "object"}})
    finish_all([(Ticket(job.pk, 1), outcome(text))])

    assert api.get(f"{job.pk}/").json()["result"]["parsed"] == parsed


def test_a_failed_job_says_why(api, make_job):
    job = make_job("failed", error_code="bad_request", error="No.")

    answer = api.get(f"{job.pk}/").json()

    assert (answer["error"], answer["result"]) == ({"code": "bad_request", "message": "No."}, None)


def test_a_job_whose_payload_was_deleted_is_still_shown(api, make_job):
    job = make_job("succeeded")
    job.payload.delete()

    assert api.get(f"{job.pk}/").json()["result"] is None


def test_another_service_sees_nothing(api, make_job, other_shop):
    job = make_job()
    stranger = Api(other_shop)

    assert stranger.get(f"{job.pk}/").status_code == 404
    assert stranger.post(path=f"{job.pk}/cancel/").status_code == 404
    assert stranger.get().json()["results"] == []
    assert state(job).status == "queued"


@pytest.mark.parametrize("path", ["01a2030d-1c94-769b-88cf-cda0f71d1db4/", "7/", "x/", "%00/"])
def test_what_does_not_exist(api, path):
    assert api.get(path).status_code == 404


def test_waiting_for_a_finished_job_takes_no_time(api, make_job):
    assert api.get(f"{make_job('succeeded').pk}/", wait=30).status_code == 200


def test_waiting_ends_with_the_wait(api, make_job):
    assert api.get(f"{make_job().pk}/", wait=1).json()["status"] == "queued"


@pytest.mark.parametrize("wait", ["x", "-1", "1.5", "99999999999999999999", "²"])
def test_a_bad_wait(api, make_job, wait):
    response = api.get(f"{make_job().pk}/", wait=wait)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/wait"


def test_cancelling(api, make_job):
    job = make_job()

    assert api.post(path=f"{job.pk}/cancel/").json()["status"] == "cancelled"
    again = api.post(path=f"{job.pk}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "already_finished")


@pytest.mark.parametrize("size", ["0", "-1", "201", "1e2", "ten", "", "9" * 5000])
def test_a_bad_page_size(api, size):
    response = api.get(page_size=size)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"].startswith("/page_size")


@pytest.mark.parametrize("path", ["not-a-uuid/", "x/y/"])
def test_an_address_that_does_not_exist_is_a_problem_too(api, path):
    response = api.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["request_id"] == response["X-Request-Id"]


def test_the_newest_come_first_in_pages(api, make_job):
    jobs = [make_job() for _ in range(5)]

    first = api.get(page_size=3).json()
    second = api.get(**_query(first["next"])).json()

    shown = [row["id"] for row in first["results"] + second["results"]]
    assert shown == [str(job.pk) for job in reversed(jobs)]
    assert second["next"] is None
    assert "result" not in first["results"][0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "queued"}, ["a"]),
        ({"status": ["queued", "failed"]}, ["a", "b"]),
        ({"prompt": "greeting"}, ["b"]),
        ({"metadata": "order:7"}, ["a"]),
        ({"metadata": "url:http://x"}, ["b"]),
        ({"created_before": "2026-01-02T00:00:00Z"}, ["b"]),
        ({"created_after": "2026-01-02T00:00:00Z"}, ["a"]),
    ],
)
def test_filters(api, make_job, query, found):
    old = timezone.datetime(2026, 1, 1, tzinfo=timezone.get_default_timezone())
    names = {
        str(make_job(metadata={"order": "7"}).pk): "a",
        str(
            make_job("failed", prompt="greeting", metadata={"url": "http://x"}, created_at=old).pk
        ): "b",
    }

    rows = api.get(**query).json()["results"]

    assert sorted(names[row["id"]] for row in rows) == found


@pytest.mark.parametrize(
    "query",
    [
        {"status": "done"},
        {"stauts": "queued"},
        {"metadata": "order"},
        {"created_after": "yesterday"},
        {"prompt": "a\0b"},
        {"metadata": "a:\0"},
        {"service__slug": "shop"},
    ],
)
def test_bad_filters(api, query):
    response = api.get(**query)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_a_list_takes_the_same_queries_however_long_it_is(api, make_job, django_assert_num_queries):
    for _ in range(10):
        make_job()

    with django_assert_num_queries(2):  # the key, the page
        assert len(api.get().json()["results"]) == 10


def _query(url):
    return dict(parse_qsl(urlsplit(url).query))


@pytest.mark.parametrize(
    "path", ["jobs/", "batches/", "webhooks/", "budgets/", "prompts/", "models/"]
)
def test_a_parameter_that_a_list_does_not_have_is_refused(api, path):
    answer = api.get(f"/api/v1/{path}", page_size=5, statsu="failed", status_="")

    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/statsu", "/status_"]
