"""Whether a release does worse than what it took the place of, by sums of hours."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from apps.prompts.measured import BUILT_IN
from apps.prompts.models import Channel, Prompt, PromptVersion, Release
from apps.prompts.statistics import RatioSums
from apps.results.course import add_hour
from apps.results.edges import HOUR
from apps.results.judging import is_broken
from apps.results.models import GuardFinding, VersionHour
from apps.results.versions import VersionMetrics

WATCHED = timedelta(days=1)  # what changes later has other causes than the release
COMPARED = timedelta(days=7)  # before the release
ENOUGH = 100  # calls of either side
POINTS = 5.0  # of calls without an answer, and of answers not by their schema
HALF_AS_MUCH_AGAIN = (3, 2)
BAD_ITSELF = 0.2  # a share with which nobody would want to go back

SHARES = {"errors": "failed", "schema_failures": "schema_failures"}


def sums_since(release: Release) -> VersionMetrics:
    """Of the calls that it answers. Its first hour counts, unless the same version was live in
    that hour before: nobody could tell those calls apart."""
    begin = _hour(release.released_at)
    before = Release.objects.filter(
        prompt=release.prompt, channel=release.channel, version=release.version, ended_at__gt=begin
    )
    if before.exclude(pk=release.pk).exists():
        begin += HOUR
    return _sums(release, release.version, begin, begin + WATCHED + HOUR)


def sums_before(release: Release, version: PromptVersion) -> VersionMetrics:
    """Of a version in the days before the release."""
    end = _hour(release.released_at)
    return _sums(release, version, end - COMPARED, end)


def what_is_worse(old: VersionMetrics, new: VersionMetrics) -> tuple[str, bool] | None:
    """The first guardrail that is certainly broken, as a sentence, and whether the old version was
    bad by the same measure itself. None: none, or too few calls to say."""
    if min(old.calls, new.calls) < ENOUGH:
        return None
    for slug, counted in SHARES.items():
        failed, usual = getattr(new, counted), getattr(old, counted)
        if is_broken(
            measured=BUILT_IN[slug],
            most=POINTS,
            control=_ratio(usual, old.calls),
            treatment=_ratio(failed, new.calls),
            guards=len(SHARES),
        ):
            label = BUILT_IN[slug].label
            said = f"{label}: {new.share(failed):.1%} of {new.calls:,} calls"
            usually = f"{old.share(usual):.1%} of {old.calls:,} before"
            return f"{said}, {usually}", old.share(usual) >= BAD_ITSELF
    return (_cost(old, new), False) if _is_dearer(old, new) else None


def guard_findings(prompt: Prompt, channel: Channel) -> Iterable[GuardFinding]:
    """The newest, of releases of this channel."""
    rows = GuardFinding.objects.filter(release__prompt=prompt, release__channel=channel)
    return rows.select_related("release")[:3]


def _is_dearer(old: VersionMetrics, new: VersionMetrics) -> bool:
    """Whole numbers: cost of a call above one and a half of that before."""
    more, of = HALF_AS_MUCH_AGAIN
    return new.cost_pico * old.calls * of > old.cost_pico * new.calls * more > 0


def _cost(old: VersionMetrics, new: VersionMetrics) -> str:
    dearer = new.cost_pico_a_call / max(1, old.cost_pico_a_call) - 1
    return f"Cost a call: {dearer:+.0%} over {new.calls:,} calls"


def _ratio(count: int, calls: int) -> RatioSums:
    """Each call a subject of its own: hours do not say who called."""
    return RatioSums(subjects=calls, y=count, yy=count, x=calls, xx=calls, xy=count)


def _sums(
    release: Release, version: PromptVersion, begin: datetime, end: datetime
) -> VersionMetrics:
    """Without arms of experiments, which have guardrails of their own."""
    found = VersionMetrics(version.number, release.channel.slug, "")
    for row in VersionHour.objects.filter(
        prompt=release.prompt.slug, prompt_version=version.number, channel=release.channel.slug,
        arm="", hour__gte=begin, hour__lt=end,
    ):  # fmt: skip
        add_hour(found, row)
    return found


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
