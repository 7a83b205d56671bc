"""The results of an experiment, the calculator, and promotion, as people see them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.prompts.models import Experiment, ReleaseRequest
from apps.results.models import ArmHour, VersionHour
from tests.results.test_watching import expose, look, started

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def page(admin, experiment):
    answer = admin.get(reverse("admin:experiment_results", args=[experiment.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def measured(control=200, treatment=200, *, worse=40, arms=("control", "warm", "cool")):
    experiment = started(*arms, max_days=90)
    expose(experiment, "control", control, failed=10)
    for arm in arms[1:]:
        expose(experiment, arm, treatment, failed=worse)
    return look(experiment)


def test_an_experiment_without_subjects_says_what_is_missing(admin):
    assert "Nobody has taken part yet" in page(admin, started("control", "warm"))


def test_the_page_shows_intervals_verdicts_costs_and_guardrails(admin):
    experiment = measured(worse=12)
    for row in list(ArmHour.objects.all()):
        row.pk, row.hour = None, row.hour - timedelta(hours=1)
        row.save()

    html = page(admin, experiment)

    assert html.count('class="r-interval ') == 2
    assert "warm by hour" in html
    assert ">not yet<" in html
    assert "$10.00" in html  # of 1,000 calls at a cent
    assert "Calls without an answer" in html
    assert "as planned" in html
    assert "Nothing is certain yet." in html


def test_a_paused_arm_says_why(admin):
    experiment = measured(worse=150)

    html = page(admin, experiment)

    assert html.count(">paused<") == 2
    assert "Guardrail: calls without an answer" in html
    assert experiment.status == "stopped"


def test_the_page_costs_the_same_for_many_subjects_and_hours(admin, django_assert_max_num_queries):
    experiment = measured(worse=12)
    row = ArmHour.objects.first()
    for hours in range(1, 200):
        row.pk, row.hour = None, timezone.now() - timedelta(hours=hours)
        row.save()

    with django_assert_max_num_queries(15):
        page(admin, experiment)


def test_promoting_stops_and_asks_for_the_release(admin):
    experiment = measured(worse=2)
    url = reverse("admin:prompts_experiment_action", args=[experiment.pk, "promote"])
    warm = experiment.arms.get(slug="warm")

    answer = admin.post(url, {"arm": warm.pk, "reason": "Fewer calls fail."})

    assert answer.status_code == 302
    experiment.refresh_from_db()
    assert (experiment.status, experiment.conclusion) == ("stopped", "“warm” was promoted.")
    asked = ReleaseRequest.objects.get()
    assert (asked.version, asked.requester.username) == (warm.version, "ann")


def test_the_calculator_tells_how_many(admin):
    url = reverse("admin:experiment_calculator")
    asked = {"kind": "share", "baseline": 30, "effect": 10, "arms": 2, "power": 80}

    plain = admin.get(url, asked | {"subjects_a_day": 1000}).content.decode()
    wrong = admin.get(url, {"kind": "mean", "baseline": 3, "effect": 5, "arms": 2, "power": 80})

    assert "80% of all experiments" in plain
    assert "days" in plain
    assert "Say how much subjects differ." in wrong.content.decode()


def test_versions_show_what_became_of_their_calls(admin):
    experiment = Experiment.objects.get(pk=started("control", "warm").pk)
    VersionHour.objects.create(
        prompt=experiment.prompt.slug, prompt_version=2, channel="production", arm="tone/warm",
        hour=timezone.now(), calls=40, failed=4, latencies={"40": 36}, cost_pico=40 * 10**9,
    )  # fmt: skip
    version = experiment.arms.get(slug="warm").version

    for name, pk in (("prompt", experiment.prompt_id), ("promptversion", version.pk)):
        html = admin.get(reverse(f"admin:prompts_{name}_change", args=[pk])).content.decode()
        assert "tone/warm" in html
        assert "10.0%" in html


def test_staff_read_metrics_through_the_api(admin):
    started("control", "warm")
    VersionHour.objects.create(
        prompt="product-text", prompt_version=2, channel="production", hour=timezone.now(),
        calls=40, cost_pico=5, latencies={"40": 40},
    )  # fmt: skip
    url = reverse("manage-prompt-metrics", args=["product-text"])

    (row,) = admin.get(url, {"days": 7}).json()

    assert (row["version"], row["calls"], row["cost_usd"]) == (2, 40, "0.000000000005")
    assert 1024 < row["p50_ms"] < 1218
    assert admin.get(url, {"day": 7}).status_code == 400
    assert Client().get(url).status_code == 401
