"""Who did it: user, address and request id are attached to every history row of a request."""

from collections.abc import Callable

import pghistory
from django.http import HttpRequest, HttpResponse


class HistoryMiddleware:
    """Opens a history context for requests that may write."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return self.get_response(request)
        user = getattr(request, "user", None)
        with pghistory.context(
            user=user.pk if user is not None and user.is_authenticated else None,
            url=request.path,
            request_id=getattr(request, "request_id", ""),
        ):
            return self.get_response(request)
