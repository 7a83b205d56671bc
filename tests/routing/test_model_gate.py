"""What names neither route nor model goes live nowhere: every call would be refused unseen."""

import pytest

from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel, Experiment, Release
from apps.routing.models import Route
from tests.factories import make_model
from tests.prompts.conftest import (  # noqa: F401
    NOW,
    approver,
    content,
    go_live,
    make_sealed,
    production,
    prompt,
    saying,
)

pytestmark = pytest.mark.django_db


def released(version, by):
    channel = Channel.objects.get(slug="production")
    return services.release(
        prompt=version.prompt, channel=channel, version=version, reason="Why.", by=by, now=NOW
    )


def test_a_name_that_nobody_answers_is_refused_with_the_names_that_there_are(prompt, approver):  # noqa: F811
    make_model("large")

    with pytest.raises(PromptError, match=r"“small”, so every call.*add it: large"):
        released(make_sealed(prompt), approver)

    assert not Release.objects.exists()


def test_a_model_is_enough(prompt, approver):  # noqa: F811
    make_model("small")

    assert released(make_sealed(prompt), approver)


def test_a_route_is_enough_while_it_is_switched_on(prompt, approver):  # noqa: F811
    make_model("large")
    route = Route.objects.create(slug="small", name="Small")
    assert released(make_sealed(prompt), approver)

    route.active = False
    route.save()
    with pytest.raises(PromptError, match="No route or model"):
        released(make_sealed(prompt, saying("Praise")), approver)


def test_prompts_may_come_before_all_models(prompt, approver):  # noqa: F811
    assert released(make_sealed(prompt), approver)


def test_an_arm_that_nobody_would_answer_does_not_start(prompt, production):  # noqa: F811
    make_model("small")
    live, wrong = make_sealed(prompt), make_sealed(prompt, content(model="smal"))
    go_live(live)

    experiment = Experiment.objects.create(
        slug="tone", name="Tone", prompt=prompt, channel=production
    )
    for position, version in enumerate((live, wrong), 1):
        slug = f"arm-{position}"
        experiment.arms.create(slug=slug, version=version, weight=5000, position=position)

    with pytest.raises(PromptError, match="“smal”"):
        services.start_experiment(experiment=experiment, by=None, now=NOW)


def test_what_is_live_can_go_back_to_any_version(prompt, production):  # noqa: F811
    first = make_sealed(prompt)
    go_live(first)
    make_model("large")
    go_live(make_sealed(prompt, content(model="large")))

    back = services.rollback(prompt=prompt, channel=production, reason="Bad", by=None, now=NOW)

    assert back.version == first
