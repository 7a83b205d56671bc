"""Management of providers, models, deployments and prices."""

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.settings import api_settings

from apps.core.api import StrictSerializer
from apps.core.manage_api import ManageViewSet, USDField, as_api_faults, manage_viewset
from apps.registry.models import Deployment, Model, Price, Provider
from apps.registry.services import PriceRefused, set_price

ProviderViewSet = manage_viewset(
    Provider,
    fields=("slug", "name", "vendor", "base_url", "secret_ref", "api_version", "active"),
)
ModelViewSet = manage_viewset(
    Model,
    fields=(
        "slug",
        "name",
        "kind",
        "context_window",
        "max_output_tokens",
        "supports_tools",
        "supports_json_schema",
        "supports_images",
        "tokenizer",
        "bytes_per_token",
        "tokenizer_source",
        "active",
    ),
)
DeploymentViewSet = manage_viewset(
    Deployment,
    fields=(
        "slug",
        "name",
        "provider",
        "model",
        "upstream_name",
        "region",
        "priority",
        "connect_timeout_seconds",
        "read_timeout_seconds",
        "slow_seconds",
        "finish_required",
        "input_overhead_tokens",
        "searches_at_most",
        "batch_lane",
        "extra_parameters",
        "active",
    ),
    related=("provider", "model"),
)


class ManagePriceSerializer(StrictSerializer, serializers.ModelSerializer[Price]):
    """Dollars for each block of units; a new price ends the one before it."""

    deployment = serializers.SlugRelatedField(slug_field="slug", queryset=Deployment.objects.all())
    price_usd = USDField(source="price_pico")
    valid_from = serializers.DateTimeField(source="valid.lower", required=False)
    valid_to = serializers.DateTimeField(source="valid.upper", read_only=True, allow_null=True)

    class Meta:
        model = Price
        fields = (
            "id",
            "deployment",
            "usage_class",
            "service_tier",
            "min_input_tokens",
            "price_usd",
            "per_block",
            "valid_from",
            "valid_to",
            "source",
        )

    def create(self, validated_data: dict[str, Any]) -> Price:
        valid_from = validated_data.pop("valid", {}).get("lower")
        try:
            return set_price(**validated_data, valid_from=valid_from, now=timezone.now())
        except ModelValidationError as error:
            raise ValidationError(as_api_faults(error)) from error
        except PriceRefused as error:
            raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [str(error)]}) from error


class PriceViewSet(ManageViewSet):
    """Prices are only ever added: what calls have cost is history."""

    queryset = Price.objects.select_related("deployment")
    serializer_class = ManagePriceSerializer
    lookup_field = "id"
    lookup_value_regex = "[0-9]{1,18}"
    http_method_names = ["get", "post", "head", "options"]
