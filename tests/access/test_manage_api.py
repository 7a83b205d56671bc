"""Configuration by scripts of staff users, over HTTP."""

import base64

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from pghistory.models import Events

from apps.access.keys import authenticate
from apps.access.models import ApiKey, Service, Team
from apps.access.snapshot import read_keys
from apps.core.clock import now
from apps.registry.models import Deployment, Price, Provider
from apps.routing.models import Route
from tests.factories import make_deployment, make_key, make_provider, make_service

pytestmark = pytest.mark.django_db
BASE = "/api/v1/manage"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """A slow hash is right for people, and a second for each request of a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff():
    user = User.objects.create_user("ops", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="administrator"))
    return user


@pytest.fixture
def api(client, staff):
    return Api(client, "ops")


class Api:
    def __init__(self, client, username, password=PASSWORD):
        self.client = client
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {token}"}

    def __getattr__(self, method):
        def call(path, body=None):
            extra = {} if body is None else {"data": body, "content_type": "application/json"}
            return getattr(self.client, method)(f"{BASE}{path}", headers=self.headers, **extra)

        return call


def pointers(response):
    assert response["Content-Type"] == "application/problem+json"
    return sorted(fault["pointer"] for fault in response.json()["errors"])


PROVIDER = {"slug": "local", "name": "Local", "vendor": "compatible", "base_url": "http://llm/v1"}


def test_a_row_is_made_read_changed_and_removed(api):
    made = api.post("/providers/", PROVIDER)
    assert made.status_code == 201
    assert made.json() == PROVIDER | {"secret_ref": "", "api_version": "", "active": True}

    assert api.get("/providers/local/").json() == made.json()
    assert [row["slug"] for row in api.get("/providers/").json()["results"]] == ["local"]
    assert api.patch("/providers/local/", {"active": False}).json()["active"] is False
    assert api.delete("/providers/local/").status_code == 204
    assert api.get("/providers/local/").status_code == 404


def test_put_makes_or_changes(api):
    body = {"name": "Web", "slug": "web"}
    assert api.put("/teams/web/", {"name": "Web"}).status_code == 201
    assert api.put("/teams/web/", body).status_code == 200
    assert api.put("/teams/web/", {"name": "The web"}).json() == {"slug": "web", "name": "The web"}
    assert Team.objects.get().name == "The web"


def test_put_of_another_name_is_refused_where_nothing_is(api):
    response = api.put("/teams/web/", {"slug": "other", "name": "Web"})
    assert response.status_code == 400
    assert pointers(response) == ["/slug"]
    assert Team.objects.count() == 0


def test_everything_that_a_call_needs(api):
    steps = {
        "/teams/": {"slug": "web", "name": "Web"},
        "/cost-centers/": {"slug": "cc", "name": "CC"},
        "/tiers/": {"slug": "standard", "name": "Standard", "requests_per_second": 50},
        "/services/": {
            "slug": "shop", "name": "Shop", "team": "web", "cost_center": "cc", "tier": "standard"
        },
        "/providers/": PROVIDER,
        "/models/": {"slug": "m", "name": "M", "context_window": 8192, "max_output_tokens": 100},
        "/deployments/": {
            "slug": "d", "name": "D", "provider": "local", "model": "m", "upstream_name": "x"
        },
        "/prices/": {
            "deployment": "d", "usage_class": "out_text", "price_usd": "0.0000006", "source": "me"
        },
        "/routes/": {"slug": "chat", "name": "Chat", "targets": ["d"]},
    }  # fmt: skip
    for path, body in steps.items():
        response = api.post(path, body)
        assert (response.status_code, path) == (201, path), response.content

    assert Price.objects.get().price_pico == 600_000
    assert api.get("/routes/chat/").json()["targets"] == ["d"]
    assert Deployment.objects.get().provider.slug == "local"


def test_all_faults_at_once(api):
    body = {"slug": "a b", "vendor": "aws", "base_url": "ftp://x", "secret_ref": "k", "colour": 1}
    response = api.post("/providers/", body)
    assert response.status_code == 400
    assert pointers(response) == [
        f"/{name}" for name in ("base_url", "colour", "name", "secret_ref", "slug", "vendor")
    ]
    assert Provider.objects.count() == 0


def test_the_models_own_checks_count(api):
    body = {"slug": "m", "name": "M", "context_window": 10, "max_output_tokens": 11}
    response = api.post("/models/", body)
    assert response.status_code == 400
    assert pointers(response) == ["/max_output_tokens"]

    api.post("/models/", body | {"max_output_tokens": 10})
    response = api.patch("/models/m/", {"context_window": 9})
    assert pointers(response) == ["/max_output_tokens"]
    assert api.get("/models/m/").json()["context_window"] == 10


@pytest.mark.parametrize(
    "body", [[], "x", 1, {"slug": None}, {"slug": {"a": []}}, {"name": "\0"}, {"provider": []}]
)
@pytest.mark.parametrize("path", ["/deployments/", "/routes/", "/prices/", "/keys/", "/teams/"])
def test_garbage_is_a_400(api, path, body):
    assert api.post(path, body).status_code == 400


def test_what_is_in_use_is_not_removed(api):
    provider = make_deployment().provider
    response = api.delete(f"/providers/{provider.slug}/")
    assert response.status_code == 409
    assert response.json()["code"] == "conflict"
    assert Provider.objects.count() == 1


def test_a_route_gets_other_targets(api):
    slugs = [make_deployment().slug for _ in range(3)]
    api.post("/routes/", {"slug": "r", "name": "R", "targets": slugs[:2]})

    assert api.patch("/routes/r/", {"targets": slugs[::-1]}).json()["targets"] == slugs[::-1]
    response = api.patch("/routes/r/", {"targets": ["nope", slugs[0], slugs[0]]})
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 2
    assert api.patch("/routes/r/", {"targets": []}).status_code == 400
    assert api.patch("/routes/r/", {"name": "Z"}).json()["targets"] == slugs[::-1]
    assert Route.objects.get().targets.count() == 3


def test_a_price_is_only_ever_added(api):
    deployment = make_deployment()
    body = {"deployment": deployment.slug, "usage_class": "out_text", "source": "list"}
    first = api.post("/prices/", body | {"price_usd": "0.000001"}).json()
    second = api.post("/prices/", body | {"price_usd": "0.000002"}).json()

    assert (second["price_usd"], second["valid_to"]) == ("0.000002000000", None)
    assert api.get(f"/prices/{first['id']}/").json()["valid_to"] == second["valid_from"]
    for method, refusal in {"put": 405, "patch": 405, "delete": 403}.items():
        assert getattr(api, method)(f"/prices/{first['id']}/", {}).status_code == refusal
    assert Price.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"price_usd": "-1"}, ""),
        ({"price_usd": "0.0000000000001"}, "/price_usd"),
        ({"price_usd": 1.5}, None),
        ({"price_usd": "99999999999"}, "/price_pico"),
        ({"valid_from": "2020-01-01T00:00:00Z"}, ""),
        ({"usage_class": "out_smell"}, "/usage_class"),
        ({"valid_to": "2030-01-01T00:00:00Z"}, "/valid_to"),
    ],
)
def test_a_bad_price_is_refused(api, change, pointer):
    deployment = make_deployment()
    good = {
        "deployment": deployment.slug,
        "usage_class": "out_text",
        "price_usd": "1",
        "source": "x",
    }
    assert api.post("/prices/", good).status_code == 201

    response = api.post("/prices/", good | change)

    if pointer is None:
        assert response.status_code == 201
        return
    assert (response.status_code, pointers(response)) == (400, [pointer])
    assert Price.objects.count() == 1


def test_a_key_is_shown_once_and_revoked(api):
    make_service("shop")
    made = api.post("/keys/", {"service": "shop", "name": "ci"}).json()

    assert authenticate(made["key"], records=read_keys(), now=now()).service == "shop"
    shown = api.get(f"/keys/{made['id']}/").json()
    assert "key" not in shown
    assert shown["prefix"] == made["prefix"]

    revoked = api.post(f"/keys/{made['id']}/revoke/")
    assert revoked.status_code == 200
    assert revoked.json()["revoked_at"] is not None
    assert read_keys() == {}


def test_a_key_is_never_edited(api):
    make_key(make_service())
    for method, refusal in {"put": 405, "patch": 405, "delete": 403}.items():
        assert getattr(api, method)(f"/keys/{ApiKey.objects.get().pk}/", {}).status_code == refusal


def test_who_is_not_known_is_asked_to_log_in(client):
    assert client.get(f"{BASE}/teams/").status_code == 401
    User.objects.create_user("ops", password=PASSWORD, is_staff=True)
    assert Api(client, "ops", "wrong").get("/teams/").status_code == 401


def test_a_services_key_does_not_open_this_door(client):
    headers = {"Authorization": f"Bearer {make_key(make_service())}"}
    assert client.get(f"{BASE}/teams/", headers=headers).status_code == 401


def test_permission_is_needed_for_each_thing(client):
    user = User.objects.create_user("ops", password=PASSWORD, is_staff=True)
    api = Api(client, "ops")
    assert api.get("/teams/").status_code == 403

    user.user_permissions.add(Permission.objects.get(codename="view_team"))
    assert api.get("/teams/").status_code == 200
    for method in ("post", "put", "patch", "delete"):
        path = "/teams/" if method == "post" else "/teams/x/"
        assert getattr(api, method)(path, {"slug": "x", "name": "X"}).status_code == 403

    user.user_permissions.add(Permission.objects.get(codename="change_team"))
    assert api.put("/teams/x/", {"name": "X"}).status_code == 403
    assert Team.objects.count() == 0


def test_a_key_is_revoked_only_by_those_who_may_change_it(client):
    make_key(make_service())
    user = User.objects.create_user("dev", password=PASSWORD, is_staff=True)
    user.user_permissions.add(
        *Permission.objects.filter(codename__in=["add_apikey", "view_apikey"])
    )

    path = f"/keys/{ApiKey.objects.get().pk}/revoke/"

    assert Api(client, "dev").post(path).status_code == 403
    assert ApiKey.objects.get().revoked_at is None


def test_permissions_without_staff_are_not_enough(client, staff):
    User.objects.update(is_staff=False)
    assert Api(client, "ops").get("/teams/").status_code == 403


def test_the_admins_session_needs_its_csrf_token(staff):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.get(f"{BASE}/teams/").status_code == 200
    body = {"slug": "x", "name": "X"}
    response = client.post(f"{BASE}/teams/", body, content_type="application/json")
    assert response.status_code == 403
    assert Team.objects.count() == 0


def test_the_audit_log_knows_whose_basic_credentials_they_were(api, staff):
    api.post("/teams/", {"slug": "web", "name": "Web"})
    event = Events.objects.get(pgh_obj_model="access.Team")
    assert event.pgh_context["user"] == staff.pk
    assert event.pgh_context["url"] == f"{BASE}/teams/"


def test_reading_lists_joins_once(api, django_assert_max_num_queries):
    for _ in range(10):
        make_deployment(provider=make_provider())
        make_service()
    with django_assert_max_num_queries(8):
        assert len(api.get("/deployments/").json()["results"]) == 10
    with django_assert_max_num_queries(8):
        assert len(api.get("/services/").json()["results"]) == 10
    assert Service.objects.count() == 10
