"""What the page of a draft asks while somebody types."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.core.faults import Fault
from apps.playground import configuration
from apps.playground.errors import PlaygroundError
from apps.playground.services import live_preview
from apps.playground.services.values import take_values
from apps.playground.types import LivePreview
from apps.prompts.admin.editor import DraftForm
from apps.prompts.models import PromptVersion, VersionStatus
from apps.prompts.types import Findings

_TOOL = re.compile(r"/tools/(\d+)(?:/|\Z)")


@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The form as it stands, posted whole: rendered messages, figures and findings. Saves nothing.

    A faulty draft is an answer (200) that tells the faults, not an error.
    """
    if not request.user.has_perm("prompts.change_promptversion"):
        raise PermissionDenied
    version = get_object_or_404(PromptVersion, pk=pk, status=VersionStatus.DRAFT)
    form = DraftForm(request.POST, instance=version)
    content, unreadable = form.content_so_far()
    values, not_taken = _values(request, version)
    unreadable += not_taken
    found = live_preview(
        content=content,
        config=configuration.current_config(),
        now=timezone.now(),
        kind=version.prompt.kind,
        values=values,
    )
    found = _with_faults(found, unreadable, _saved_since(version, request.POST.get("seen", "")))
    return JsonResponse(
        {
            "html": render_to_string("admin/playground/preview.html", {"preview": found}, request),
            "said": _said(found),
            "marks": [asdict(mark) for mark in found.marks],
            "tools": list(_of_tools(found.findings)),
            "used": [asdict(use) for use in found.used],
            "complete": found.complete,
        }
    )


def _values(
    request: HttpRequest, version: PromptVersion
) -> tuple[Mapping[str, Any], tuple[Fault, ...]]:
    """Of the case or the past call that the page names; what cannot be taken is a fault."""
    try:
        taken = take_values(
            source=request.POST.get("values_from", ""),
            prompt=version.prompt,
            by=request.user,  # type: ignore[arg-type]
            now=timezone.now(),
        )
    except PlaygroundError as error:
        return {}, error.faults
    return taken.values, ()


def _with_faults(
    found: LivePreview, faults: tuple[Fault, ...], saved_since: datetime | None
) -> LivePreview:
    findings = Findings((*faults, *found.findings.faults), found.findings.warnings)
    return replace(found, findings=findings, saved_since=saved_since)


def _of_tools(findings: Findings) -> Iterator[dict[str, Any]]:
    """Findings that are about one of the tools, which is counted from 0."""
    for severity, some in (("fault", findings.faults), ("warning", findings.warnings)):
        for one in some:
            if at := _TOOL.match(one.pointer):
                yield {"tool": int(at[1]), "severity": severity, "detail": one.detail}


def _saved_since(version: PromptVersion, seen: str) -> datetime | None:
    return version.updated_at if seen and seen != version.updated_at.isoformat() else None


def _said(found: LivePreview) -> str:
    """For a reader who does not see the page: what changed is in the page itself."""
    faults, warnings = len(found.findings.faults), len(found.findings.warnings)
    parts = [f"{faults} fault{'s' * (faults != 1)}", f"{warnings} warning{'s' * (warnings != 1)}"]
    return ", ".join(parts) if faults or warnings else "No faults."
