"""Pages that need a right say which, so that who lacks it can ask for it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = Callable[..., HttpResponseBase]


class RightMissing(PermissionDenied):
    """`permission`: “app.codename”."""

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission


def needs(permission: str) -> Callable[[View], View]:
    """Decorates a view: whoever lacks the right is refused with `RightMissing`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                raise RightMissing(permission)
            return view(request, *args, **kwargs)

        return checked

    return decorate
