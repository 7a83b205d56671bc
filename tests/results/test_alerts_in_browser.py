"""What guardrails did, in a real browser: policy, accessibility, and one press that ends it."""

import pytest
from django.urls import reverse

from apps.results.models import Acknowledgement
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.prompts.conftest import everything, prompt, staging  # noqa: F401
from tests.results.test_alerts import paused, went_back  # noqa: F401
from tests.visitor import DESKTOP, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]


@pytest.mark.parametrize(("theme", "viewport"), [("light", DESKTOP), ("dark", PHONE)])
def test_it_is_seen_and_gone(visit, paused, went_back, theme, viewport):  # noqa: F811
    tab = visit(viewport=viewport)
    for url in (
        reverse("admin:prompts_channel_change", args=[went_back.release.channel_id]),
        "/admin/",
    ):
        tab.go(url)
        tab.theme(theme)
        assert tab.axe() == []
        assert not tab.scrolls_sideways
    tab.page.get_by_role("button", name="I have seen it: reply").click()

    tab.page.get_by_text("ada has seen it").wait_for()
    assert tab.page.get_by_role("button", name="I have seen it").count() == 1
    assert Acknowledgement.objects.get().finding == went_back
    assert tab.problems == []
