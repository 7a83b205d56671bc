"""The playground's page: what to run, with which values, at what cost."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.budgets.selectors import budget_states
from apps.core.faults import Fault
from apps.core.rights import needs
from apps.playground.admin.forms import (
    VALUE,
    SetupForm,
    as_fields,
    first_columns,
    posted,
    taken_fields,
)
from apps.playground.errors import PlaygroundError
from apps.playground.selectors.offered import recent_runs
from apps.playground.services.account import budget_of_playground, find_caller, open_account
from apps.playground.services.keeping import MAY_KEEP, Kept, keep_case
from apps.playground.services.running import MAY_RUN, Quoted, quote, start_run
from apps.playground.services.values import take_values
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.types import PromptKind

may_run = needs(MAY_RUN)


@require_http_methods(["GET", "POST"])
@may_run
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Of a prompt. Each button is a step; all but Run keep what was typed and send nothing."""
    prompt = _prompt(pk)
    if request.method == "GET":
        return render(request, prompt, setup(request, prompt, _asked_for(request, prompt)))
    open_account()
    form = SetupForm(prompt, request.user, request.POST)  # type: ignore[arg-type]
    step = _STEPS.get(request.POST.get("step", "run"), _again)
    try:
        return step(request, prompt, form)
    except PlaygroundError as error:
        again = setup(request, prompt, posted(form))
        return render(request, prompt, again, faults=error.faults)


@require_POST
@may_run
def cost(request: HttpRequest, pk: int) -> HttpResponse:
    """While somebody chooses and types: what it costs at most, and the fields of these versions."""
    prompt = _prompt(pk)
    open_account()
    given = SetupForm(prompt, request.user, request.POST)  # type: ignore[arg-type]
    form = setup(request, prompt, posted(given))
    context = _with_cost(form, ())
    return JsonResponse(
        {
            "cost": render_to_string("admin/playground/cost.html", context, request),
            "fields": render_to_string("admin/playground/values.html", context, request),
        }
    )


def setup(request: HttpRequest, prompt: Prompt, initial: dict[str, Any]) -> SetupForm:
    return SetupForm(prompt, request.user, initial=initial)  # type: ignore[arg-type]


def render(
    request: HttpRequest,
    prompt: Prompt,
    form: SetupForm,
    *,
    faults: Sequence[Fault] = (),
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    given = admin.site.each_context(request) | {
        "title": "Playground",
        "subtitle": str(prompt),
        "prompt": prompt,
        "runs": recent_runs(prompt),
        "may_keep": request.user.has_perm(MAY_KEEP),
        **_with_cost(form, faults),
        **(context or {}),
    }
    return TemplateResponse(request, "admin/playground/page.html", given)


def _with_cost(form: SetupForm, faults: Sequence[Fault]) -> dict[str, Any]:
    now = timezone.now()
    caller, budget = find_caller(), budget_of_playground()
    quotes = quote(asked=form.asked, caller=caller, now=now) if caller else []
    state = budget_states(budgets=[budget], now=now)[0] if budget else None
    return {
        "form": form,
        "quotes": quotes,
        "at_most_pico": _total(quotes),
        "over_budget": next((q.over_budget for q in quotes if q.over_budget), ""),
        "budget": budget,
        "budget_state": state,
        "has_account": caller is not None,
        "faults": [fault for fault in faults if not _is_in_cost(fault, quotes)],
    }


def _total(quotes: Sequence[Quoted]) -> int | None:
    amounts = [quoted.at_most_pico for quoted in quotes]
    return sum(a for a in amounts if a is not None) if amounts and None not in amounts else None


def _is_in_cost(fault: Fault, quotes: Sequence[Quoted]) -> bool:
    """What stands against a column is said beside its cost already."""
    return fault.pointer.startswith("/columns/") and any(quoted.faults for quoted in quotes)


def _run(request: HttpRequest, prompt: Prompt, form: SetupForm) -> HttpResponse:
    run = start_run(asked=form.asked, token=form.page_token, by=request.user, now=timezone.now())  # type: ignore[arg-type]
    return HttpResponseRedirect(reverse("admin:playground_run", args=[run.pk]))


def _load(request: HttpRequest, prompt: Prompt, form: SetupForm) -> HttpResponse:
    """Instead of the values that stand there."""
    source = request.POST.get("source", "")
    initial = {k: v for k, v in posted(form).items() if not k.startswith(VALUE)}
    if source:
        taken = take_values(source=source, prompt=prompt, by=request.user, now=timezone.now())  # type: ignore[arg-type]
        initial |= taken_fields(taken)
    else:
        samples = {n: v.sample for n, v in form.variables.items() if v.sample is not None}
        initial |= as_fields(samples) | {"taken_from": "", "masked": ""}
    return render(request, prompt, setup(request, prompt, initial))


def _keep(request: HttpRequest, prompt: Prompt, form: SetupForm) -> HttpResponse:
    asked = form.asked
    datasets = form.fields["keep_in"].queryset  # type: ignore[attr-defined]
    chosen = str(form.data.get("keep_in", ""))
    case = keep_case(
        prompt=prompt,
        dataset=datasets.filter(pk=int(chosen[:18])).first() if chosen.isdecimal() else None,
        key=str(form.data.get("keep_as", "")),
        kept=Kept(asked.values, None, asked.source_job_id, asked.masked),
        variables=form.variables,
        by=request.user,  # type: ignore[arg-type]
    )
    messages.success(request, f"Kept as {case.key} in {case.version}.")
    initial = posted(form) | {"source": f"case:{case.pk}"}
    return render(request, prompt, setup(request, prompt, initial))


def _again(request: HttpRequest, prompt: Prompt, form: SetupForm) -> HttpResponse:
    return render(request, prompt, setup(request, prompt, posted(form)))


_STEPS = {"run": _run, "load": _load, "keep": _keep}


def _prompt(pk: int) -> Prompt:
    return get_object_or_404(Prompt, pk=pk, kind=PromptKind.TASK)


def _asked_for(request: HttpRequest, prompt: Prompt) -> dict[str, Any]:
    """By `?version=`, the number."""
    number = request.GET.get("version", "")
    rows = PromptVersion.objects.filter(prompt=prompt).select_related("prompt")
    version = rows.filter(number=int(number[:9])).first() if number.isdecimal() else None
    return first_columns(prompt, version)
