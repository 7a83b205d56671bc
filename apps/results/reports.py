"""What an experiment's page, and its end, say: made of sums, whose rules are in `judging`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.prompts.measured import BUILT_IN, Measured
from apps.prompts.models import Arm, Experiment, ExperimentStatus
from apps.prompts.statistics import RatioSums
from apps.results.judging import Compared, Verdict, compare, ratio_p
from apps.results.selectors import ArmSums, exposed, hourly_sums, latest_sums, measured_of

NOBODY = RatioSums(subjects=0, y=0, yy=0, x=0, xx=0, xy=0)
UNDECIDED = "Nothing is certain yet."
INCONCLUSIVE = "Inconclusive: no arm is certainly better or worse than the control."

Groups = list[tuple[Mapping[str, int], Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class ArmReport:
    """One arm as the page shows it. `mean` and `compared` are of the primary metric; `cost_1000`
    in US dollars, `saved_1000` how much less than the control's."""

    arm: Arm
    subjects: int
    mean: float | None
    compared: Compared | None
    relative: tuple[float, float, float] | None  # low, estimate, high, of the control's mean
    cost_1000: float | None
    more_1000: float | None
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    measured: Measured
    arms: list[ArmReport]
    ratio_p: float
    subjects: int
    conclusion: str
    known: Mapping[str, Measured]


def report_of(experiment: Experiment) -> Report:
    """From rows by hour and counts of subjects; a number of queries that nothing moves."""
    arms = list(experiment.arms.select_related("version__prompt").order_by("position"))
    sums, joined = latest_sums(experiment), exposed(experiment)
    guards = {guard.metric for guard in experiment.guardrails.all()}
    known = measured_of({experiment.primary_metric, *guards})
    measured = known.get(experiment.primary_metric) or BUILT_IN["errors"]
    totals = _totals(joined)
    rows = [_row(experiment, measured, arms, arm, sums, totals) for arm in arms]
    return Report(
        measured=measured,
        arms=rows,
        ratio_p=ratio_p(sample_groups(experiment, arms, joined)),
        subjects=sum(totals.values()),
        conclusion=experiment.conclusion or _so_far(experiment, measured, rows),
        known=known,
    )


def conclusion_of(experiment: Experiment, arms: Sequence[Arm], sums: ArmSums) -> str:
    paused = [arm.slug for arm in arms[1:] if arm.paused_at is not None]
    if len(paused) == len(arms) - 1:
        return f"Ended by its guardrails: {', '.join(paused)} paused, and no other arm is left."
    measured, totals = _primary(experiment), _totals(exposed(experiment))
    return _said(measured, [_row(experiment, measured, arms, arm, sums, totals) for arm in arms])


def course_of(
    experiment: Experiment, arms: Sequence[Arm]
) -> dict[Arm, list[tuple[datetime, Compared]]]:
    """How each treatment's comparison went, hour by hour; one query for all."""
    measured = _primary(experiment)
    hours = hourly_sums(experiment, {measured.slug})[measured.slug]
    course: dict[Arm, list[tuple[datetime, Compared]]] = {}
    for arm in arms[1:]:
        found = (
            (hour, _compared(experiment, measured, arms, arm, by_arm))
            for hour, by_arm in hours.items()
        )
        course[arm] = [(hour, compared) for hour, compared in found if compared is not None]
    return course


def sample_groups(
    experiment: Experiment, arms: Sequence[Arm], joined: Mapping[int, Mapping[str, int]]
) -> Groups:
    """For `ratio_p`: what joined in each phase, without arms that were paused."""
    kept = [(index, arm) for index, arm in enumerate(arms) if arm.paused_at is None]
    groups: Groups = []
    for phase in experiment.phases.all():
        weights = {
            arm.slug: phase.weights[index] if phase.weights else arm.weight for index, arm in kept
        }
        groups.append((joined.get(phase.pk, {}), weights))
    return groups


def _primary(experiment: Experiment) -> Measured:
    slug = experiment.primary_metric
    return measured_of({slug}).get(slug) or BUILT_IN["errors"]


def _totals(joined: Mapping[int, Mapping[str, int]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for by_arm in joined.values():
        for arm, subjects in by_arm.items():
            totals[arm] = totals.get(arm, 0) + subjects
    return totals


def _row(
    experiment: Experiment,
    measured: Measured,
    arms: Sequence[Arm],
    arm: Arm,
    sums: ArmSums,
    totals: Mapping[str, int],
) -> ArmReport:
    by_arm = sums.get(measured.slug, {})
    mean = _mean(by_arm.get(arm.slug))
    compared = _compared(experiment, measured, arms, arm, by_arm)
    base = _mean(by_arm.get(arms[0].slug))
    cost = _mean(sums.get("cost", {}).get(arm.slug))
    usual = _mean(sums.get("cost", {}).get(arms[0].slug))
    is_control = arm.pk == arms[0].pk
    more = None if is_control or cost is None or usual is None else (cost - usual) * 1000
    return ArmReport(
        arm=arm,
        subjects=totals.get(arm.slug, 0),
        mean=mean,
        compared=compared,
        relative=_relative(compared, base),
        cost_1000=None if cost is None else cost * 1000,
        more_1000=more,
        means={
            slug: found for slug in sums if (found := _mean(sums[slug].get(arm.slug))) is not None
        },
    )


def _compared(
    experiment: Experiment,
    measured: Measured,
    arms: Sequence[Arm],
    arm: Arm,
    by_arm: Mapping[str, RatioSums],
) -> Compared | None:
    if arm.pk == arms[0].pk:
        return None
    return compare(
        measured=measured,
        control=by_arm.get(arms[0].slug, NOBODY),
        treatment=by_arm.get(arm.slug, NOBODY),
        planned=experiment.planned_subjects,
        treatments=len(arms) - 1,
    )


def _mean(sums: RatioSums | None) -> float | None:
    return None if sums is None or not sums.x else sums.mean


def _relative(compared: Compared | None, base: float | None) -> tuple[float, float, float] | None:
    if compared is None or not base or abs(compared.low) == float("inf"):
        return None
    return compared.low / base, compared.difference / base, compared.high / base


def _so_far(experiment: Experiment, measured: Measured, rows: Sequence[ArmReport]) -> str:
    said = _said(measured, rows)
    is_open = experiment.status == ExperimentStatus.RUNNING
    return UNDECIDED if said == INCONCLUSIVE and is_open else said


def _said(measured: Measured, rows: Sequence[ArmReport]) -> str:
    """The best of those that are certainly better; else who is worse; else nothing is known."""
    better = [row for row in rows if row.compared and row.compared.verdict is Verdict.BETTER]
    if better:
        best = max(better, key=lambda row: abs(row.compared.difference) if row.compared else 0)
        return f"“{best.arm.slug}” is better than the control: {measured.label.lower()}."
    worse = [row.arm.slug for row in rows if row.compared and row.compared.verdict is Verdict.WORSE]
    if worse:
        return f"No arm is better than the control; worse: {', '.join(worse)}."
    return INCONCLUSIVE
