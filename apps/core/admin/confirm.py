"""Dangerous actions: an intermediate page asks for a reason before anything happens."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

SHOWN = 20  # objects named on the confirm page; the rest are counted

Row = TypeVar("Row")
Run = Callable[[Any, HttpRequest, QuerySet[Any], str], str]
Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="Stands in the audit log. Say why, for somebody who was not here.",
    )


def confirmed_action(
    *,
    description: str,
    question: str,
    button: str,
    permissions: tuple[str, ...] = ("change",),
    warning: Callable[[QuerySet[Any]], str] = lambda _: "",
) -> Callable[[Run], Action]:
    """Makes `method(self, request, queryset, reason) -> message` an admin action that asks first.

    Name the method in `actions` for the list, and in `object_actions` for a button on the
    object's page. It runs only from a POST that carries a reason; what it returns is shown as
    a message, unless it is empty. `permissions` are those of Django's `@admin.action`. `warning`:
    what to know of the chosen rows before going on; "" where there is nothing.
    """

    def decorate(run: Run) -> Action:
        @wraps(run)
        def action(self: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            form = ReasonForm(request.POST if "confirmed" in request.POST else None)
            if request.method == "POST" and form.is_valid():
                if done := run(self, request, queryset, form.cleaned_data["reason"]):
                    messages.success(request, done)
                return None
            return ask_first(
                self,
                request,
                queryset,
                form,
                run.__name__,
                question,
                button,
                warning=warning(queryset),
            )

        action.short_description = description  # type: ignore[attr-defined]
        action.allowed_permissions = permissions  # type: ignore[attr-defined]
        return action

    return decorate


def ask_first(
    admin: Any,
    request: HttpRequest,
    queryset: QuerySet[Any],
    form: forms.Form,
    name: str,
    question: str,
    button: str,
    template: str = "admin/confirm_action.html",
    warning: str = "",
) -> TemplateResponse:
    """The page between choosing rows and the action `name`, which its form posts to again."""
    count = queryset.count()
    context = admin.admin_site.each_context(request) | {
        "title": question,
        "opts": admin.opts,
        "form": form,
        "button": button,
        "warning": warning,
        "objects": queryset[:SHOWN],
        "count": count,
        "more": max(0, count - SHOWN),
        "action": name,
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", ""),
        "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, template, context)


def decide_each(
    request: HttpRequest,
    rows: Iterable[Row],
    decide: Callable[[Row], object],
    *,
    refused: type[Exception],
    done: str,
) -> str:
    """Decide one after the other. What a service refuses (`refused`) is shown and stops none of
    the others; gives how many are `done`, and nothing if none is."""
    count = 0
    for row in rows:
        try:
            decide(row)
            count += 1
        except refused as error:
            messages.error(request, str(error))
    return f"{count} {done}." if count else ""
