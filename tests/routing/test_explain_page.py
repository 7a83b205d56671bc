"""The page of a route that says where an example request would go, and why."""

import pytest
from django.urls import reverse

from apps.routing.models import Route, RouteTarget
from tests.factories import make_deployment, make_priced_deployment, make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def route():
    route = Route.objects.create(slug="chat", name="Chat", strategy="lowest_cost")
    dear = make_priced_deployment(slug="dear", region="eu-west-1", input_pico=10, output_pico=10)
    cheap = make_priced_deployment(slug="cheap", region="us-east-1", input_pico=1, output_pico=1)
    off = make_deployment(slug="off", active=False)
    for position, deployment in enumerate((dear, cheap, off), start=1):
        RouteTarget.objects.create(route=route, deployment=deployment, position=position)
    return route


def page(client, **query):
    return client.get(reverse("admin:route_explain", args=["chat"]), query)


def test_it_shows_the_order_and_whom_it_left_out(admin_client, route):
    service = make_service("shop")
    context = page(admin_client, service=service.pk, input_tokens=1000, output_cap=50).context

    decision = context["decision"]
    assert [c.deployment.slug for c in decision.choices] == ["cheap", "dear"]
    assert decision.why("cheap") == "about 0.000000001052 USD for this request"
    assert [(s.deployment, s.reason) for s in decision.skipped] == [("off", "drained")]


def test_a_services_regions_count(admin_client, route):
    service = make_service("shop", regions=["eu"])
    response = page(admin_client, service=service.pk, input_tokens=1000)
    assert [c.deployment.slug for c in response.context["decision"].choices] == ["dear"]
    assert "its region is us-east-1; allowed: eu" in response.content.decode()


def test_a_refusal_says_why_nobody_may(admin_client, route):
    service = make_service("shop")
    response = page(admin_client, service=service.pk, input_tokens=10, region="ap")
    assert "decision" not in response.context
    assert "No deployment of “chat” may answer" in response.content.decode()


def test_wrong_values_are_named(admin_client, route):
    make_service("shop")
    assert page(admin_client, service=0, input_tokens=-1).context["form"].errors.keys() == {
        "service",
        "input_tokens",
    }


def test_it_opens_without_a_service(admin_client, route):
    assert page(admin_client).status_code == 200


def test_the_button_on_the_routes_page_leads_there(admin_client, route):
    address = reverse("admin:routing_route_action", args=[route.pk, "explain"])
    assert (
        address
        in admin_client.get(reverse("admin:routing_route_change", args=[route.pk])).content.decode()
    )
    assert admin_client.get(address).url == reverse("admin:route_explain", args=["chat"])


def test_strangers_may_not(client, route, django_user_model):
    user = django_user_model.objects.create_user("guest", password="x", is_staff=True)
    client.force_login(user)
    assert page(client).status_code == 403
