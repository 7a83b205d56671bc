"""What stands against starting or growing an experiment: every fault at once."""

from apps.core.faults import Fault
from apps.prompts.assignment import BUCKETS, percent
from apps.prompts.measured import BUILT_IN
from apps.prompts.models import (
    Arm,
    Experiment,
    ExperimentStatus,
    Metric,
    Release,
    VersionStatus,
)
from apps.prompts.services.gates import arm_findings
from apps.prompts.services.requests import approved_for_experiments


def arm_faults(row: Experiment) -> list[Fault]:
    arms = list(row.arms.select_related("version__prompt"))
    faults = [fault for arm in arms for fault in _version_faults(row, arm)]
    if len(arms) < 2:
        faults.append(Fault("/arms", "An experiment needs at least two arms.", "too_few"))
    total = sum(arm.weight for arm in arms)
    if total != BUCKETS:
        detail = f"The weights sum to {total:,}, not to {BUCKETS:,} (100 %)."
        faults.append(Fault("/arms", detail, "bad_sum"))
    return faults


def plan_faults(row: Experiment) -> list[Fault]:
    guardrails = list(row.guardrails.values_list("metric", flat=True))
    named = [("/primary_metric", row.primary_metric)]
    named += [(f"/guardrails/{metric}", metric) for metric in guardrails]
    known = {*BUILT_IN, *Metric.objects.values_list("slug", flat=True)}
    faults = [
        Fault(at, f"There is no metric “{slug}”. Known: {', '.join(sorted(known))}.", "not_found")
        for at, slug in named
        if slug not in known
    ]
    if row.adaptive and row.arms.count() < 3:
        detail = "With two arms a plain test finds the better one sooner; leave `adaptive` out."
        faults.append(Fault("/adaptive", detail, "too_few_arms"))
    return faults


def _version_faults(row: Experiment, arm: Arm) -> list[Fault]:
    at = f"/arms/{arm.slug}/version"
    if arm.version.prompt_id != row.prompt_id:
        return [Fault(at, f"{arm.version} belongs to another prompt.", "other_prompt")]
    if arm.version.status != VersionStatus.SEALED:
        return [Fault(at, f"{arm.version} is {arm.version.status}, not sealed.", "not_sealed")]
    if row.channel.approvals and not approved_for_experiments(
        channel=row.channel, version=arm.version
    ):
        detail = f"{arm.version} was never live on {row.channel}; request its use in experiments."
        return [Fault(at, detail, "needs_approval")]
    found = arm_findings(prompt=row.prompt, channel=row.channel, version=arm.version)
    return [Fault(at, f"{one.check}: {one.detail}", f"gate_{one.outcome}") for one in found]


def tester_faults(row: Experiment) -> list[Fault]:
    slugs = set(row.arms.values_list("slug", flat=True))
    return [
        Fault(f"/testers/{subject}", f"There is no arm “{arm}”.", "no_such_arm")
        for subject, arm in row.testers.items()
        if arm not in slugs
    ]


def growth_faults(row: Experiment, share: int) -> list[Fault]:
    if share <= row.share:
        detail = f"It has {percent(row.share)} already; a share can only grow. Stop it instead."
        return [Fault("/share", detail, "not_more")]
    most = _room_after(row) - row.share_from
    if share > most:
        detail = f"At most {percent(most)}: what follows belongs to another experiment."
        return [Fault("/share", detail if most < BUCKETS else "At most 100 %.", "too_much")]
    return []


def _running_beside(row: Experiment) -> list[Experiment]:
    """On the same prompt and channel, in order of their subjects."""
    running = Experiment.objects.filter(
        prompt=row.prompt, channel=row.channel, status=ExperimentStatus.RUNNING
    )
    return list(running.exclude(pk=row.pk).order_by("share_from"))


def _room_after(row: Experiment) -> int:
    later = (other.share_from for other in _running_beside(row))
    return min((place for place in later if place > row.share_from), default=BUCKETS)


def free_place(row: Experiment) -> int | None:
    """The first bucket after which `row.share` of them belong to nobody."""
    place = 0
    for other in _running_beside(row):
        if other.share_from - place >= row.share:
            return place
        place = other.share_from + other.share
    return place if BUCKETS - place >= row.share else None


def channel_faults(row: Experiment, place: int | None) -> list[Fault]:
    faults = []
    if place is None:
        names = ", ".join(f"{one} ({percent(one.share)})" for one in _running_beside(row))
        detail = f"{percent(row.share)} of the subjects are not free on {row.channel}: {names}."
        faults.append(Fault("/share", f"{detail} Take less, or stop one.", "no_room"))
    live = Release.objects.filter(prompt=row.prompt, channel=row.channel, ended_at=None)
    if not live.exists():
        detail = f"Release a version to {row.channel} first: it answers when the experiment stops."
        faults.append(Fault("/channel", detail, "no_release"))
    return faults
