"""Jobs that ended without an answer, by why, and a second chance for all of one kind."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.dashboard import dead_letters
from apps.jobs import given_up
from apps.jobs.models import Intervention, Job
from tests.dashboard.test_queue import clean_redis, make, shop  # noqa: F401
from tests.factories import make_service

pytestmark = pytest.mark.django_db
PAGE, RETRY = "admin:dead_letters", "admin:dead_letters_retry"


@pytest.fixture
def operator(client):
    user = User.objects.create_user("olga", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    return client


def dead(service, code, *, ago=60, status="failed", **values):
    job = make(service, status, error_code=code, **values)
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(seconds=ago))
    return job


def groups(client, **query):
    rows = client.get(reverse(PAGE), query).context["rows"]
    return {row.group.code: row.group for row in rows}


def order(client, code, reason="The provider is back.", **query):
    url = reverse(RETRY, query={"code": code} | query)
    return client.post(url, {"reason": reason}, follow=True)


def statuses(*jobs):
    found = dict(Job.objects.values_list("pk", "status"))
    return [found[job.pk] for job in jobs]


def test_jobs_are_grouped_by_why_the_most_frequent_first(operator, shop):  # noqa: F811
    dead(shop, "expired", status="expired")
    dead(shop, "provider_failed", ago=900, error="500", cost_pico=3)
    dead(make_service("other"), "provider_failed", ago=5, error="503", cost_pico=4)
    for status in ("queued", "running", "succeeded", "cancelled"):
        make(shop, status, error_code="provider_failed")

    found = groups(operator)

    assert [(code, group.jobs) for code, group in found.items()] == [
        ("provider_failed", 2),
        ("expired", 1),
    ]
    group = found["provider_failed"]
    assert (group.services, group.example, group.cost_pico) == (["other", "shop"], "503", 7)
    assert group.last_at - group.first_at > timedelta(minutes=14)


def test_they_are_narrowed_by_period_and_service(operator, shop):  # noqa: F811
    dead(shop, "dead_letter", ago=3 * 86_400)
    dead(make_service("other"), "dead_letter")

    assert groups(operator)["dead_letter"].jobs == 2
    assert groups(operator, days=1)["dead_letter"].services == ["other"]
    assert groups(operator, service="shop")["dead_letter"].services == ["shop"]
    assert groups(operator, days="x'", service="nowhere")["dead_letter"].jobs == 2


def test_a_group_leads_to_its_jobs(operator, shop):  # noqa: F811
    wanted = dead(shop, "dead_letter")
    dead(shop, "provider_failed")
    dead(make_service("other"), "dead_letter")

    [row] = [
        row
        for row in operator.get(reverse(PAGE), {"service": "shop"}).context["rows"]
        if row.group.code == "dead_letter"
    ]
    listed = operator.get(row.jobs_url).context["cl"].result_list

    assert [job.pk for job in listed] == [wanted.pk]


def test_to_retry_asks_first(operator, shop):  # noqa: F811
    job = dead(shop, "provider_failed")

    asked = operator.get(reverse(RETRY, query={"code": "provider_failed"}))
    without_reason = order(operator, "provider_failed", reason=" ")

    assert str(job.pk) in asked.content.decode()
    assert "This field is required." in without_reason.content.decode()
    assert statuses(job) == ["failed"]
    assert not Intervention.objects.exists()


def test_a_retry_queues_this_group_only_and_is_audited(operator, shop):  # noqa: F811
    mine = [dead(shop, "provider_failed"), dead(shop, "provider_failed", status="expired")]
    others = [
        dead(shop, "dead_letter"),
        dead(make_service("other"), "provider_failed"),
        dead(shop, "provider_failed", ago=8 * 86_400),
    ]

    shown = order(operator, "provider_failed", service="shop", days=7).content.decode()

    assert "Jobs of “provider_failed” queued again: 2." in shown
    assert statuses(*mine) == ["queued", "queued"]
    assert statuses(*others) == ["failed"] * 3
    row = Intervention.objects.get()
    assert (row.action, row.name) == ("retry", "2: provider_failed of shop")
    assert (row.actor, row.reason) == ("olga", "The provider is back.")
    entry = AuditEntry.objects.get(pgh_obj_model="jobs.Intervention")
    assert entry.pgh_context["reason"] == "The provider is back."
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(j.pk) for j in mine}


def test_one_order_takes_those_that_ended_first(operator, shop, monkeypatch):  # noqa: F811
    monkeypatch.setattr(given_up, "MOST", 2)
    monkeypatch.setattr(dead_letters, "MOST", 2)
    jobs = [dead(shop, "dead_letter", ago=ago) for ago in (10, 30, 20)]

    asked = operator.get(reverse(RETRY, query={"code": "dead_letter"})).content.decode()
    shown = order(operator, "dead_letter").content.decode()

    assert "Queue 2 jobs again" in asked
    assert "More that have this code: 1" in asked
    assert "Jobs of “dead_letter” queued again: 2. Left: 1." in shown
    assert statuses(*jobs) == ["failed", "queued", "queued"]


def test_a_group_that_is_gone_says_so(operator, db):
    shown = order(operator, "dead_letter").content.decode()

    assert "No job of “dead_letter” is left in this period." in shown
    assert not Intervention.objects.exists()


def test_to_see_is_not_to_retry(client, shop):  # noqa: F811
    job = dead(shop, "dead_letter")
    user = User.objects.create_user("fay", is_staff=True)
    client.force_login(user)
    assert client.get(reverse(PAGE)).status_code == 403
    user.groups.add(Group.objects.get(name="finance"))

    assert "Retry all" not in client.get(reverse(PAGE)).content.decode()
    assert order(client, "dead_letter").status_code == 403
    assert statuses(job) == ["failed"]


def test_no_dead_letter_is_good(operator, db):
    assert "ended without an answer" in operator.get(reverse(PAGE)).content.decode()


def test_two_queries_however_many_reasons(shop, django_assert_num_queries):  # noqa: F811
    for number in range(6):
        dead(shop, f"code_{number}", error=f"text {number}")

    with django_assert_num_queries(2):
        found = given_up.groups(days=7)

    assert {group.code: group.example for group in found} == {
        f"code_{number}": f"text {number}" for number in range(6)
    }
