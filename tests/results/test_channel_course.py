"""A channel over time: its releases over what came of its calls."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from apps.prompts.models import Channel, Release, ReleaseKind
from apps.results.course import course_of_channel
from apps.results.edges import Span
from apps.results.models import Call, VersionHour
from apps.results.plots import Mark, timeline
from tests.prompts.conftest import browser, make_person, make_prompt, make_sealed, saying

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


@pytest.fixture
def production():
    return Channel.objects.get(slug="production")


@pytest.fixture
def versions():
    prompt = make_prompt("reply")
    return [make_sealed(prompt, saying(word)) for word in ("Describe", "Praise")]


def released(version, channel, at, *, until=None, **values):
    values = {"kind": ReleaseKind.PROMOTE, "reason": "Better."} | values
    return Release.objects.create(
        prompt=version.prompt, channel=channel, version=version, released_at=at, ended_at=until,
        **values,
    )  # fmt: skip


def called(version, at, calls, **sums):
    VersionHour.objects.create(
        prompt=version.prompt.slug, prompt_version=version.number, channel="production",
        hour=at.replace(minute=0, second=0, microsecond=0), calls=calls, **sums,
    )  # fmt: skip


def call_began(version, at, *, outcome="answered", latency_ms=None, **values):
    """A single call, and in its hour's sums."""
    Call.objects.create(
        prompt=version.prompt.slug, prompt_version=version.number, channel="production",
        service="shop", request_id=f"{version.number} {at}", at=at, outcome=outcome,
        latency_ms=latency_ms, **values,
    )  # fmt: skip
    whole = at.replace(minute=0, second=0, microsecond=0)
    if not VersionHour.objects.filter(prompt_version=version.number, hour=whole).exists():
        called(version, at, 0)
    VersionHour.objects.filter(prompt_version=version.number, hour=whole).update(
        calls=F("calls") + int(outcome != "open")
    )


def test_points_hold_all_calls_of_their_time(production, versions):
    first, second = versions
    called(first, NOW, 10, failed=1)
    called(second, NOW, 5)
    called(first, NOW - timedelta(days=2), 7)
    called(first, NOW - timedelta(days=8), 99)

    for days, width in ((7, 1), (30, 6)):
        course = course_of_channel(prompt=first.prompt, channel=production, now=NOW, days=days)

        assert len(course.points) == days * 24 / width
        assert course.points[-1].sums.calls == 15
        assert course.points[-1].sums.failed == 1
        total = sum(one.sums.calls for one in course.points)
        assert total == (22 if days == 7 else 121)


def test_a_release_has_the_calls_of_its_version_while_it_was_live(production, versions):
    first, second = versions
    switched = NOW - timedelta(hours=5)
    released(first, production, NOW - timedelta(days=1), until=switched)
    released(second, production, switched)
    called(first, NOW - timedelta(hours=20), 10)
    called(first, NOW - timedelta(hours=2), 3)  # pinned jobs, after it had ended
    called(second, NOW - timedelta(hours=20), 4)  # asked for by its number
    call_began(second, switched - timedelta(minutes=1))  # asked for by its number
    for minutes in range(6):
        call_began(second, switched + timedelta(minutes=minutes))
    call_began(first, switched - timedelta(seconds=1))

    stretches = course_of_channel(
        prompt=first.prompt, channel=production, now=NOW, days=7
    ).stretches

    assert [(one.release.version, one.before, one.sums.calls) for one in stretches] == [
        (second, first, 6),
        (first, None, 11),
    ]


def test_releases_of_one_hour_share_no_call(production, versions):
    first, second = versions
    begin = NOW.replace(minute=5)
    ends = [begin + timedelta(minutes=2), begin + timedelta(minutes=7)]
    released(first, production, begin, until=ends[0])
    released(second, production, ends[0], until=ends[1])
    released(first, production, ends[1], kind=ReleaseKind.ROLLBACK)
    call_began(first, begin, latency_ms=100, cost_pico=5)
    call_began(first, begin + timedelta(minutes=1), latency_ms=100, outcome="failed")
    call_began(first, ends[0])  # another process had not heard of the release
    call_began(second, ends[0], outcome="open")
    call_began(first, ends[1], cost_pico=7)

    found = course_of_channel(prompt=first.prompt, channel=production, now=NOW, days=7).stretches

    sums = [one.sums for one in found]
    assert [(one.version, one.calls, one.failed, one.cost_pico) for one in sums] == [
        (1, 1, 0, 7),
        (2, 0, 0, 0),
        (1, 2, 1, 5),
    ]
    assert [sum(one.latencies.values()) for one in sums] == [0, 0, 2]


@pytest.mark.parametrize(
    ("begin", "end", "parts"),
    [
        ("10:00", "12:00", []),
        ("10:10", "12:00", [("10:10", "11:00")]),
        ("10:00", "12:20", [("12:00", "12:20")]),
        ("10:10", "12:20", [("10:10", "11:00"), ("12:00", "12:20")]),
        ("10:10", "10:20", [("10:10", "10:20")]),
        ("10:10", "10:10", []),
        ("12:00", "10:10", []),
    ],
)
def test_edges_are_the_parts_of_hours(begin, end, parts):
    def at(text):
        return NOW.replace(hour=int(text[:2]), minute=int(text[3:]))

    edges = Span(1, at(begin), at(end)).edges()

    assert edges == [(at(first), at(last)) for first, last in parts]


def test_the_page_shows_who_why_and_the_way_back(production, versions):
    first, second = versions
    now = timezone.now()
    approver = make_person("approver", "approver")
    released(first, production, now - timedelta(days=3), until=now - timedelta(hours=3))
    released(second, production, now - timedelta(hours=3), actor=approver, reason="A <b> trial.")
    called(first, now - timedelta(days=2), 200, failed=4, latencies={"38": 100})
    called(second, now - timedelta(hours=2), 100, failed=20, cost_pico=10**12)
    url = reverse("admin:channel_course", args=[first.prompt_id, "production"])

    html = browser(approver).get(url).content.decode()

    for text in ("20.0%", "2.0%", "$0.01", "A &lt;b&gt; trial.", "approver", "Undo: back to v1"):
        assert text in html
    assert html.count('class="r-mark ') == 6  # two releases in three charts
    assert " style=" not in html
    engineer = browser(make_person("engineer", "prompt-engineer"))
    assert engineer.get(url, {"days": "90"}).context["days"] == 90
    assert engineer.get(url, {"days": "x"}).context["days"] == 7
    stranger = browser(User.objects.create_user("stranger", is_staff=True))
    assert stranger.get(url).status_code == 403
    assert engineer.get(url.replace("production", "nowhere")).status_code == 404


def test_the_way_back_opens_with_its_channel(production, versions):
    first, second = versions
    released(first, production, NOW - timedelta(days=1), until=NOW)
    released(second, production, NOW)
    url = reverse("admin:prompts_prompt_action", args=[first.prompt_id, "roll_back"])

    html = browser(make_person("approver", "approver")).get(url, {"channel": "production"})

    assert '<option value="production" selected>' in html.content.decode()


def test_without_releases_the_page_says_so(versions):
    url = reverse("admin:channel_course", args=[versions[0].prompt_id, "staging"])

    html = browser(make_person("approver", "approver")).get(url).content.decode()

    assert "Nothing was released here yet." in html


def test_its_queries_do_not_grow(production, versions, django_assert_num_queries):
    first, second = versions
    at = NOW - timedelta(days=6)
    for number in range(12):
        end = at + timedelta(hours=1)
        released(versions[number % 2], production, at, until=end)
        called(versions[number % 2], at, 5)
        at = end

    with django_assert_num_queries(3):
        course_of_channel(prompt=first.prompt, channel=production, now=NOW, days=7)


def test_a_line_is_broken_where_nothing_was_measured():
    drawn = timeline(
        [1.0, 2.0, None, 3.0], ["a", "b", "c", "d"], [Mark(0.5, "v2", "now", "bad")],
        title="Errors", formatted=lambda value: f"{value:.0f}",
    )  # fmt: skip

    svg = ElementTree.fromstring(drawn)
    kinds = [node.get("class") for node in svg.iter() if node.get("class")]
    assert kinds.count("l-chart__line") == 1
    assert kinds.count("r-dot") == 1
    assert "r-mark r-mark--bad" in kinds
    assert svg.get("aria-label") == "Errors: highest 3"
    nothing = timeline([None], ["a"], [], title="Errors", formatted=str)
    assert "nothing was measured" in nothing
