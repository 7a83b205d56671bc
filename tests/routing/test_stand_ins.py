"""What can stand in, and where people set and see it."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.urls import reverse

from apps.routing.models import Route, RouteTarget
from apps.routing.services import NewTarget, set_targets, start_canary
from tests.factories import make_deployment, make_model, make_priced_deployment, make_service
from tests.routing.test_route_pages import save

pytestmark = pytest.mark.django_db


@pytest.fixture
def route():
    return Route.objects.create(slug="chat", name="Chat")


@pytest.fixture
def small():
    return make_priced_deployment(slug="small", model=make_model(context_window=1000))


@pytest.fixture
def large():
    return make_priced_deployment(slug="large", model=make_model(context_window=9000))


def test_every_fault_is_told_at_once(route, small):
    embeds = make_model(kind="embedding", context_window=1000, max_output_tokens=0)
    wrong = make_deployment(slug="wrong", model=embeds)
    with pytest.raises(ValidationError) as refused:
        set_targets(
            route=route,
            targets=[NewTarget(small), NewTarget(wrong, canary_percent=5, only_for="either")],
        )
    said = " ".join(refused.value.messages)
    assert len(refused.value.messages) == 4
    for words in ("cannot be a canary", "is for embedding", "larger window", "has no price now"):
        assert words in said
    assert not route.targets.exists()


def test_stand_ins_alone_are_no_route(route, large):
    with pytest.raises(ValidationError, match="asked for every call"):
        set_targets(route=route, targets=[NewTarget(large, only_for="too_long")])


def test_the_database_refuses_a_canary_that_stands_in(route, large):
    with pytest.raises(IntegrityError, match="route_stand_in_is_no_canary"):
        RouteTarget.objects.create(
            route=route, deployment=large, position=1, canary_percent=1, only_for="refused"
        )


def test_a_stand_in_never_becomes_the_canary(route, small, large):
    other = make_priced_deployment(slug="other")
    targets = [NewTarget(small), NewTarget(other), NewTarget(large, only_for="refused")]
    set_targets(route=route, targets=targets)
    assert start_canary(route=route) == other


def test_it_is_set_on_the_routes_page_and_seen_in_the_list(admin_client, small, large):
    rows = [
        {"deployment": small.pk, "order": 1},
        {"deployment": large.pk, "order": 2, "only_for": "too_long"},
    ]
    Route.objects.all().delete()
    assert save(admin_client, None, rows).status_code == 302
    assert list(RouteTarget.objects.values_list("only_for", flat=True)) == ["", "too_long"]
    text = admin_client.get(reverse("admin:routing_route_changelist")).content.decode()
    assert "large (context too long for the others)" in text


def test_the_page_tells_why_one_cannot_stand_in(admin_client, small):
    tiny = make_priced_deployment(slug="tiny", model=make_model(context_window=10))
    rows = [
        {"deployment": small.pk, "order": 1},
        {"deployment": tiny.pk, "order": 2, "only_for": "too_long"},
    ]
    response = save(admin_client, None, rows)
    assert response.status_code == 200
    assert "name one with a larger window" in response.content.decode()
    assert not Route.objects.exists()


def test_the_api_sets_it_and_tells_why_not(admin_client, route, small, large):
    set_targets(route=route, targets=[NewTarget(small), NewTarget(large)])
    address = "/api/v1/manage/routes/chat/"

    def patch(**settings):
        body = {"target_settings": settings}
        return admin_client.patch(address, body, content_type="application/json")

    answer = patch(large={"only_for": "too_long"}).json()
    assert answer["target_settings"]["large"]["only_for"] == "too_long"
    refused = patch(small={"only_for": "refused"})
    assert refused.status_code == 400
    assert "asked for every call" in refused.content.decode()
    assert patch(large={"only_for": "rain"}).status_code == 400


def test_the_explain_page_shows_who_stands_in_and_who_was_called(admin_client, route, small, large):
    set_targets(route=route, targets=[NewTarget(small), NewTarget(large, only_for="too_long")])
    service = make_service("shop")
    address = reverse("admin:route_explain", args=["chat"])

    short = admin_client.get(address, {"service": service.pk, "input_tokens": 10, "output_cap": 5})
    long = admin_client.get(address, {"service": service.pk, "input_tokens": 4000, "output_cap": 5})

    assert [c.deployment.slug for c in short.context["decision"].choices] == ["small"]
    assert "stands in only when the context is too long" in short.content.decode()
    assert [c.deployment.slug for c in long.context["decision"].choices] == ["large"]
    assert "stands in, too long for the others" in long.content.decode()
