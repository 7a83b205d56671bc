"""`on_unknown`: whether a request whose outcome nobody knows may be sent again."""

import pytest
from django.utils import timezone

from apps.jobs.models import Job
from apps.jobs.services.claim import claim
from apps.jobs.services.finish import end_all
from apps.jobs.types import Ending, EndKind, Ticket
from apps.ledger.models import Attempt, AttemptStatus
from apps.prompts.models import Prompt
from tests.jobs.conftest import MESSAGES, state
from tests.jobs.test_worker import post
from tests.jobs.workers import eventually


@pytest.fixture
def attempt(shop):
    def make(job, status):
        ended = None if status == AttemptStatus.DISPATCHED else timezone.now()
        names = {"service": "shop", "team": "t", "cost_center": "c", "provider": "p"}
        Attempt.objects.create(
            request_id=job.request_id,
            job_id=job.pk,
            number=1,
            status=status,
            started_at=timezone.now(),
            ended_at=ended,
            deployment="small-1",
            model="small",
            **names,
        )

    return make


@pytest.mark.parametrize("kind", [EndKind.LOST, EndKind.RETURNED, EndKind.REFUSED])
@pytest.mark.parametrize(
    ("on_unknown", "status", "expected"),
    [
        ("fail", AttemptStatus.UNKNOWN, ("failed", "outcome_unknown")),
        ("fail", AttemptStatus.FAILED, ("queued", None)),
        ("retry", AttemptStatus.UNKNOWN, ("queued", None)),
    ],
)
def test_what_follows(make_job, attempt, kind, on_unknown, status, expected):
    job = make_job("running", on_unknown=on_unknown)
    attempt(job, status)

    end_all([Ending(Ticket(job.pk, 1), kind, code="x", message="y", retry_after=1)])

    after = state(job)
    assert after.status == expected[0]
    assert expected[1] in (None, after.error_code)


def test_a_job_lost_before_it_sent_anything_is_tried_again(make_job):
    job = make_job("running", on_unknown="fail")

    end_all([Ending(Ticket(job.pk, 1), EndKind.LOST)])

    assert state(job).status == "queued"


def test_it_is_asked_for_with_the_job(api):
    strict = {"model": "small", "messages": MESSAGES, "on_unknown": "fail"}

    assert api.post(strict).status_code == 202
    assert api.post(strict | {"on_unknown": "perhaps"}).status_code == 400

    [claimed] = claim(limit=9)
    assert (Job.objects.get().on_unknown, claimed.repeat_unknown) == ("fail", False)


@pytest.mark.parametrize(
    ("of_prompt", "of_job", "kept"),
    [("retry", "retry", "retry"), ("retry", "fail", "fail"), ("fail", "retry", "fail")],
)
def test_the_stricter_of_prompt_and_job_counts(api, prompt, of_prompt, of_job, kept):
    Prompt.objects.update(on_unknown=of_prompt)
    body = {"prompt": "greeting", "variables": {"name": "Ada"}, "on_unknown": of_job}

    assert api.post(body).status_code == 202

    assert Job.objects.get().on_unknown == kept


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_reset_connection_is_not_answered_by_a_second_request(busy_shop, start_worker, upstream):
    upstream.behave(reset="before_headers")
    worker = start_worker()
    job = post(busy_shop, on_unknown="fail")

    eventually(lambda: state(job).status == "failed", worker.explain)

    assert (state(job).error_code, state(job).attempts) == ("outcome_unknown", 1)
    assert len(upstream.log()) == 1
