"""Who did it: user, address and request id are attached to every history row of a request."""

from collections.abc import Callable

import pghistory
from django.http import HttpRequest, HttpResponse


class HistoryMiddleware:
    """Opens a history context for every request, as one that only reads may note that it did. Who
    asks is looked up when something is written, so that reading costs no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with pghistory.context(
            user=lambda: _person(request),
            service=lambda: _service(request),
            url=request.path,
            request_id=getattr(request, "request_id", ""),
        ):
            return self.get_response(request)


def _person(request: HttpRequest) -> int | None:
    """Of a service's key, which the REST API accepts, there is none."""
    user = getattr(request, "user", None)
    return user.pk if user is not None and user.is_authenticated else None


def _service(request: HttpRequest) -> str:
    """Whose key asks; empty for people."""
    return str(getattr(getattr(request, "user", None), "service", ""))
