"""The pages of results in a real browser: policy, accessibility, a phone's width."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.prompts.models import Metric
from apps.results.models import ArmHour, VersionHour
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.results.test_pages import measured
from tests.visitor import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def pages():
    """A paused arm, one that nobody knows about, and two days of hours."""
    Metric.objects.create(slug="thumb", name="Thumb")
    experiment = measured(400, 400, worse=14)
    cool = experiment.arms.get(slug="cool")
    cool.paused_at, cool.paused_because = (
        timezone.now(),
        "Guardrail: cost a call worse by over 20 %.",
    )
    cool.save()
    for row in list(ArmHour.objects.all()):
        for hours in range(1, 24):
            part = 1 - hours / 26
            row.pk, row.hour = None, row.hour - timedelta(hours=1)
            for name in ("y", "yy", "x", "xx", "xy"):
                setattr(row, name, getattr(row, name) * part)
            row.subjects = max(1, round(row.subjects * part))
            row.save()
    for version, arm in ((1, "tone/control"), (2, "tone/warm")):
        VersionHour.objects.create(
            prompt=experiment.prompt.slug, prompt_version=version, channel="production", arm=arm,
            hour=timezone.now(), calls=400, failed=10, latencies={"38": 300, "44": 90},
            input_tokens=80_000, output_tokens=20_000, cost_pico=400 * 10**9,
        )  # fmt: skip
    return {
        "results": reverse("admin:experiment_results", args=[experiment.pk]),
        "calculator": reverse("admin:experiment_calculator"),
        "experiment": reverse("admin:prompts_experiment_change", args=[experiment.pk]),
        "promote": reverse("admin:prompts_experiment_action", args=[experiment.pk, "promote"]),
        "version": reverse("admin:prompts_promptversion_change", args=[cool.version_id]),
        "prompt": reverse("admin:prompts_prompt_change", args=[experiment.prompt_id]),
        "metrics": reverse("admin:prompts_metric_changelist"),
        "channel": reverse("admin:channel_course", args=[experiment.prompt_id, "production"]),
    }


def test_no_page_breaks_policy_or_accessibility(visit, pages):  # noqa: F811
    tab = visit()

    assert tab.unreadable(pages.values()) == []
    assert tab.problems == []


def test_on_a_phone_a_chart_over_time_shows_its_end(visit, pages):  # noqa: F811
    tab = visit(viewport=PHONE)
    tab.go(pages["channel"])

    chart = tab.page.locator("[data-to-end]").first
    left, most = chart.evaluate("one => [one.scrollLeft, one.scrollWidth - one.clientWidth]")
    assert most > 100
    assert most - left <= 1
