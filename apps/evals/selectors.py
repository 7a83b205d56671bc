"""Reads of datasets and runs that more than one edge needs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Avg, Count, FloatField, Q, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from apps.evals.comparing import Tally
from apps.evals.models import (
    Dataset,
    DatasetVersion,
    EvalResult,
    EvalRun,
    Judgement,
    ResultState,
    Review,
    ReviewState,
)
from apps.evals.stored import checks_of
from apps.evals.types import Check, CheckKind
from apps.prompts.models import Prompt, PromptVersion, VersionStatus
from apps.prompts.services import validate_version
from apps.prompts.snapshot import variable_of
from apps.prompts.statistics import cohen_kappa
from apps.prompts.types import Variable


def declared_variables(prompt: Prompt) -> Mapping[str, Variable]:
    """Those of the newest sealed version; while there is none, of the newest sound draft."""
    rows = PromptVersion.objects.filter(prompt=prompt).order_by("-number")
    version = rows.filter(status=VersionStatus.SEALED).first() or rows.first()
    if version is None or (not version.content_hash and validate_version(version).faults):
        return {}
    return variables_of(version)


def variables_of(version: PromptVersion) -> Mapping[str, Variable]:
    return {name: variable_of(name, given) for name, given in version.variables.items()}


def newest_version(dataset: Dataset) -> DatasetVersion | None:
    """The newest published version."""
    rows = DatasetVersion.objects.filter(dataset=dataset, published_at__isnull=False)
    return rows.order_by("-number").first()


def tallies_of(run: EvalRun) -> dict[int, Tally]:
    """By case, in the order of cases. A repeat without an answer, or one that a judge or a person
    has yet to decide, is no evidence for either side, so it is not counted as decided."""
    rows = run.results.order_by("case_id").values("case_id")
    counted = rows.annotate(
        ok=Count("pk", filter=Q(passed=True)),
        decided=Count("pk", filter=Q(state=ResultState.GRADED)),
    )
    return {
        row["case_id"]: Tally(row["ok"], row["decided"], run.repeats)
        for row in counted.order_by("case_id")
    }


def open_reviews(run: EvalRun) -> "QuerySet[Review]":
    return Review.objects.filter(result__run=run, state=ReviewState.OPEN)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, and what it cost until now (pico-USD)."""

    total: int
    answered: int
    failed: int
    graded: int
    passed: int
    judgements: int
    judged: int
    reviews: int
    spent_pico: int

    @property
    def percent(self) -> int:
        steps = self.total + self.judgements
        done = self.answered + self.failed + self.judged
        return 100 * done // steps if steps else 100


def progress_of(run: EvalRun) -> Progress:
    counts = run.results.aggregate(
        total=Count("pk"),
        waiting=Count("pk", filter=Q(state=ResultState.WAITING)),
        failed=Count("pk", filter=Q(state=ResultState.FAILED)),
        graded=Count("pk", filter=Q(state=ResultState.GRADED)),
        passed=Count("pk", filter=Q(passed=True)),
        spent=Coalesce(Sum("cost_pico"), 0),
    )
    judged = Judgement.objects.filter(result__run=run).aggregate(
        total=Count("pk"),
        done=Count("pk", filter=Q(done=True)),
        spent=Coalesce(Sum("cost_pico"), 0),
    )
    return Progress(
        total=counts["total"],
        answered=counts["total"] - counts["waiting"] - counts["failed"],
        failed=counts["failed"],
        graded=counts["graded"],
        passed=counts["passed"],
        judgements=judged["total"],
        judged=judged["done"],
        reviews=open_reviews(run).count(),
        spent_pico=counts["spent"] + judged["spent"],
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge beside people, on the answers that both decided. `counts`: (judge, people) → answers.
    `kappa` None: nothing can be said, as there are none or all got one label."""

    check: Check
    check_index: int
    counts: Mapping[tuple[str, str], int]
    kappa: float | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def matrix(self) -> list[tuple[str, int, int]]:
        """The judge's label, then how many people called good and bad."""
        labels = ("good", "bad")
        return [(j, *(self.counts.get((j, people), 0) for people in labels)) for j in labels]  # type: ignore[misc]

    @property
    def agreed(self) -> int:
        return self.counts.get(("good", "good"), 0) + self.counts.get(("bad", "bad"), 0)


def agreement_of(run: EvalRun) -> list[Agreement]:
    """Of each of its checks by rubric. Good means from the check's threshold, or from one half."""
    checks = checks_of(run.checks)
    judged = {i: c for i, c in enumerate(checks) if c.kind == CheckKind.JUDGE_RUBRIC}
    said = {
        (row.result_id, row.check_index): row.score
        for row in Judgement.objects.filter(result__run=run, score__isnull=False)
    }
    counts: dict[int, Counter[tuple[str, str]]] = {index: Counter() for index in judged}
    reviews = Review.objects.filter(result__run=run, state=ReviewState.DONE)
    for review in reviews.filter(check_index__in=list(judged)):
        judge = said.get((review.result_id, review.check_index))
        if judge is not None and review.score is not None:
            limit = _limit(judged[review.check_index])
            counts[review.check_index][_label(judge, limit), _label(review.score, limit)] += 1
    return [
        Agreement(check, index, counts[index], cohen_kappa(counts[index]))
        for index, check in judged.items()
    ]


def _limit(check: Check) -> float:
    return 0.5 if check.threshold is None else check.threshold


def _label(score: float, limit: float) -> str:
    return "good" if score >= limit else "bad"


def rates_of(runs: Iterable[EvalRun]) -> dict[int, tuple[int, int]]:
    """Run → answers that passed, and that are decided."""
    rows = EvalResult.objects.filter(run__in=[run.pk for run in runs]).order_by("run_id")
    counted = rows.values("run_id").annotate(
        ok=Count("pk", filter=Q(passed=True)), of=Count("pk", filter=Q(passed__isnull=False))
    )
    return {row["run_id"]: (row["ok"], row["of"]) for row in counted}


def check_rates(run: EvalRun) -> list[tuple[Check, float | None]]:
    """Each check with its mean score over the answers that it was decided for."""
    checks = checks_of(run.checks)
    means = {
        f"check{index}": Avg(Cast(KT(f"outcomes__{index}__score"), FloatField()))
        for index in range(len(checks))
    }
    found = run.results.order_by().aggregate(**means)
    return [(check, found[f"check{index}"]) for index, check in enumerate(checks)]
