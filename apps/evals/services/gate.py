"""Whether a version is good enough to go live: paired evidence against what is live, and cases
that block alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from apps.evals.comparing import Comparison, Tally, compare_tallies
from apps.evals.models import DatasetVersion, EvalRun, Requirement, RunStatus, Suite
from apps.evals.selectors import newest_version, open_reviews, tallies_of
from apps.evals.stored import questions_hash
from apps.prompts.models import Channel, Prompt, PromptVersion
from apps.prompts.services.gates import GateFinding, GateOutcome
from apps.prompts.statistics import Verdict

NAMED = 5  # cases that a sentence names


@dataclass(frozen=True, slots=True)
class Evidence:
    """`outcome` with the sentence that explains it. `run` None: there is none to look at."""

    outcome: GateOutcome
    detail: str
    run: EvalRun | None = None
    baseline: EvalRun | None = None
    comparison: Comparison | None = None
    broken: tuple[str, ...] = ()
    """Keys of must-pass cases that fail."""


def evidence(
    *,
    version: PromptVersion,
    base: PromptVersion | None,
    dataset_version: DatasetVersion,
    suite: Suite,
    margin: float = 0.05,
) -> Evidence:
    """From the newest finished runs of both versions that asked the same. Reads only.

    Without a base only must-pass cases can fail. Fewer than some hundred cases often are too few
    to say that nothing got worse; then the outcome is `unsure`, with the number that would do.
    """
    run = _run(version, dataset_version, suite)
    if run is None:
        detail = f"{version} has not been run on {dataset_version} with {suite}. Start a run."
        return Evidence(GateOutcome.UNSURE, detail)
    new = tallies_of(run)
    if broken := broken_cases(dataset_version, new):
        names = ", ".join(broken[:NAMED]) + (" and more" if len(broken) > NAMED else "")
        detail = f"Cases that must pass fail: {names}. Mend the prompt, or the cases."
        return Evidence(GateOutcome.FAIL, detail, run, broken=broken)
    if why := _undecided(run, dataset_version, new):
        return Evidence(GateOutcome.UNSURE, why, run)
    if base is None or base.pk == version.pk:
        return Evidence(GateOutcome.PASS, "Nothing is live to compare with.", run)
    baseline = _run(base, dataset_version, suite)
    if baseline is None:
        detail = f"{base}, which is live, has not been run on {dataset_version} with {suite}."
        return Evidence(GateOutcome.UNSURE, f"{detail} Start a run of it.", run)
    comparison = compare_tallies(tallies_of(baseline), new, margin=margin)
    return _compared(run, baseline, comparison, margin)


def broken_cases(dataset_version: DatasetVersion, tallies: dict[int, Tally]) -> tuple[str, ...]:
    """Keys of must-pass cases that fail."""
    cases = dataset_version.cases.filter(must_pass=True).order_by("id")
    return tuple(
        case.key for case in cases if case.pk in tallies and tallies[case.pk].passes is False
    )


def requirement_gate(
    *, prompt: Prompt, channel: Channel, version: PromptVersion, base: PromptVersion | None
) -> Sequence[GateFinding]:
    """What the channel's requirements find: registered with `apps.prompts.services.gates`."""
    rows = Requirement.objects.filter(channel=channel, dataset__prompt=prompt)
    return [_finding(row, version, base) for row in rows.select_related("dataset", "suite")]


def _finding(row: Requirement, version: PromptVersion, base: PromptVersion | None) -> GateFinding:
    dataset_version = newest_version(row.dataset)
    name = f"{row.dataset} with {row.suite}"
    if dataset_version is None:
        return GateFinding(name, GateOutcome.UNSURE, f"{row.dataset} has no published version yet.")
    found = evidence(
        version=version,
        base=base,
        dataset_version=dataset_version,
        suite=row.suite,
        margin=row.margin,
    )
    url = reverse("admin:evals_evalrun_change", args=[found.run.pk]) if found.run else ""
    return GateFinding(name, found.outcome, found.detail, url)


def _run(version: PromptVersion, dataset_version: DatasetVersion, suite: Suite) -> EvalRun | None:
    """The newest finished one whose checks are the suite's checks of now."""
    checks = [row.as_check() for row in suite.assertions.all()]
    rows = EvalRun.objects.filter(
        version=version,
        dataset_version=dataset_version,
        questions=questions_hash(checks, suite.threshold),
        status=RunStatus.FINISHED,
    )
    return rows.order_by("-id").first()


def _undecided(run: EvalRun, dataset_version: DatasetVersion, tallies: dict[int, Tally]) -> str:
    """Why not everything is decided; empty when it is."""
    count = sum(tally.passes is None for tally in tallies.values())
    if not count:
        return ""
    waiting = open_reviews(run).count()
    way_out = f"Review {waiting} answers." if waiting else "Resume the run."
    return f"{count} cases of {run} are undecided. {way_out}"


def _compared(run: EvalRun, baseline: EvalRun, comparison: Comparison, margin: float) -> Evidence:
    paired = comparison.paired
    if paired is None:
        return Evidence(GateOutcome.UNSURE, "No case is decided in both runs.", run, baseline)
    better, worse = comparison.count("better"), comparison.count("worse")
    counts = f"{better} cases better, {worse} worse, {comparison.count('same')} the same"
    if paired.verdict is Verdict.FAIL:
        detail = f"Worse than {baseline.version}: {counts} (p = {paired.p_worse:.3f})."
        return Evidence(GateOutcome.FAIL, detail, run, baseline, comparison)
    if paired.verdict is Verdict.PASS:
        detail = f"As good as {baseline.version} or better: {counts}."
        return Evidence(GateOutcome.PASS, detail, run, baseline, comparison)
    detail = (
        f"Not enough evidence that it falls by less than {margin:.1%}: {counts}. "
        f"About {paired.cases_needed} cases would settle it."
    )
    return Evidence(GateOutcome.UNSURE, detail, run, baseline, comparison)
