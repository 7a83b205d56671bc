"""`GET /api/v1/manage/prompts/{slug}/metrics/`: how the versions of a prompt do, over the calls of
all services, so for staff."""

from datetime import timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import refuse_unknown_parameters
from apps.core.money import exact_usd
from apps.prompts.models import Prompt
from apps.results.versions import VersionMetrics, version_metrics

MOST_DAYS = 90


class MetricsQuery(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, required=False, default=30)


class VersionMetricsSerializer(serializers.Serializer[Any]):
    """Calls of one version on one channel, in one arm of an experiment or in none."""

    version = serializers.IntegerField()
    channel = serializers.CharField(help_text="Empty: an exact version was asked for.")
    arm = serializers.CharField(help_text="“experiment/arm”, or empty.")
    calls = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Without an answer.")
    refusals = serializers.IntegerField()
    schema_failures = serializers.IntegerField()
    cached = serializers.IntegerField()
    attempts = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_usd = serializers.SerializerMethodField()
    p50_ms = serializers.FloatField(allow_null=True, help_text="Within 9 %; of calls not cached.")
    p95_ms = serializers.FloatField(allow_null=True)
    scores = serializers.DictField(
        child=serializers.DictField(), help_text="Metric → count and mean."
    )

    def get_cost_usd(self, row: VersionMetrics) -> str:
        return exact_usd(row.cost_pico)


class MaySeePrompts(BasePermission):
    """Staff who may see prompts."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return bool(getattr(user, "is_staff", False) and user.has_perm("prompts.view_prompt"))


class PromptMetricsView(APIView):
    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (MaySeePrompts,)

    @extend_schema(
        parameters=[OpenApiParameter("days", int, description="Up to 90; 30 if not given.")],
        responses=VersionMetricsSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Sums over the calls of the last days, newest version first."""
        refuse_unknown_parameters(request, ("days",))
        query = MetricsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        prompt = get_object_or_404(Prompt, slug=slug, archived=False)
        since = timezone.now() - timedelta(days=query.validated_data["days"])
        rows = version_metrics(prompt=prompt.slug, since=since)
        return Response(VersionMetricsSerializer(rows, many=True).data)
