"""The pages of an experiment: its results, and how many subjects one needs."""

import math
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from apps.core.admin import pill
from apps.core.rights import needs
from apps.prompts.measured import Measured
from apps.prompts.models import Experiment, ExperimentStatus
from apps.prompts.statistics import Plan, plan_experiment
from apps.results.judging import SRM_P, Compared, Verdict, deviation_of_share
from apps.results.plots import Interval, course, intervals
from apps.results.reports import ArmReport, Report, course_of, report_of

may_see = needs("prompts.view_experiment")
_KINDS = {Verdict.BETTER: "ok", Verdict.WORSE: "bad"}
_WORDS = {
    Verdict.EARLY: "too early",
    Verdict.UNCLEAR: "not yet",
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
}


@require_safe
@may_see
def results(request: HttpRequest, pk: int) -> HttpResponse:
    experiment = get_object_or_404(Experiment.objects.select_related("prompt", "channel"), pk=pk)
    report = report_of(experiment)
    context = admin.site.each_context(request) | {
        "title": f"Results of {experiment}",
        "experiment": experiment,
        "report": report,
        "rows": [_row(report.measured, row) for row in report.arms],
        "plot": _plot(report),
        "courses": _courses(experiment, report),
        "guardrails": _guardrails(experiment, report),
        "ratio_is_wrong": report.ratio_p < SRM_P,
        "is_running": experiment.status == ExperimentStatus.RUNNING,
        "may_act": request.user.has_perm("prompts.add_release"),
    }
    return TemplateResponse(request, "results/experiment.html", context)


def _row(measured: Measured, row: ArmReport) -> dict[str, Any]:
    compared = row.compared
    return {
        "arm": row.arm,
        "subjects": row.subjects,
        "mean": value_of(measured, row.mean),
        "difference": difference_of(measured, compared.difference) if compared else "–",
        "interval": _interval(measured, compared),
        "relative": f"{row.relative[1]:+.1%}" if row.relative else "–",
        "p": _p(compared),
        "cost": "–" if row.cost_1000 is None else f"${row.cost_1000:,.2f}",
        "more": "–" if row.more_1000 is None else f"{row.more_1000:+,.2f} $",
        "seconds": _seconds(row),
        "verdict": _verdict(row),
        "promotable": compared is not None,
    }


def _seconds(row: ArmReport) -> str:
    return f"{row.means['seconds']:.2f} s" if "seconds" in row.means else "–"


def _verdict(row: ArmReport) -> Any:
    if row.arm.paused_at is not None:
        return pill("paused", "bad")
    if row.compared is None:
        return pill("control" if row.arm.position == 1 else "no calls", "quiet")
    verdict = row.compared.verdict
    kind: Any = _KINDS.get(verdict, "quiet")
    return pill(_WORDS[verdict], kind)


def value_of(measured: Measured, value: float | None) -> str:
    if value is None:
        return "–"
    if measured.unit == "share":
        return f"{value:.2%}"
    if measured.unit == "usd":
        return f"${value:.6f}"
    return f"{value:.3f} s" if measured.unit == "seconds" else f"{value:.3f}"


def difference_of(measured: Measured, value: float) -> str:
    """With its sign; of shares in points."""
    if measured.unit == "share":
        return f"{value * 100:+.2f} pts"
    if measured.unit == "usd":
        return f"{value:+.6f} $"
    return f"{value:+.3f} s" if measured.unit == "seconds" else f"{value:+.3f}"


def _interval(measured: Measured, compared: Compared | None) -> str:
    if compared is None or not math.isfinite(compared.low):
        return "–"
    return f"{difference_of(measured, compared.low)} to {difference_of(measured, compared.high)}"


def _p(compared: Compared | None) -> str:
    if compared is None:
        return "–"
    return f"{compared.p:.3f}" if compared.p >= 0.001 else "< 0.001"


def _drawn(label: str, compared: Compared) -> Interval:
    kind = _KINDS.get(compared.verdict, "quiet")
    return Interval(label, compared.low, compared.difference, compared.high, kind)


def _plot(report: Report) -> Any:
    rows = [_drawn(row.arm.slug, row.compared) for row in report.arms if row.compared]
    if not rows:
        return None
    title = f"{report.measured.label}: difference from the control"
    return intervals(rows, title=title, formatted=partial(difference_of, report.measured))


def _courses(experiment: Experiment, report: Report) -> list[Any]:
    """Of each treatment, as soon as there are two hours."""
    drawn = []
    found = course_of(experiment, [row.arm for row in report.arms])
    for arm, hours in found.items():
        points = [
            (f"{hour:%d %b %H:00}", _drawn(arm.slug, one))
            for hour, one in hours
            if one.verdict is not Verdict.EARLY  # so wide that nothing else could be seen
        ]
        if len(points) > 1:
            title = f"{arm.slug}: difference from the control by hour"
            told = partial(difference_of, report.measured)
            drawn.append((arm.slug, course(points, title=title, formatted=told)))
    return drawn


def _guardrails(experiment: Experiment, report: Report) -> list[dict[str, Any]]:
    return [
        {
            "label": found.label if (found := report.known.get(guard.metric)) else guard.metric,
            "most": f"{guard.most:g} {'points' if found and found.unit == 'share' else '%'}",
            "means": [
                value_of(found, row.means.get(guard.metric)) if found else "–"
                for row in report.arms
            ],
        }
        for guard in experiment.guardrails.all()
    ]


class CalculatorForm(forms.Form):
    """Everything stands in the address."""

    kind = forms.ChoiceField(
        choices=[("share", "A share, e.g. of failed calls"), ("mean", "A mean, e.g. of cost")],
        label="What decides",
    )
    baseline = forms.FloatField(
        min_value=0.000001, label="As it is now", help_text="A share in per cent; else the mean."
    )
    deviation = forms.FloatField(
        min_value=0.000001,
        required=False,
        label="Standard deviation",
        help_text="Of a mean, over subjects; a share needs none.",
    )
    effect = forms.FloatField(
        min_value=0.1, max_value=1000, label="Smallest effect that matters, in per cent of it"
    )
    arms = forms.IntegerField(min_value=2, max_value=10)
    power = forms.FloatField(min_value=50, max_value=99, label="Power, in per cent")
    subjects_a_day = forms.IntegerField(
        min_value=0, required=False, label="Subjects a day that take part"
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("kind") == "share" and values.get("baseline", 0) >= 100:
            self.add_error("baseline", "A share is below 100 per cent.")
        if values.get("kind") == "mean" and not values.get("deviation"):
            self.add_error("deviation", "Say how much subjects differ.")
        return values


START = {"kind": "share", "baseline": 30, "effect": 10, "arms": 2, "power": 80}


@require_safe
@may_see
def calculator(request: HttpRequest) -> HttpResponse:
    form = CalculatorForm(request.GET or START)
    plan = _planned(form.cleaned_data) if form.is_valid() else None
    context = admin.site.each_context(request) | {
        "title": "How many subjects does it take?",
        "form": form,
        "plan": plan,
        "power": f"{plan.power:.0%}" if plan else "",
    }
    return TemplateResponse(request, "results/calculator.html", context)


def _planned(values: dict[str, Any]) -> Plan:
    base = values["baseline"] / 100 if values["kind"] == "share" else values["baseline"]
    lift = values["effect"] / 100
    is_share = values["kind"] == "share"
    return plan_experiment(
        deviation=deviation_of_share(base, lift) if is_share else values["deviation"],
        difference=base * lift,
        arms=values["arms"],
        alpha=0.05 / (values["arms"] - 1),
        power=values["power"] / 100,
        subjects_a_day=values["subjects_a_day"] or 0,
    )
