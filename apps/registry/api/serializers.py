"""What services read of the registry."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.registry.pricing import usd_per_million, usd_per_unit
from apps.registry.types import DeploymentFacts, ModelFacts, PriceRow


class PriceSerializer(serializers.Serializer[PriceRow]):
    """A price as it holds now; amounts are exact decimal strings."""

    usage_class = serializers.CharField()
    service_tier = serializers.CharField(help_text="“default” is the standard tier.")
    min_input_tokens = serializers.IntegerField(
        help_text="For calls whose whole input has so many tokens; the highest step reached holds."
    )
    usd_per_million = serializers.SerializerMethodField()
    usd_per_unit = serializers.SerializerMethodField()
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True)

    def get_usd_per_million(self, row: PriceRow) -> str:
        return usd_per_million(row)

    def get_usd_per_unit(self, row: PriceRow) -> str:
        return usd_per_unit(row)


class DeploymentSerializer(serializers.Serializer[DeploymentFacts]):
    """Who serves a model, where and at what price."""

    slug = serializers.CharField()
    provider = serializers.CharField()
    region = serializers.CharField()
    active = serializers.BooleanField(help_text="False while it is drained.")
    prices = serializers.SerializerMethodField()

    @extend_schema_field(PriceSerializer(many=True))
    def get_prices(self, deployment: DeploymentFacts) -> Any:
        now: datetime = self.context["now"]
        rows = sorted(
            deployment.prices_at(now),
            key=lambda row: (row.service_tier, row.usage_class, row.min_input_tokens),
        )
        return [PriceSerializer(row).data for row in rows]


class ModelSerializer(serializers.Serializer[ModelFacts]):
    """A model's abilities; sizes in tokens."""

    slug = serializers.CharField()
    kind = serializers.CharField()
    context_window = serializers.IntegerField()
    max_output_tokens = serializers.IntegerField()
    supports_tools = serializers.BooleanField()
    supports_json_schema = serializers.BooleanField()
    supports_images = serializers.BooleanField()
    active = serializers.BooleanField()
    deployments = serializers.SerializerMethodField()

    @extend_schema_field(DeploymentSerializer(many=True))
    def get_deployments(self, model: ModelFacts) -> Any:
        rows = self.context["registry"].deployments_of(model.slug)
        return [DeploymentSerializer(row, context=self.context).data for row in rows]
