"""404 for addresses that nobody serves: problem details below /api/, a page elsewhere."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views import defaults


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's `handler404`. Who misspells an address of the API reads JSON too."""
    if not request.path.startswith("/api/"):
        return defaults.page_not_found(request, exception)
    body: dict[str, Any] = {
        "type": "/api/v1/docs/errors/#not_found",
        "title": "Not found",
        "status": 404,
        "detail": "No such address; ids are UUIDs, and every address ends with a slash.",
        "code": "not_found",
        "errors": [],
        "request_id": getattr(request, "request_id", ""),
    }
    return JsonResponse(body, status=404, content_type="application/problem+json")
