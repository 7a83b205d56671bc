"""Routes in the admin: targets in order."""

import pytest
from django.urls import reverse

from apps.routing.models import Route, RouteTarget
from tests.factories import make_deployment

pytestmark = pytest.mark.django_db


@pytest.fixture
def route():
    route = Route.objects.create(slug="chat", name="Chat")
    for position, slug in enumerate("ab", start=1):
        RouteTarget.objects.create(
            route=route, deployment=make_deployment(slug=slug), position=position
        )
    return route


def save(client, route, rows, **values):
    initial = [row for row in rows if row.get("id")]
    form = {"slug": "chat", "name": "Chat", "active": "on"} | values
    form |= {"strategy": "priority", "shadow_percent": 0}
    form |= {"targets-TOTAL_FORMS": len(rows), "targets-INITIAL_FORMS": len(initial)}
    for index, row in enumerate(rows):
        given = {"weight": 100, "canary_percent": 0} | row
        form |= {f"targets-{index}-{name}": value for name, value in given.items()}
    address = (
        ("admin:routing_route_change", [route.pk]) if route else ("admin:routing_route_add", [])
    )
    return client.post(reverse(address[0], args=address[1]), form)


def rows_of(route, orders):
    return [
        {"id": target.pk, "deployment": target.deployment_id, "order": order, "route": route.pk}
        for target, order in zip(route.targets.order_by("position"), orders, strict=True)
    ]


def order_of(route):
    return [target.deployment.slug for target in route.targets.order_by("position")]


def test_targets_change_places(admin_client, route):
    assert save(admin_client, route, rows_of(route, (2, 1))).status_code == 302
    assert order_of(route) == ["b", "a"]


def test_a_target_comes_between_and_another_goes(admin_client, route):
    new = make_deployment(slug="new")
    first, second = rows_of(route, (1, 3))
    rows = [first, second | {"DELETE": "on"}, {"deployment": new.pk, "order": 2}]

    assert save(admin_client, route, rows).status_code == 302

    assert order_of(route) == ["a", "new"]


def test_a_new_route_needs_a_target(admin_client):
    response = save(admin_client, None, [])
    assert response.status_code == 200
    assert Route.objects.count() == 0

    target = {"deployment": make_deployment(slug="x").pk, "order": 5}
    assert save(admin_client, None, [target]).status_code == 302
    assert order_of(Route.objects.get()) == ["x"]


def test_a_deployment_is_tried_once(admin_client, route):
    first, second = rows_of(route, (1, 2))
    response = save(admin_client, route, [first, second | {"deployment": first["deployment"]}])
    assert response.status_code == 200
    assert order_of(route) == ["a", "b"]


def test_the_list_shows_the_order(admin_client, route):
    text = admin_client.get(reverse("admin:routing_route_changelist")).content.decode()
    assert "a → b" in text
