"""Saying what an unusual day was, or which days are meant to be unusual."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.clock import db_now
from apps.core.rights import needs
from apps.finance.admin.pages import may_see_costs
from apps.finance.dimensions import Dimension, dimension_of
from apps.finance.services import acknowledge, plan_days, withdraw_plan

may_judge = needs("finance.judge_unusual_day")


class JudgingForm(forms.Form):
    """`kind`: seen, of the one day, or planned, of all days from the first to the last."""

    dimension = forms.CharField(widget=forms.HiddenInput, max_length=60)
    value = forms.CharField(widget=forms.HiddenInput, max_length=150, required=False)
    day = forms.DateField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        choices=[
            ("seen", "I have seen it: the day stays in the list, with what I say"),
            ("planned", "It is planned: these days are not told as unusual"),
        ],
        widget=forms.RadioSelect,
        initial="seen",
        label="What it is",
    )
    note = forms.CharField(
        max_length=200,
        label="In words",
        help_text="e.g. “Spring campaign”. All who see costs see it.",
    )
    first = forms.DateField(
        label="First day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last = forms.DateField(
        label="Last day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@may_see_costs
@may_judge
def judge(request: HttpRequest) -> HttpResponse:
    given = request.GET if request.method != "POST" else request.POST
    dimension = dimension_of(given.get("dimension", ""))
    if dimension is None:
        raise Http404
    if request.method != "POST":
        day = request.GET.get("day", "")
        form = JudgingForm(initial={**request.GET.dict(), "first": day, "last": day})
        return _page(request, form, dimension, given)
    form = JudgingForm(request.POST)
    if not form.is_valid() or not _judged(request, form):
        return _page(request, form, dimension, given)
    return HttpResponseRedirect(_list(dimension))


@require_POST
@may_see_costs
@may_judge
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    found = withdraw_plan(pk=pk)
    text = "Withdrawn; its days are told again." if found else "It was withdrawn already."
    messages.success(request, text)
    return HttpResponseRedirect(reverse("admin:costs_anomalies"))


def _judged(request: HttpRequest, form: JudgingForm) -> bool:
    data, by = form.cleaned_data, cast(User, request.user)
    group = {"dimension": data["dimension"], "value": data["value"], "by": by, "now": db_now()}
    try:
        if data["kind"] == "seen":
            acknowledge(day=data["day"], note=data["note"], **group)
        else:
            plan_days(name=data["note"], first=data["first"], last=data["last"], **group)
    except ValidationError as error:
        form.add_error(None, error.messages)
        return False
    messages.success(request, "Noted.")
    return True


def _page(
    request: HttpRequest, form: JudgingForm, dimension: Dimension, given: Any
) -> HttpResponse:
    context = admin.site.each_context(request) | {
        "title": "What was it?",
        "form": form,
        "dimension": dimension,
        "label": dimension.label_of(given.get("value", "")),
        "day": given.get("day", ""),
        "back": _list(dimension),
    }
    status = 400 if form.errors else 200
    return TemplateResponse(request, "finance/judge.html", context, status=status)


def _list(dimension: Dimension) -> str:
    return f"{reverse('admin:costs_anomalies')}?group_by={dimension.name}"
