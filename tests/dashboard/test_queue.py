"""The page of the queue: what waits and runs, who works, why jobs wait."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from apps.core.redis import client as redis_client
from apps.jobs.models import Job
from apps.jobs.presence import Presence
from tests.factories import make_service

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clean_redis():
    redis_client().flushdb()


@pytest.fixture
def shop():
    return make_service("shop")


def make(service, status="queued", *, age=0, due=0, left=3600, lease=30, **values):
    """A job accepted `age` seconds ago, due in `due`, with `left` seconds; its `lease` is left."""
    now = timezone.now()
    if status == "running":
        values["lease_until"] = now + timedelta(seconds=lease)
    return Job.objects.create(
        service=service,
        status=status,
        created_at=now - timedelta(seconds=age),
        next_run_at=now + timedelta(seconds=due),
        deadline=now + timedelta(seconds=left),
        finished_at=None if status in ("queued", "running") else now,
        **{"fingerprint": "0" * 64, "request_id": "req_1", "model": "small"} | values,
    )


def show(client):
    response = client.get(reverse("admin:queue"))
    assert response.status_code == 200
    return response.context


def test_each_service_and_priority_has_a_line_the_most_urgent_first(admin_client, shop):
    other = make_service("other")
    for age in (60, 600):
        make(shop, age=age)
    make(shop, due=300, error_code="no_deployment")
    make(shop, left=-1)
    make(shop, "running", priority=0)
    make(shop, "running", priority=0, lease=-5)
    make(other, age=30, priority=9)
    for ended in ("succeeded", "failed", "cancelled", "expired"):
        make(shop, ended)

    lines = show(admin_client)["queue"].lines

    names = ("due", "paused", "overdue", "running", "lapsed")
    assert [
        (line.service, line.priority.name, *(getattr(line, name) for name in names))
        for line in lines
    ] == [
        ("shop", "HIGH", 0, 0, 0, 2, 1),
        ("shop", "NORMAL", 2, 1, 1, 0, 0),
        ("other", "LOW", 1, 0, 0, 0, 0),
    ]


def test_the_age_of_a_job_that_was_retried_begins_with_the_retry(admin_client, shop):
    again = timezone.now() - timedelta(minutes=4)
    make(shop, age=90_000, queued_at=again)
    make(shop, age=60)

    assert show(admin_client)["queue"].oldest == again


def test_a_paused_job_is_not_old_but_says_why_it_waits(admin_client, shop):
    for _ in range(2):
        make(shop, age=600, due=60, error_code="no_deployment")
    make(shop, age=600, due=60, error_code="rate_limited")

    queue = show(admin_client)["queue"]

    assert [(pause.code, pause.jobs) for pause in queue.pauses] == [
        ("no_deployment", 2),
        ("rate_limited", 1),
    ]
    assert queue.oldest is None


def test_jobs_without_a_worker_are_an_alarm(admin_client, shop):
    make(shop)
    assert show(admin_client)["queue"].nobody_works

    Presence().say()

    queue = show(admin_client)["queue"]
    assert (queue.workers, queue.nobody_works) == (1, False)


def test_a_lease_that_holds_is_a_worker_that_redis_forgot(admin_client, shop):
    make(shop)
    make(shop, "running")

    assert not show(admin_client)["queue"].nobody_works


def test_a_job_that_waits_at_a_provider_is_no_worker(admin_client, shop):
    make(shop)
    make(shop, "running", lane="batch", lease=3600)

    assert show(admin_client)["queue"].nobody_works


def test_without_redis_nobody_knows_the_workers(admin_client, shop, redis_at):
    make(shop)
    redis_at("redis://127.0.0.1:1")
    response = admin_client.get(reverse("admin:queue"))

    assert response.context["queue"].workers is None
    assert "Redis is away" in response.content.decode()


def test_a_line_leads_to_its_jobs(admin_client, shop):
    wanted = make(shop, age=200_000)
    make(shop, priority=0)
    make(make_service("other"))

    [url] = [
        row.queued_url
        for row in show(admin_client)["rows"]
        if (row.line.service, row.line.priority.name) == ("shop", "NORMAL")
    ]
    shown = admin_client.get(url).context["cl"].result_list

    assert [job.pk for job in shown] == [wanted.pk]


def test_an_empty_queue_says_so(admin_client, db):
    assert (
        "Every job that was accepted has ended."
        in admin_client.get(reverse("admin:queue")).content.decode()
    )


def test_who_may_not_see_jobs_does_not_see_the_queue(client, db):
    client.force_login(User.objects.create_user("bob", is_staff=True))
    assert client.get(reverse("admin:queue")).status_code == 403
