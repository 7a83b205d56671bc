"""Answers for faults of ours, whatever raised them: 503 while the database is away, 500 else;
problem details below /api/, a page elsewhere. Nothing here asks the database."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

RETRY_AFTER = "2"  # seconds


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's `handler500`, called while the fault is handled."""
    is_away = isinstance(sys.exc_info()[1], (OperationalError, InterfaceError))
    response: HttpResponseBase
    if request.path.startswith("/api/"):
        response = _problem(request, is_away=is_away)
    elif is_away:
        response = HttpResponse(render_to_string("503.html"), status=503)
    else:
        response = defaults.server_error(request)
    if is_away:
        response["Retry-After"] = RETRY_AFTER
    return response


def _problem(request: HttpRequest, *, is_away: bool) -> JsonResponse:
    code, status, detail = "internal_error", 500, "Something went wrong on our side."
    if is_away:
        code, status, detail = "unavailable", 503, "The database is not answering."
    body: dict[str, object] = {
        "type": f"/api/v1/docs/errors/#{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [],
        "request_id": getattr(request, "request_id", ""),
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")
