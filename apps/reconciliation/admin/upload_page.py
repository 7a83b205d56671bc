"""Uploading a provider's files; what they hold is shown before anything is imported."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from apps.core.clock import db_now
from apps.reconciliation.admin.forms import UploadForm
from apps.reconciliation.errors import FileRefused
from apps.reconciliation.models import Statement
from apps.reconciliation.reading.costs import MOST_FAULTS
from apps.reconciliation.services.importing import Upload, draft_statement
from apps.reconciliation.types import Fault

SHOWN = 200


def upload(model_admin: Any, request: HttpRequest) -> HttpResponse:
    form = UploadForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    faults: list[Fault] = []
    if request.method == "POST" and form.is_valid():
        try:
            statement = _draft(form, request)
        except FileRefused as error:
            faults = error.faults
        else:
            return HttpResponseRedirect(model_admin._change_url(statement))
    context = model_admin.admin_site.each_context(request) | {
        "title": "Upload a statement",
        "opts": model_admin.opts,
        "form": form,
        "media": model_admin.media + form.media,
        "faults": faults[:SHOWN],
        "count": len(faults),
        "more": max(0, len(faults) - SHOWN),
        "has_all": len(faults) < MOST_FAULTS,
    }
    status = 400 if faults else 200
    return TemplateResponse(request, "reconciliation/upload.html", context, status=status)


@transaction.atomic
def _draft(form: UploadForm, request: HttpRequest) -> Statement:
    values = form.cleaned_data
    uploads = {
        name: Upload(values[name].name, values[name].file)
        for name in ("costs", "usage")
        if values[name]
    }
    return draft_statement(
        provider=values["provider"],
        costs=uploads["costs"],
        usage=uploads.get("usage"),
        first=values["first"],
        last=values["last"],
        by=request.user,
        now=db_now(),
    )
