"""The page of deployments' health with something on it: width, accessibility, both themes."""

import pytest

from apps.routing.types import AttemptResult
from tests.dashboard.test_provider_health import clean_redis, deployments, failing, tell  # noqa: F401
from tests.routing.test_health import late

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_it_can_be_read_and_used(visit, deployments):  # noqa: F811
    here = failing(deployments["one"])
    late(here, deployments["two"], AttemptResult.LIMITED, retry_after=40.0)
    late(here, deployments["five"], AttemptResult.UNAUTHORISED)
    tell(here)
    visitor = visit()
    assert visitor.unreadable(["/admin/health/"]) == []
    visitor.page.click("text=Take out >> nth=0")
    visitor.page.fill("#id_reason", "its provider asked for it")
    visitor.page.click("button:has-text('Take out of service')")
    visitor.page.wait_for_selector("text=is out of service, everywhere")
    assert visitor.problems == []
