"""Who did it: user, address and request id are attached to every history row of a request."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pghistory
from django.db import connection
from django.http import HttpRequest, HttpResponse

_READS = {"GET", "HEAD", "OPTIONS"}
_WRITES = ("insert", "update", "delete")


class HistoryMiddleware:
    """Says for whom a request writes, also one that is only there to read, such as a download that
    is noted. Who that is, is looked up when something is written: reading costs no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        about = {
            "user": lambda: _person(request),
            "service": lambda: _service(request),
            "url": request.path,
            "request_id": getattr(request, "request_id", ""),
        }
        if request.method in _READS:
            with connection.execute_wrapper(partial(_named, about)):
                return self.get_response(request)
        with pghistory.context(**about):
            return self.get_response(request)


def _named(
    about: dict[str, Any],
    execute: Callable[..., Any],
    sql: Any,
    params: Any,
    many: bool,
    context: dict[str, Any],
) -> Any:
    """Runs a statement of a request that reads, in a history context if it writes. Others go as
    they came: the context would parse all that is no plain SELECT, and take a % in it for a place
    of a parameter."""
    if not (isinstance(sql, str) and sql[:50].lstrip().lower().startswith(_WRITES)):
        return execute(sql, params, many, context)
    before = len(connection.execute_wrappers)
    with pghistory.context(**about):
        # those that it has just installed come too late for the statement that is running
        for wrapper in connection.execute_wrappers[before:]:
            execute = partial(wrapper, execute)
        return execute(sql, params, many, context)


def _person(request: HttpRequest) -> int | None:
    """Of a service's key, which the REST API accepts, there is none."""
    user = getattr(request, "user", None)
    return user.pk if user is not None and user.is_authenticated else None


def _service(request: HttpRequest) -> str:
    """Whose key asks; empty for people."""
    return str(getattr(getattr(request, "user", None), "service", ""))
