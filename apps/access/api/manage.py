"""Management of services and their keys."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.models import ApiKey, CostCenter, Service, Team, Tier
from apps.access.services import issue_key, revoke_key
from apps.core.api import StrictSerializer
from apps.core.manage_api import ManageViewSet, as_api_faults, manage_viewset

TeamViewSet = manage_viewset(Team, fields=("slug", "name"))
CostCenterViewSet = manage_viewset(CostCenter, fields=("slug", "name"))
TierViewSet = manage_viewset(
    Tier,
    fields=(
        "slug",
        "name",
        "requests_per_second",
        "burst",
        "tokens_per_minute",
        "concurrent_calls",
        "importance",
    ),
)
ServiceViewSet = manage_viewset(
    Service,
    fields=(
        "slug",
        "name",
        "team",
        "cost_center",
        "tier",
        "regions",
        "purpose",
        "fallback_answer",
        "active",
    ),
    related=("team", "cost_center", "tier"),
)


class ManageKeySerializer(StrictSerializer, serializers.ModelSerializer[ApiKey]):
    """A key without its secret."""

    service = serializers.SlugRelatedField(slug_field="slug", queryset=Service.objects.all())

    class Meta:
        model = ApiKey
        fields = ("id", "service", "name", "prefix", "created_at", "expires_at", "revoked_at")
        read_only_fields = ("id", "prefix", "created_at", "revoked_at")


class IssuedKeySerializer(ManageKeySerializer):
    """A key at the only moment when its secret can be read."""

    key = serializers.CharField(read_only=True)

    class Meta(ManageKeySerializer.Meta):
        fields = (*ManageKeySerializer.Meta.fields, "key")  # type: ignore[assignment]


class KeyViewSet(ManageViewSet):
    """API keys: issued, shown once, revoked. Nothing else of them ever changes."""

    queryset = ApiKey.objects.select_related("service")
    serializer_class = ManageKeySerializer
    lookup_field = "id"
    lookup_value_regex = "[0-9a-f-]{36}"
    http_method_names = ["get", "post", "head", "options"]

    @extend_schema(request=ManageKeySerializer, responses={201: IssuedKeySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            row, key = issue_key(**serializer.validated_data)
        except ModelValidationError as error:
            raise ValidationError(as_api_faults(error)) from error
        row.key = key  # type: ignore[attr-defined]
        return Response(IssuedKeySerializer(row).data, status=201)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, id: str) -> Response:  # noqa: A002 - the name of the lookup
        """Refuse the key everywhere within a second."""
        row = self.get_object()
        if not request.user.has_perm("access.change_apikey"):
            self.permission_denied(request)
        revoke_key(key=row, now=timezone.now())
        row.refresh_from_db()
        return Response(ManageKeySerializer(row).data)
