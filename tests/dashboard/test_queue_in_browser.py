"""The page of the queue with something on it: width, accessibility, both themes."""

import pytest

from tests.dashboard.conftest import DESKTOP, PHONE
from tests.dashboard.test_queue import clean_redis, make, shop  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["wide", "phone"])
def test_it_can_be_read(visit, shop, viewport):  # noqa: F811
    make(shop, age=90_000, left=90_000)
    make(shop, due=300, error_code="no_deployment")
    make(shop, "running", lease=-5)
    visitor = visit(viewport=viewport)
    for theme in ("light", "dark"):
        visitor.go("/admin/queue/")
        visitor.theme(theme)
        assert (visitor.axe(), visitor.scrolls_sideways) == ([], False)
    assert visitor.problems == []
