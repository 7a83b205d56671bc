"""The page of deployments' health, and what may be ordered there."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.core.redis import async_client, client
from apps.dashboard.provider_health import rows_of
from apps.registry.models import Deployment
from apps.registry.snapshot import read_registry
from apps.routing.exchange import KEY, Exchange, process_reports
from apps.routing.health import Health
from apps.routing.loads import Loads
from apps.routing.models import RestEnd
from apps.routing.snapshot import read_rest_ends
from apps.routing.types import AttemptResult
from tests.factories import make_model, make_priced_deployment, make_provider
from tests.routing.test_health import late

pytestmark = pytest.mark.django_db
PAGE = "admin:provider_health"


@pytest.fixture(autouse=True)
def clean_redis():
    client().flushdb()


@pytest.fixture
def deployments():
    provider, model = make_provider(slug="acme"), make_model("fast")
    for slug in ("one", "two", "three", "four"):
        make_priced_deployment(provider=provider, model=model, slug=slug)
    other = make_provider(slug="other", secret_ref="env:OTHER_KEY")
    make_priced_deployment(provider=other, model=model, slug="five")
    return read_registry().deployments


def tell(*healths):
    """Each a process that says what it holds."""

    async def rounds():
        redis = async_client()
        for health in healths:
            await Exchange(loads=Loads(), health=health, redis=redis).once()
        await redis.aclose()

    with ThreadPoolExecutor(1) as own:  # a browser's test keeps a loop in its own thread
        own.submit(asyncio.run, rounds()).result()


def failing(deployment, times=5):
    health = Health()
    for _ in range(times):
        late(health, deployment, AttemptResult.FAILED)
    return health


def rows(client):
    return {row.deployment.slug: row for row in client.get(reverse(PAGE)).context["rows"]}


def order(client, slug, name, reason="the provider says that it is well"):
    return client.post(reverse("admin:health_order", args=[slug, name]), {"reason": reason})


def test_it_shows_each_state_with_its_cause_the_worst_first(admin_client, deployments):
    here = failing(deployments["one"])
    late(here, deployments["two"], AttemptResult.LIMITED, retry_after=40.0)
    late(here, deployments["three"], AttemptResult.ANSWERED)
    late(here, deployments["five"], AttemptResult.UNAUTHORISED)
    Deployment.objects.filter(slug="four").update(active=False)
    tell(here, failing(deployments["one"], times=3))

    shown = rows(admin_client)

    assert {slug: row.label.text for slug, row in shown.items()} == {
        "five": "quarantined",
        "one": "open",
        "two": "resting (429)",
        "three": "closed",
        "four": "out of service",
    }
    assert list(shown) == ["five", "one", "two", "three", "four"]
    assert (shown["one"].calls, shown["one"].failed) == (8, 8), "of both processes"
    assert shown["one"].why == "nothing but failures lately"
    assert shown["one"].since < shown["one"].until
    assert len(shown["one"].findings) == 1
    assert shown["two"].orders == ("end-rest", "take-out")
    assert shown["five"].orders == ("release", "take-out")
    assert shown["four"].orders == ("put-back",)


def test_it_shows_how_many_calls_are_under_way_and_of_how_many(admin_client, deployments):
    rows(admin_client)  # the first page takes longer than a report is shown, on a busy machine
    here, there = Health(), Health()
    for health, taken in ((here, 10), (there, 4)):
        health.places(deployments["one"]).taken = taken
    late(here, deployments["one"], AttemptResult.LIMITED, retry_after=0.0)
    tell(here, there)

    found = {row.deployment.slug: row for row in rows_of(process_reports(), timezone.now())}
    row = found["one"]

    assert astuple(row.at_once) == (14, 7, 1, 0)
    assert row.orders == ("end-rest", "take-out")
    assert "of 7 in 1 process" in admin_client.get(reverse(PAGE)).content.decode()
    order(admin_client, "one", "end-rest")
    here.end_rests(read_rest_ends(read_registry()))
    assert here.places(deployments["one"]).limit is None


def test_an_order_is_kept_with_its_reason_and_moves_the_configuration(admin_client, deployments):
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM core_configepoch")
        before = cursor.fetchone()
    response = order(admin_client, "one", "end-rest")

    assert response.url == reverse(PAGE)
    row = RestEnd.objects.get()
    assert (row.deployment, row.of, row.actor) == ("one", "deployment", "ada")
    assert row.reason == "the provider says that it is well"
    assert read_rest_ends(read_registry()) == {"d:one": row.pk, "l:one": row.pk}
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM core_configepoch")
        assert cursor.fetchone() > before
        cursor.execute("SELECT metadata->>'reason' FROM pghistory_context ORDER BY created_at DESC")
        assert cursor.fetchone() == (row.reason,), "the audit log says why"
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        RestEnd.objects.update(reason="another")


def test_a_released_credential_is_that_of_all_deployments_behind_it(admin_client, deployments):
    order(admin_client, "five", "release")
    order(admin_client, "one", "release")

    assert len(read_rest_ends(read_registry())) == 2
    health = Health()
    late(health, deployments["two"], AttemptResult.UNAUTHORISED)
    health.end_rests(read_rest_ends(read_registry()))
    assert health.rest(deployments["two"]) is None


def test_a_deployment_is_taken_out_and_put_back(admin_client, deployments):
    order(admin_client, "one", "take-out")
    assert not read_registry().deployments["one"].active
    order(admin_client, "one", "put-back")
    assert read_registry().deployments["one"].active


def test_nothing_happens_without_a_reason(admin_client, deployments):
    response = order(admin_client, "one", "take-out", reason=" ")
    assert response.context["form"].errors.keys() == {"reason"}
    assert Deployment.objects.get(slug="one").active


@pytest.mark.parametrize("place", [("one", "explode"), ("nobody", "end-rest")])
def test_what_does_not_exist_is_not_found(admin_client, deployments, place):
    assert order(admin_client, *place).status_code == 404


def test_to_see_is_not_to_order(client, deployments, django_user_model):
    user = django_user_model.objects.create_user("eve", password="x", is_staff=True)
    client.force_login(user)
    assert client.get(reverse(PAGE)).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_deployment"))
    page = client.get(reverse(PAGE)).content.decode()
    assert "Take out" not in page
    assert order(client, "one", "take-out").status_code == 403
    user.groups.add(Group.objects.get(name="operator"))
    assert "Take out" in client.get(reverse(PAGE)).content.decode()
    assert order(client, "one", "take-out").status_code == 302


def test_without_redis_it_says_so_and_orders_all_the_same(admin_client, deployments, redis_at):
    redis_at("redis://127.0.0.1:1")
    page = admin_client.get(reverse(PAGE)).content.decode()
    order(admin_client, "one", "end-rest")
    assert "Redis is away" in page
    assert RestEnd.objects.count() == 1


def test_what_another_version_says_is_passed_over(admin_client, deployments):
    client().hset(KEY, "older", b'{"n": 1, "loads": {}}')
    client().hset(KEY, "newer", b'{"process": "x:1", "at": 9e9, "conditions": [["d:one", "odd"]]}')
    tell(failing(deployments["one"]))
    assert rows(admin_client)["one"].label.text == "open"


def test_it_opens_with_nothing_to_show(admin_client):
    assert "no deployment yet" in admin_client.get(reverse(PAGE)).content.decode()
