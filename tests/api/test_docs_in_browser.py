"""The API's own pages in a real browser: they follow the system's theme."""

import pytest

from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.visitor import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]
READY = {"/api/v1/docs/": ".opblock", "/api/v1/docs/errors/": "table"}


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", READY)
def test_they_are_readable_in_dark(visit, path, viewport):  # noqa: F811
    tab = visit(viewport=viewport)
    tab.page.emulate_media(color_scheme="dark")
    tab.go(path)
    tab.page.locator(READY[path]).first.wait_for()

    assert tab.axe("color-contrast") == []
    assert not tab.scrolls_sideways
    assert tab.problems == []
