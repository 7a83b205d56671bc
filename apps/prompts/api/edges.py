"""What the management endpoints of prompts share: who may, what was sent, what was refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.core.api import StrictSerializer
from apps.core.problems import Problem
from apps.prompts.errors import DraftConflict, NotPermitted, PromptError


class StaffPermissions(BasePermission):
    """Staff with one of the permissions that the view's `needed` names for the action."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        needed = view.needed.get(view.action or "", ())
        is_staff = bool(getattr(user, "is_staff", False))
        return is_staff and (view.action is None or any(map(user.has_perm, needed)))


def valid(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def person(request: Request) -> Any:
    return request.user


@contextmanager
def refusals() -> Iterator[None]:
    """What a service refuses, as the API tells it."""
    try:
        yield
    except NotPermitted as error:
        raise Problem(
            status_code=403, code="not_permitted", detail=str(error), errors=error.faults
        ) from error
    except DraftConflict as error:
        raise Problem(
            status_code=409, code="conflict", detail=str(error), errors=error.faults
        ) from error
    except PromptError as error:
        raise Problem(
            status_code=422, code="prompt_refused", detail=str(error), errors=error.faults
        ) from error
