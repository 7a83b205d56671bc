"""What guardrails did by themselves stands on the home page until somebody has seen it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.prompts import services
from apps.prompts.models import Arm, Channel, Experiment, Release
from apps.results.alerts import open_alerts
from apps.results.models import Acknowledgement, GuardFinding
from tests.prompts.conftest import (
    browser,
    content,
    everything,  # noqa: F401
    go_live,
    make_person,
    make_prompt,
    make_sealed,
    prompt,  # noqa: F401
    saying,
    staging,  # noqa: F401
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def paused(everything):  # noqa: F811
    arm = Experiment.objects.get().arms.get(position=2)
    return services.pause_arm(
        arm=arm, because="Guardrail: cost a call worse by over 5 %.", now=timezone.now() - DAY
    )


@pytest.fixture
def went_back(db):
    reply = make_prompt("reply")
    go_live(make_sealed(reply, saying("Old")))
    young = go_live(make_sealed(reply, saying("New")))
    because = "reply v2 did worse: 20 % of calls without an answer. Back to v1 by guardrail."
    now = timezone.now()
    services.roll_back_by_guardrail(release=young, reason=because, now=now)
    return GuardFinding.objects.create(release=young, at=now, because=because, rolled_back=True)


def home(user):
    return browser(user).get("/admin/")


def seen(user, kind, pk):
    return browser(user).post(reverse("admin:alert_seen", args=[kind, pk]))


def test_both_are_told_newest_first_with_their_pages(paused, went_back):
    engineer = make_person("desk", "prompt-engineer")

    shown = home(engineer).context["alerts"]

    assert [(one.alert.kind, one.alert.what, one.alert.channel) for one in shown] == [
        ("finding", "reply", "production"),
        ("arm", "tone/arm-2", "staging"),
    ]
    html = home(engineer).content.decode()
    assert "Guardrail: cost a call worse by over 5 %." in html
    assert "Back to v1 by guardrail." in html
    for one in shown:
        assert browser(engineer).get(one.url).status_code == 200


def test_whoever_has_seen_it_ends_it_for_all(paused, went_back):
    operator, engineer = make_person("op", "operator"), make_person("desk", "prompt-engineer")

    answer = seen(operator, "arm", paused.pk)

    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert [one.alert.kind for one in home(engineer).context["alerts"]] == ["finding"]
    seen(engineer, "arm", paused.pk)
    seen(engineer, "finding", went_back.pk)
    assert "Guardrails acted" not in home(engineer).content.decode()
    assert Acknowledgement.objects.get(arm=paused).by == operator
    kept = AuditEntry.objects.filter(pgh_obj_model="results.Acknowledgement")
    assert {row.pgh_context["user"] for row in kept} == {operator.pk, engineer.pk}


def test_after_seven_days_nobody_is_told(paused, went_back):
    now = timezone.now()

    assert len(open_alerts(now=now)) == 2
    assert [one.kind for one in open_alerts(now=now + 6 * DAY + DAY / 2)] == ["finding"]
    assert open_alerts(now=now + 7 * DAY + DAY / 2) == []


def test_an_arm_of_its_own_does_not_count(everything):  # noqa: F811
    engineer = make_person("desk", "prompt-engineer")
    running = Arm.objects.first()

    assert seen(engineer, "arm", running.pk).status_code == 404
    assert seen(engineer, "finding", 1).status_code == 404
    assert seen(engineer, "nonsense", 1).status_code == 404
    assert not Acknowledgement.objects.exists()


@pytest.mark.parametrize(
    ("role", "told", "may"),
    [
        ("prompt-engineer", True, True),
        ("approver", True, True),
        ("operator", True, True),
        ("administrator", True, True),
        ("auditor", True, False),
        ("service-developer", True, False),
        ("finance", False, False),
    ],
)
def test_who_is_told_and_who_may_end_it(went_back, role, told, may):
    person = make_person("person", role)

    html = home(person).content.decode()

    assert ("Back to v1 by guardrail." in html) == told
    assert ("I have seen it" in html) == may
    assert seen(person, "finding", went_back.pk).status_code == (302 if may else 403)
    assert Acknowledgement.objects.exists() == may


def test_a_look_at_the_address_ends_nothing(went_back):
    engineer = browser(make_person("desk", "prompt-engineer"))

    url = reverse("admin:alert_seen", args=["finding", went_back.pk])
    assert engineer.get(url).status_code == 405
    assert not Acknowledgement.objects.exists()


def test_it_is_about_one_thing(paused, went_back):
    who = make_person("desk", "prompt-engineer")
    for about in ({}, {"arm": paused, "finding": went_back}):
        with pytest.raises(IntegrityError, match="acknowledges_one"), transaction.atomic():
            Acknowledgement.objects.create(by=who, at=timezone.now(), **about)


def test_it_is_one_question_to_the_database(paused, went_back, django_assert_num_queries):
    with django_assert_num_queries(1):
        open_alerts(now=timezone.now())


def test_a_channel_leads_to_its_prompts_over_time(everything, went_back):  # noqa: F811
    engineer = browser(make_person("desk", "prompt-engineer"))
    channel = Release.objects.filter(ended_at=None).get(prompt__slug="reply").channel

    html = engineer.get(reverse("admin:prompts_channel_change", args=[channel.pk])).content.decode()

    url = reverse("admin:channel_course", args=[went_back.release.prompt_id, channel.slug])
    assert f'<a href="{url}">reply v1</a>' in html
    assert "product-text" not in html
    assert f"?channel__id__exact={channel.pk}" in html


def test_a_channel_where_nothing_is_live(prompt):  # noqa: F811
    make_sealed(prompt, content())
    administrator = browser(make_person("admin", "administrator"))
    channel = Channel.objects.get(slug="production")

    html = administrator.get(
        reverse("admin:prompts_channel_change", args=[channel.pk])
    ).content.decode()

    assert "Nothing is live here yet." in html
