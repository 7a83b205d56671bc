"""Any change of any configuration table, through any door, moves the epoch."""

import pytest
from django.apps import apps
from django.db import connection

from apps.access.models import Tier
from apps.core.snapshot import current_epoch
from apps.routing.models import RestEnd, Route, RouteTarget
from tests.factories import make_key, make_priced_deployment, make_service

pytestmark = pytest.mark.django_db
TABLES = (
    "access_apikey",
    "access_costcenter",
    "access_service",
    "access_team",
    "access_tier",
    "registry_deployment",
    "registry_model",
    "registry_price",
    "registry_provider",
    "routing_route",
    "routing_routetarget",
)


@pytest.fixture
def rows():
    make_key(make_service())
    deployment = make_priced_deployment()
    route = Route.objects.create(slug="r", name="R")
    RouteTarget.objects.create(route=route, deployment=deployment, position=1)


@pytest.mark.parametrize("table", TABLES)
def test_an_update_by_raw_sql_moves_it(rows, table):
    before = current_epoch()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET updated_at = now()")
    assert current_epoch() == before + 1


def test_insert_and_delete_move_it():
    before = current_epoch()
    tier = Tier.objects.create(slug="t", name="T")
    assert current_epoch() == before + 1
    tier.delete()
    assert current_epoch() == before + 2


def test_no_configuration_table_was_forgotten():
    ours = {
        model._meta.db_table
        for label in ("access", "registry", "routing")
        for model in apps.get_app_config(label).get_models()
        if not model.__name__.endswith("Event")
    }
    assert ours - {"registry_priceproposal"} == {*TABLES, "routing_restend"}


def test_an_order_that_can_only_be_added_moves_it():
    before = current_epoch()
    RestEnd.objects.create(deployment="one", of="deployment", reason="mended", actor="ada")
    assert current_epoch() == before + 1
