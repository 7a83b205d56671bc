"""Errors of the REST API as RFC 9457 problem details, every fault of a request at once."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from apps.core.faults import Fault

log = structlog.get_logger(__name__)


class Problem(exceptions.APIException):
    """A refusal with a type, a status and all its faults."""

    def __init__(
        self,
        *,
        status_code: int,
        code: str,
        detail: str,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status_code
        self.code = code
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = extra


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: any error that a view raises becomes one problem document."""
    problem = _as_problem(error)
    if problem is None:
        return None
    request = context["request"]
    body = {
        "type": f"/api/v1/docs/errors/#{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": problem.status_code,
        "detail": str(problem.detail),
        "code": problem.code,
        "errors": [asdict(fault) for fault in problem.errors],
        "request_id": getattr(request, "request_id", ""),
        **problem.extra,
    }
    return Response(
        body,
        status=problem.status_code,
        headers=problem.headers,
        content_type="application/problem+json",
    )


def _as_problem(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        faults = flatten(error.get_full_details())
        detail = f"{len(faults)} fault{'s' if len(faults) != 1 else ''} in the request."
        return Problem(status_code=400, code="invalid_request", detail=detail, errors=faults)
    if isinstance(error, Http404):
        return Problem(status_code=404, code="not_found", detail="No such thing here.")
    if isinstance(error, PermissionDenied):
        return Problem(status_code=403, code="permission_denied", detail="Not allowed.")
    if isinstance(error, (OperationalError, InterfaceError)):
        log.error("database_unavailable", error=str(error))
        return unavailable("The database is not answering; nothing was stored.")
    if isinstance(error, exceptions.APIException):
        return _from_api_exception(error)
    if isinstance(error, DatabaseError):
        log.error("database_error", error=str(error))
    return None


def _from_api_exception(error: exceptions.APIException) -> Problem:
    headers = {}
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    code = error.get_codes() if isinstance(error.get_codes(), str) else error.default_code
    return Problem(
        status_code=error.status_code, code=str(code), detail=str(error.detail), headers=headers
    )


def unavailable(detail: str, *, retry_after: int = 2) -> Problem:
    """503 with Retry-After: a part that we need is away for the moment."""
    return Problem(
        status_code=status.HTTP_503_SERVICE_UNAVAILABLE,
        code="unavailable",
        detail=detail,
        headers={"Retry-After": str(retry_after)},
    )


def flatten(details: Any, pointer: str = "") -> list[Fault]:
    """DRF's nested error details as a flat list with JSON pointers."""
    if isinstance(details, Mapping) and set(details) == {"message", "code"}:
        return [Fault(pointer, str(details["message"]), str(details["code"]))]
    if isinstance(details, Mapping):
        return [
            fault
            for key, value in details.items()
            for fault in flatten(
                value, pointer if key == "non_field_errors" else f"{pointer}/{key}"
            )
        ]
    return [
        fault
        for index, value in enumerate(details)
        for fault in flatten(
            value,
            pointer if isinstance(value, Mapping) and "message" in value else f"{pointer}/{index}",
        )
    ]
