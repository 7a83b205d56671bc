"""The request id: taken from the caller when sane, else made here; in every log line and answer."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from apps.core.ids import uuid7

_SANE = re.compile(r"[A-Za-z0-9._-]{8,128}")


def request_id_from(header: str | None) -> str:
    """The caller's `X-Request-Id` when it is 8 to 128 safe characters, else a new one."""
    return header if header and _SANE.fullmatch(header) else f"req_{uuid7().hex}"


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_from(request.headers.get("X-Request-Id"))
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        return response
