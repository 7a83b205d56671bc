"""Pages that ask before something happens: a form, what stands against it, one button."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.evals.errors import EvalError


def ask(
    model_admin: Any,
    request: HttpRequest,
    obj: Model,
    *,
    form: forms.Form,
    run: Callable[[Mapping[str, Any]], str],
    title: str,
    button: str,
    template: str = "admin/evals/ask.html",
    context: Mapping[str, Any] | None = None,
) -> HttpResponse | None:
    """Runs from a valid POST and shows the message that `run` returns; what a service refuses is
    shown above the form, fault by fault. None means done: go back to the object."""
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, run(form.cleaned_data))
        except EvalError as error:
            show_faults(form, error)
        else:
            return None
    return page(
        model_admin,
        request,
        obj,
        template,
        {"title": title, "form": form, "button": button, **(context or {})},
    )


def show_faults(form: forms.Form, error: EvalError) -> None:
    """Beside the field that a fault names, else above the form."""
    for fault in error.faults:
        field = fault.pointer.strip("/").partition("/")[0]
        known = field if field in form.fields and fault.pointer == f"/{field}" else None
        form.add_error(known, fault.detail if known else str(fault))


def page(
    model_admin: Any, request: HttpRequest, obj: Model, template: str, context: Mapping[str, Any]
) -> TemplateResponse:
    """A page below an object's page."""
    return TemplateResponse(
        request,
        template,
        model_admin.admin_site.each_context(request)
        | {
            "opts": model_admin.opts,
            "original": obj,
            "object_url": model_admin._change_url(obj),
            "media": model_admin.media,
            **context,
        },
    )
