"""Confirm pages with a form of their own: what will happen, what to say, one button."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.prompts.errors import PromptError

REASON_WIDGET = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=REASON_WIDGET,
        help_text="Stands in the release history. Say why, for somebody who was not here.",
    )


def ask(
    model_admin: Any,
    request: HttpRequest,
    obj: Model,
    *,
    form: forms.Form,
    run: Callable[[Mapping[str, Any]], str],
    title: str,
    button: str,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse | None:
    """Shows `form`; runs from a valid POST and shows the message that `run` returns.

    What a service refuses is shown above the form. None means done: go back to the object.
    """
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, run(form.cleaned_data))
        except PromptError as error:
            for fault in error.faults:
                form.add_error(None, fault.detail)
        else:
            return None
    return TemplateResponse(
        request,
        "admin/prompts/ask.html",
        model_admin.admin_site.each_context(request)
        | {
            "title": title,
            "opts": model_admin.opts,
            "original": obj,
            "object_url": model_admin._change_url(obj),
            "form": form,
            "button": button,
            "media": model_admin.media,
            **(context or {}),
        },
    )
