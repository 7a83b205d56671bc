"""A release that does worse than the one before goes back by itself, where its channel says so."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.prompts import services
from apps.prompts.models import Channel, Release, ReleaseKind
from apps.results.models import GuardFinding, VersionHour
from apps.results.services.guarding import guard_releases
from tests.prompts.conftest import browser, make_prompt, make_sealed, saying

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=2)


@pytest.fixture
def channel():
    channel = Channel.objects.get(slug="production")
    channel.auto_rollback = True
    channel.save()
    return channel


@pytest.fixture
def versions(channel):
    """The second went live two hours ago, after a week of the first."""
    prompt = make_prompt("reply")
    first, second = (make_sealed(prompt, saying(word)) for word in ("Describe", "Praise"))
    release(first, channel, NOW - timedelta(days=9))
    release(second, channel, BEGAN)
    return first, second


def release(version, channel, at, kind="promote"):
    if kind == "rollback":
        return services.rollback(
            prompt=version.prompt, channel=channel, reason="x", by=None, now=at
        )
    return services.release(
        prompt=version.prompt, channel=channel, version=version, reason="Better.", by=None, now=at
    )


def called(version, calls, *, at=None, **sums):
    at = at or (BEGAN if version.number == 2 else BEGAN - timedelta(days=1))
    values = {"arm": "", "channel": "production"} | sums
    VersionHour.objects.create(
        prompt="reply", prompt_version=version.number, calls=calls,
        hour=at.replace(minute=0, second=0, microsecond=0), **values,
    )  # fmt: skip


def live():
    return Release.objects.get(ended_at=None)


def test_more_failures_bring_the_version_before_back_once(versions):
    first, second = versions
    called(first, 5_000, failed=50)
    called(second, 300, failed=60)

    assert guard_releases(now=NOW) == 1
    guard_releases(now=NOW + timedelta(minutes=1))

    now_live = live()
    assert (now_live.version, now_live.kind, now_live.actor) == (first, "guardrail", None)
    assert now_live.released_at == NOW
    assert now_live.reason == (
        "reply v2 did worse: Calls without an answer: 20.0% of 300 calls, 1.0% of 5,000 before. "
        "Back to v1 by guardrail."
    )
    finding = GuardFinding.objects.get()
    assert (finding.release.version, finding.rolled_back) == (second, True)
    assert Release.objects.count() == 3


def test_so_do_answers_not_by_their_schema_and_a_dearer_call(channel, versions):
    first, second = versions
    called(first, 1_000, cost_pico=1_000 * 10**9)
    called(second, 400, schema_failures=100, cost_pico=400 * 10**9)
    guard_releases(now=NOW)
    assert "Answers not by their schema: 25.0% of 400" in live().reason

    release(second, channel, NOW + timedelta(hours=2))
    later = NOW + timedelta(hours=2)
    called(second, 100, at=later, cost_pico=151 * 10**9)
    called(first, 100, at=NOW, cost_pico=100 * 10**9)
    guard_releases(now=later + timedelta(minutes=9))
    assert "Cost a call: +51% over 100 calls" in live().reason


def test_a_little_worse_or_dearer_is_no_reason(versions):
    first, second = versions
    called(first, 5_000, failed=50, cost_pico=5_000 * 10**9)
    called(second, 3_000, failed=120, cost_pico=4_500 * 10**9)

    guard_releases(now=NOW)

    assert live().version == second
    assert not GuardFinding.objects.exists()


@pytest.mark.parametrize(("before", "after"), [(5_000, 99), (99, 5_000), (0, 500), (500, 0)])
def test_too_few_calls_say_nothing(versions, before, after):
    first, second = versions
    called(first, before)
    called(second, after, failed=after)

    guard_releases(now=NOW)

    assert live().version == second


def test_where_the_version_before_was_bad_itself_nobody_goes_back(versions):
    first, second = versions
    called(first, 1_000, failed=250)
    called(second, 500, failed=400)

    guard_releases(now=NOW)
    called(second, 500, at=BEGAN + timedelta(hours=1), failed=500)
    guard_releases(now=NOW + timedelta(hours=1))

    assert live().version == second
    finding = GuardFinding.objects.get()
    assert not finding.rolled_back
    assert "v1 did badly itself. Nobody went back: look at both." in finding.because


def test_nothing_happens_unless_the_channel_says_so(channel, versions):
    first, second = versions
    called(first, 1_000)
    called(second, 500, failed=400)
    channel.auto_rollback = False
    channel.save()

    assert guard_releases(now=NOW) == 0
    assert live().version == second
    assert not Channel.objects.get(slug="staging").auto_rollback


def test_only_the_first_day_of_a_release_is_watched(versions):
    first, second = versions
    called(first, 1_000)
    called(second, 500, failed=400)

    assert guard_releases(now=BEGAN + timedelta(days=1)) == 0


def test_calls_of_arms_other_channels_and_other_times_do_not_count(versions):
    first, second = versions
    called(first, 1_000)
    called(first, 9_000, at=BEGAN - timedelta(days=8), failed=9_000)
    called(second, 500, failed=500, arm="tone/warm")
    called(second, 500, failed=500, channel="staging")
    called(second, 500, at=BEGAN - timedelta(days=3), failed=500)

    guard_releases(now=NOW)

    assert live().version == second


def test_what_people_rolled_back_to_is_left(channel, versions):
    first, second = versions
    called(first, 1_000)
    called(second, 500, failed=400)
    release(second, channel, NOW, kind="rollback")

    assert guard_releases(now=NOW) == 0


def test_a_second_try_is_not_judged_by_the_calls_of_the_first(channel, versions):
    first, second = versions
    called(first, 1_000)
    called(second, 500, at=NOW, failed=400)
    guard_releases(now=NOW)
    assert live().version == first
    release(second, channel, NOW + timedelta(minutes=10))

    guard_releases(now=NOW + timedelta(minutes=11))

    assert live().version == second


def test_the_first_release_of_a_prompt_has_nothing_to_go_back_to(channel):
    version = make_sealed(make_prompt("reply"))
    release(version, channel, BEGAN)
    called(version, 500, failed=500, at=BEGAN)

    guard_releases(now=NOW)

    assert live().version == version


def test_what_went_live_meanwhile_stays(channel, versions):
    _, second = versions
    bad = live()
    third = make_sealed(second.prompt, saying("Sell"))
    release(third, channel, NOW)

    with pytest.raises(services.releases.PromptError, match="not live any more"):
        services.roll_back_by_guardrail(release=bad, reason="x", now=NOW)

    assert live().version == third


def test_it_is_audited_and_shown_with_its_reason(channel, versions):
    first, second = versions
    called(first, 5_000)
    called(second, 300, failed=60)
    guard_releases(now=NOW)

    events = AuditEntry.objects.filter(pgh_context__reason__startswith="reply v2 did worse")
    assert "prompts.Release" in {event.pgh_obj_model for event in events}
    root = browser(User.objects.create_superuser("root"))
    url = reverse("admin:channel_course", args=[first.prompt_id, "production"])
    html = root.get(url).content.decode()
    assert "reply v2 did worse: Calls without an answer" in html
    assert "Rollback by guardrail" in html
    assert "<td>system</td>" in html
    page = reverse("admin:prompts_prompt_change", args=[first.prompt_id])
    assert "<td>system</td>" in root.get(page).content.decode()
    assert live().kind == ReleaseKind.GUARDRAIL
    assert timezone.is_aware(GuardFinding.objects.get().at)
