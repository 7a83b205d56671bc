"""Service keys for the REST API."""

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed as NotAuthenticated
from rest_framework.request import Request

from apps.access import keys
from apps.access.models import ApiKey
from apps.access.snapshot import caller_of
from apps.access.types import AuthenticationFailed, Caller, KeyRecord


class ServicePrincipal:
    """What `request.user` is for a service: not a person, no permissions of the admin."""

    is_authenticated = True
    is_active = True
    is_staff = False
    pk = None

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.service = caller.service


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer llmp_…`, read from the database: revocation is immediate here."""

    def authenticate(self, request: Request) -> tuple[ServicePrincipal, None] | None:
        key = keys.bearer(request.headers.get("Authorization"))
        try:
            caller = keys.authenticate(key, records=_record_for(key), now=timezone.now())
        except AuthenticationFailed as error:
            raise NotAuthenticated(str(error)) from error
        return ServicePrincipal(caller), None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="llmplatform"'


def _record_for(key: str) -> dict[str, KeyRecord]:
    prefix = key[5:15]
    row = (
        ApiKey.objects.filter(prefix=prefix, revoked_at=None, service__active=True)
        .select_related("service__team", "service__cost_center", "service__tier")
        .first()
        if prefix.isascii() and prefix.isalnum()
        else None
    )
    if row is None:
        return {}
    return {prefix: KeyRecord(bytes(row.key_hash), caller_of(row.service), row.expires_at)}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.access.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A service's API key."}
