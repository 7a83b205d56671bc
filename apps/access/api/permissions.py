"""Only services use the REST API."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.access.api.authentication import ServicePrincipal


class IsService(BasePermission):
    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.user, ServicePrincipal)
