"""The page of a run: the same form, filled as it was, and what came of each column."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.evals.checks.wanted import as_text
from apps.evals.models import Dataset
from apps.evals.selectors import variables_of
from apps.playground.admin.forms import of_run
from apps.playground.admin.pages import may_run, render, setup
from apps.playground.admin.ways_out import way_out
from apps.playground.errors import PlaygroundError
from apps.playground.models import Run, Trial
from apps.playground.selectors.columns import Column, columns_of
from apps.playground.services.account import budget_of_playground
from apps.playground.services.keeping import MAY_KEEP, Kept, keep_case
from apps.playground.services.running import stop_run

PILLS = {
    "queued": "quiet",
    "running": "info",
    "succeeded": "ok",
    "failed": "bad",
    "cancelled": "quiet",
    "expired": "warn",
}


@require_safe
@may_run
def page(request: HttpRequest, pk: UUID) -> HttpResponse:
    run = _run(pk)
    form = setup(request, run.prompt, of_run(run))
    return render(request, run.prompt, form, context=_results(request, run))


@require_safe
@may_run
def columns(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What the page asks for while a column is open."""
    context = _results(request, _run(pk))
    return JsonResponse(
        {
            "html": render_to_string("admin/playground/columns.html", context, request),
            "open": context["open"],
            "said": context["said"],
        }
    )


@require_POST
@may_run
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    run = _run(pk)
    count = stop_run(run=run, by=request.user)  # type: ignore[arg-type]
    messages.success(request, f"{count} column{'s' * (count != 1)} stopped.")
    return HttpResponseRedirect(reverse("admin:playground_run", args=[run.pk]))


class KeepForm(forms.Form):
    dataset = forms.ModelChoiceField(
        Dataset.objects.none(),
        required=False,
        empty_label="Values of the prompt",
        help_text="The case goes into its draft.",
    )
    key = forms.CharField(max_length=60, label="Name", help_text="By which others find it.")
    is_expected = forms.BooleanField(
        required=False, label="Expect this answer", help_text="Checks compare answers with it."
    )


@require_http_methods(["GET", "POST"])
@may_run
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """A column's values, and if wanted its answer, as a case."""
    trial = get_object_or_404(Trial.objects.select_related("run__prompt", "version__prompt"), pk=pk)
    form = KeepForm(request.POST or None, initial={"key": f"run-{trial.run_id.hex[:8]}"})
    prompt = trial.run.prompt
    form.fields["dataset"].queryset = Dataset.objects.filter(prompt=prompt)  # type: ignore[attr-defined]
    column = columns_of(trial.run)[trial.position - 1]
    back = reverse("admin:playground_run", args=[trial.run_id])
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, _keep(request, column, form.cleaned_data))
        except PlaygroundError as error:
            _show(form, error)
        else:
            return HttpResponseRedirect(back)
    context = admin.site.each_context(request) | {
        "title": f"Save {trial.label} as a case",
        "prompt": prompt,
        "form": form,
        "column": column,
        "values": [(name, as_text(v)) for name, v in sorted(trial.run.values.items())],
        "back": back,
    }
    return TemplateResponse(request, "admin/playground/keep.html", context)


def _keep(request: HttpRequest, column: Column, given: dict[str, Any]) -> str:
    """Only what the column's version declares: another column may have had more."""
    run, version = column.trial.run, column.trial.version
    variables = variables_of(version) if version else {}
    values = {name: value for name, value in run.values.items() if name in variables}
    expected = column.text if given["is_expected"] and not column.is_open else None
    case = keep_case(
        prompt=run.prompt,
        dataset=given["dataset"],
        key=given["key"],
        kept=Kept(values, expected, run.source_job_id, run.masked),
        variables=variables,
        by=request.user,  # type: ignore[arg-type]
    )
    return f"Kept as {case.key} in {case.version}."


def _show(form: forms.Form, error: PlaygroundError) -> None:
    for fault in error.faults:
        name = fault.pointer.strip("/")
        form.add_error(name if name in form.fields else None, fault.detail)


def _results(request: HttpRequest, run: Run) -> dict[str, Any]:
    found = columns_of(run)
    answered = sum(not column.is_open for column in found)
    return {
        "run": run,
        "columns": [_shown(column) for column in found],
        "open": answered < len(found),
        "said": f"{answered} of {len(found)} ended.",
        "cost_pico": sum(column.cost_pico for column in found),
        "ceiling_pico": sum(column.trial.at_most_pico for column in found),
        "budget": budget_of_playground(),
        "may_keep": request.user.has_perm(MAY_KEEP),
    }


def _shown(column: Column) -> dict[str, Any]:
    return {
        "of": column,
        "kind": PILLS[column.status],
        "way_out": way_out(column),
        "is_short": column.finish_reason == "length",
    }


def _run(pk: UUID) -> Run:
    rows = Run.objects.select_related("prompt", "started_by").prefetch_related("trials__version")
    return get_object_or_404(rows, pk=pk)
