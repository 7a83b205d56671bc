"""Experiments that look after themselves: guardrails, sample ratio, newcomers, the end."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import Arm, Experiment, Guardrail
from apps.prompts.snapshot import read_prompts
from apps.results.models import ArmHour, Exposure
from apps.results.services.watching import watch
from tests.prompts.conftest import go_live, make_prompt, make_sealed, saying

pytestmark = pytest.mark.django_db
PROMPT = "product-text"


def planned(*slugs, **plan):
    prompt = make_prompt()
    versions = [make_sealed(prompt, saying(f"Text {slug}")) for slug in slugs]
    go_live(versions[0])
    from apps.prompts.models import Channel

    channel = Channel.objects.get(slug="production")
    experiment = Experiment.objects.create(
        slug="tone", name="Tone", prompt=prompt, channel=channel, **plan
    )
    share = 10_000 // len(slugs)
    for position, (slug, version) in enumerate(zip(slugs, versions, strict=True), 1):
        weight = share if position > 1 else 10_000 - share * (len(slugs) - 1)
        Arm.objects.create(
            experiment=experiment, slug=slug, version=version, weight=weight, position=position
        )
    Guardrail.objects.create(experiment=experiment, metric="errors", most=2)
    return experiment


def started(*slugs, **plan):
    return services.start_experiment(
        experiment=planned(*slugs, **plan), by=None, now=timezone.now()
    )


def expose(experiment, arm, subjects, *, failed=0, first=0):
    phase = experiment.phases.order_by("pk").last().pk
    Exposure.objects.bulk_create(
        Exposure(
            experiment=experiment, subject=f"{arm}-{number}", arm=arm, phase=phase,
            first_at=timezone.now(), calls=1, failed=number - first < failed, timed=1, seconds=1,
            cost_usd=0.01,
        )
        for number in range(first, first + subjects)
    )  # fmt: skip


def look(experiment, **later):
    experiment.refresh_from_db()
    watch(experiment=experiment, now=timezone.now() + timedelta(**later))
    experiment.refresh_from_db()
    return experiment


def test_an_arm_that_only_fails_is_paused_and_its_subjects_get_the_control():
    experiment = started("control", "good", "bad")
    for arm, failed in (("control", 0), ("good", 1), ("bad", 60)):
        expose(experiment, arm, 60, failed=failed)

    look(experiment)

    paused = {arm.slug: arm.paused_because for arm in experiment.arms.exclude(paused_at=None)}
    assert list(paused) == ["bad"]
    assert "calls without an answer worse by over 2 %" in paused["bad"]
    assert experiment.status == "running"
    (facts,) = read_prompts().experiments[PROMPT, "production"]
    assert [arm.paused for arm in facts.arms] == [False, False, True]


def test_with_no_arm_left_to_try_it_stops():
    experiment = started("control", "bad")
    expose(experiment, "control", 60)
    expose(experiment, "bad", 60, failed=60)

    assert look(experiment).status == "stopped"
    assert experiment.conclusion.startswith("Ended by its guardrails: bad paused")


def test_equal_arms_are_left_alone_and_their_sums_are_kept_by_hour():
    experiment = started("control", "same")
    expose(experiment, "control", 200, failed=10)
    expose(experiment, "same", 200, failed=10)

    assert look(experiment).status == "running"
    row = ArmHour.objects.get(arm="same", metric="errors")
    assert (row.subjects, row.y, row.yy, row.x, row.xx, row.xy) == (200, 10, 10, 200, 200, 10)


def test_shares_that_are_not_as_planned_pause_the_experiment():
    experiment = started("control", "same")
    expose(experiment, "control", 400)
    expose(experiment, "same", 200)

    look(experiment)

    assert experiment.status == "paused"
    assert "other shares" in experiment.conclusion
    assert read_prompts().experiments == {}
    services.stop_experiment(experiment=experiment, now=timezone.now())


def test_at_the_end_of_its_time_it_is_inconclusive():
    experiment = started("control", "same", max_days=7)
    expose(experiment, "control", 150)
    expose(experiment, "same", 150)

    assert look(experiment, days=6.9).status == "running"
    assert look(experiment, days=7).status == "stopped"
    assert experiment.conclusion.startswith("Inconclusive")


def test_a_better_arm_is_named_and_not_promoted():
    experiment = started("control", "better", max_days=7, planned_subjects=1000)
    expose(experiment, "control", 500, failed=250)
    expose(experiment, "better", 500, failed=50)

    look(experiment, days=7)

    assert experiment.conclusion == "“better” is better than the control: calls without an answer."
    assert experiment.prompt.releases.get(ended_at=None).version.number == 1


def test_an_adaptive_one_grows_and_sends_newcomers_where_it_is_better():
    experiment = started("control", "good", "poor", adaptive=True, share=1000)
    Guardrail.objects.filter(experiment=experiment)
    for arm, failed in (("control", 60), ("good", 10), ("poor", 65)):
        expose(experiment, arm, 150, failed=failed)

    look(experiment)

    assert experiment.share == 2000
    first, second = experiment.phases.order_by("pk")
    assert (first.share, first.weights) == (1000, [])
    assert sum(second.weights) == 10_000
    assert second.weights[1] > 8000
    assert look(experiment).share == 2000  # until newcomers are there


def test_two_arms_are_not_adaptive():
    with pytest.raises(PromptError, match="plain test"):
        started("control", "other", adaptive=True)


def test_what_decides_must_be_known():
    with pytest.raises(PromptError, match="There is no metric “thumbs”"):
        started("control", "other", primary_metric="thumbs")


def test_the_plan_is_locked_in_the_database():
    experiment = started("control", "other")
    for change in ({"primary_metric": "cost"}, {"max_days": 90}, {"planned_subjects": 300}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Experiment.objects.filter(pk=experiment.pk).update(**change)
    with pytest.raises(DatabaseError, match="locked"), transaction.atomic():
        experiment.guardrails.update(most=50)


def test_the_control_is_never_paused():
    experiment = started("control", "other")
    with pytest.raises(PromptError, match="the control"):
        services.pause_arm(arm=experiment.arms.get(slug="control"), because="x", now=timezone.now())
