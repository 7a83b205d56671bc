"""Provider batches, and jobs in them, on the pages and in the API."""

import re

import pytest
from django.contrib.auth.models import Permission, User

from apps.jobs.models import Job, ProviderBatch
from tests.factories import make_service
from tests.jobs.conftest import Api
from tests.jobs.lane import gathered, make_lane, next_round, post

LIST = "/admin/jobs/providerbatch/"


@pytest.fixture
def shop(db, upstream):
    make_lane(upstream)
    return make_service("shop")


@pytest.fixture
def operator(client, db):
    user = User.objects.create_user("olga", password="pw", is_staff=True)
    names = ("view_providerbatch", "view_job", "operate_job")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def words(response):
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_an_empty_list_says_how_jobs_come_there(operator):
    assert "No job has gone through a provider's batch yet" in operator.get(
        LIST
    ).content.decode().replace("&#x27;", "'")


def test_a_batch_on_its_way_and_at_its_end(shop, operator, upstream):
    upstream.batches(rows={"0": 400})
    jobs = [post(shop) for _ in range(3)]
    gathered()
    [batch] = ProviderBatch.objects.all()
    assert "at the provider" in words(operator.get(LIST))
    assert "3 waiting" in words(operator.get(LIST))
    for _ in range(3):
        next_round()

    page = operator.get(f"{LIST}{batch.pk}/change/")

    assert "2 answered, 1 failed" in words(page)
    assert all(f"/admin/jobs/job/{job.pk}/change/" in page.content.decode() for job in jobs)


def test_nobody_can_change_one_and_not_everybody_sees_them(shop, operator, client):
    post(shop)
    gathered()
    page = f"{LIST}{ProviderBatch.objects.get().pk}/change/"
    assert operator.post(page, {"state": "ended"}).status_code == 403
    client.force_login(User.objects.create_user("emma", password="pw", is_staff=True))
    assert client.get(LIST).status_code == 403


def test_the_api_says_that_a_job_is_in_a_batch_and_why_it_waits(shop):
    api = Api(shop)
    body = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
    posted = api.post(body | {"may_wait": True, "timeout_seconds": 30_000}).json()
    waiting = api.get(f"{posted['id']}/").json()["waiting"]
    assert (posted["lane"], waiting["reason"]) == ("allowed", "gathering")
    gathered()

    found = api.get(f"{posted['id']}/").json()

    assert (found["lane"], found["status"]) == ("batch", "running")
    assert found["waiting"]["reason"] == "provider_batch"
    assert str(ProviderBatch.objects.get().pk) in found["waiting"]["message"]
    assert found["waiting"]["until"] < found["timings"]["deadline"]


def test_the_page_of_a_job_says_it_too(shop, operator):
    job = post(shop)
    gathered()
    shown = words(operator.get(f"/admin/jobs/job/{job.pk}/change/"))
    assert "provider “faulty”, which says" in shown
    assert Job.objects.get(pk=job.pk).get_lane_display() in shown.replace("&#x27;", "'")
