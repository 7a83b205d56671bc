"""A canary is started, promoted and stopped with one click, one field or one request."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse

from apps.routing.models import Route
from apps.routing.services import promote_canary, put_route, start_canary, stop_canary
from apps.routing.snapshot import read_routes
from tests.factories import make_deployment

pytestmark = pytest.mark.django_db


@pytest.fixture
def route():
    for slug in ("old", "spare", "new"):
        make_deployment(slug=slug)
    return put_route(slug="chat", targets=["old", "spare", "new"])[0]


def targets():
    return [(t.deployment, t.canary_percent) for t in read_routes()["chat"].targets]


def test_the_last_target_becomes_the_canary(route):
    assert start_canary(route=route).slug == "new"
    assert targets() == [("old", 0), ("spare", 0), ("new", 5)]
    with pytest.raises(ValidationError, match="a canary already"):
        start_canary(route=route)


def test_a_promoted_canary_is_the_first_target(route):
    start_canary(route=route)
    promote_canary(route=route)
    assert targets() == [("new", 0), ("old", 0), ("spare", 0)]


def test_a_stopped_canary_is_gone(route):
    start_canary(route=route)
    stop_canary(route=route)
    assert targets() == [("old", 0), ("spare", 0)]
    with pytest.raises(ValidationError, match="no canary"):
        stop_canary(route=route)


def test_buttons_on_the_routes_page(admin_client, route):
    def click(action):
        address = reverse("admin:routing_route_action", args=[route.pk, action])
        response = admin_client.post(
            address, {"confirmed": "1", "reason": "trying it"}, follow=True
        )
        return [str(message) for message in response.context["messages"]]

    assert click("start_canary") == ["new is a canary now."]
    assert targets()[-1] == ("new", 5)
    (refused,) = click("start_canary")
    assert refused.startswith("Nothing changed. There is a canary already")
    click("promote_canary")
    assert targets()[0] == ("new", 0)


def test_settings_stay_when_the_order_changes(route):
    start_canary(route=route)
    put_route(slug="chat", targets=["new", "old"], strategy="weighted")
    assert targets() == [("new", 5), ("old", 0)]
    assert Route.objects.get().strategy == "weighted"


def test_create_route_takes_a_strategy(route):
    call_command("create_route", "chat", "--target", "old", "--strategy", "least_busy")
    assert read_routes()["chat"].strategy == "least_busy"


def test_one_request_sets_weights_and_shares(admin_client, route):
    address = "/api/v1/manage/routes/chat/"
    body = {
        "strategy": "weighted",
        "target_settings": {"old": {"weight": 90}, "new": {"canary_percent": 2, "tags": ["vip"]}},
    }
    answer = admin_client.patch(address, body, content_type="application/json").json()
    assert answer["targets"] == ["old", "spare", "new"]
    assert answer["target_settings"]["old"] == {
        "weight": 90,
        "canary_percent": 0,
        "tags": [],
        "only_for": "",
    }
    assert answer["target_settings"]["new"] == {
        "weight": 100,
        "canary_percent": 2,
        "tags": ["vip"],
        "only_for": "",
    }

    strange = {"target_settings": {"nope": {"weight": 1}}}
    refused = admin_client.patch(address, strange, content_type="application/json")
    assert refused.status_code == 400
    assert "Not among the targets: nope." in refused.content.decode()


def test_copies_need_a_candidate_and_a_payer(admin_client, route):
    address = "/api/v1/manage/routes/chat/"
    refused = admin_client.patch(address, {"shadow_percent": 5}, content_type="application/json")
    assert refused.status_code == 400
    assert {"/shadow_deployment", "/shadow_payer"} <= {
        error["pointer"] for error in refused.json()["errors"]
    }


def test_only_buttons_that_can_do_something_are_there(admin_client, route):
    def labels():
        response = admin_client.get(reverse("admin:routing_route_change", args=[route.pk]))
        return [label for label, _ in response.context["object_action_links"]]

    assert labels() == ["Explain", "Start canary"]
    start_canary(route=route)
    assert labels() == ["Explain", "Promote canary", "Stop canary"]
