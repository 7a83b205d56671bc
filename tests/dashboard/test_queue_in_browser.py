"""The pages of the queue and of dead letters: width, accessibility, both themes."""

import pytest

from tests.dashboard.test_dead_letters import dead
from tests.dashboard.test_queue import clean_redis, make, shop  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_it_can_be_read(visit, shop):  # noqa: F811
    make(shop, age=90_000, left=90_000)
    make(shop, due=300, error_code="no_deployment")
    make(shop, "running", lease=-5)
    visitor = visit()
    assert visitor.unreadable(["/admin/queue/"]) == []
    assert visitor.problems == []


def test_dead_letters_can_be_read_and_retried(visit, shop):  # noqa: F811
    dead(shop, "provider_failed", error="The provider answered 503 to everything. " * 8)
    visitor = visit()
    assert visitor.unreadable(["/admin/dead-letters/"]) == []
    visitor.page.click("text=Retry all")
    visitor.page.fill("#id_reason", "its provider is back")
    visitor.page.click("button:has-text('Retry jobs')")
    visitor.page.wait_for_selector("text=Jobs of “provider_failed” queued again: 1.")
    assert visitor.problems == []
