"""An experiment is planned, started, grown and stopped in the admin."""

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.prompts.models import Experiment
from apps.prompts.services import pause_arm
from tests.prompts.conftest import action, go_live, make_sealed, page, saying

pytestmark = pytest.mark.django_db
PLAN = {
    "primary_metric": "cost",
    "minimum_effect": 5,
    "planned_subjects": 4000,
    "max_days": 14,
}


def test_it_is_planned_started_and_stopped(root, prompt, staging):
    first, second = make_sealed(prompt, saying("One")), make_sealed(prompt, saying("Two"))
    go_live(first, channel="staging")
    root.post(
        reverse("admin:prompts_experiment_add"),
        {"slug": "tone", "name": "Tone", "prompt": prompt.pk, "channel": staging.pk}
        | {"share": 10, "testers": '{"ann": "arm-1"}', **PLAN},
    )
    planned = Experiment.objects.get()
    form = root.get(page("experiment", planned.pk)).context["inline_admin_formsets"][0].formset
    assert [extra["position"].value() for extra in form.extra_forms] == [1, 2]
    arms = {"arms-TOTAL_FORMS": 2, "arms-INITIAL_FORMS": 0}
    for index, version in enumerate((first, second)):
        arms |= {
            f"arms-{index}-position": index + 1,
            f"arms-{index}-slug": f"arm-{index}",
            f"arms-{index}-version": version.pk,
            f"arms-{index}-weight": 50,
        }
    fields = {"name": "Tone", "channel": staging.pk, "share": 10, "testers": "", **PLAN}
    guards = {"guardrails-TOTAL_FORMS": 1, "guardrails-INITIAL_FORMS": 0}
    guards |= {"guardrails-0-metric": "errors", "guardrails-0-most": 2}
    root.post(page("experiment", planned.pk), {**fields, **arms, **guards})
    assert str(planned.guardrails.get()) == "errors ≤ 2 %"
    assert (planned.share, [arm.weight for arm in planned.arms.all()]) == (1000, [5000, 5000])

    root.post(action("experiment", planned.pk, "start"))
    planned.refresh_from_db()
    assert planned.status == "running"
    assert root.post(page("experiment", planned.pk), {"name": "x"}).status_code == 403

    root.post(action("experiment", planned.pk, "grow"), {"share": "50", "reason": "All fine"})
    planned.refresh_from_db()
    assert planned.share == 5000
    assert "All fine" in root.get(page("experiment", planned.pk)).content.decode()

    root.post(action("experiment", planned.pk, "stop"))
    planned.refresh_from_db()
    assert planned.status == "stopped"


def test_the_page_says_how_it_stands_and_why_an_arm_is_paused(root, everything):
    running = Experiment.objects.get()
    arm = running.arms.last()
    pause_arm(arm=arm, because="Guardrail: errors.", now=timezone.now())

    html = root.get(page("experiment", running.pk)).content.decode()

    assert "How it stands" in html
    assert "Guardrail: errors." in html


@pytest.mark.parametrize(
    ("testers", "says"), [("[1]", "both as text"), ('{"a": 5}', "both as text")]
)
def test_testers_are_names_of_arms(root, prompt, staging, testers, says):
    fields = {"slug": "tone", "name": "Tone", "prompt": prompt.pk, "channel": staging.pk}
    answer = root.post(
        reverse("admin:prompts_experiment_add"), {**fields, "share": 1, "testers": testers}
    )

    assert says in answer.content.decode()


def test_nothing_starts_from_opening_the_page(root, everything):
    running = Experiment.objects.get()

    assert root.get(action("experiment", running.pk, "stop")).status_code == 200
    running.refresh_from_db()
    assert running.status == "running"
