"""`POST /api/v1/feedback/`: what a service thinks of an answer that it got."""

import math
from typing import Any, NoReturn

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import StrictSerializer
from apps.core.problems import Problem
from apps.results.models import Score
from apps.results.services.scoring import ScoreRefused, score_call

STATUSES = {"call_not_found": 404, "call_not_ended": 409, "metric_unfit": 422}


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "boolean"}]})
class ValueField(serializers.Field[Any, Any, Any, Any]):
    """A number, or true and false for 1 and 0."""

    default_error_messages = {"invalid": "Give a number, true or false."}

    def to_internal_value(self, data: Any) -> float:
        try:
            number = float(data) if isinstance(data, bool | int | float) else math.nan
        except OverflowError:  # a whole number of hundreds of digits
            number = math.nan
        if not math.isfinite(number):
            self.fail("invalid")
        return number

    def to_representation(self, value: float) -> float:
        return value

    def fail(self, key: str, **values: Any) -> NoReturn:
        super().fail(key, **values)


class FeedbackRequest(StrictSerializer):
    request_id = serializers.CharField(
        max_length=128,
        help_text="Of the call, from its header x-request-id; of a job, its field request_id.",
    )
    metric = serializers.SlugField(max_length=50)
    value = ValueField()
    comment = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class FeedbackAnswer(serializers.ModelSerializer[Score]):
    metric = serializers.CharField(source="metric.slug")

    class Meta:
        model = Score
        fields = ["request_id", "metric", "value", "comment", "created_at", "updated_at"]


class FeedbackView(APIView):
    @extend_schema(
        request=FeedbackRequest,
        responses={
            201: FeedbackAnswer,
            200: OpenApiResponse(FeedbackAnswer, "The call had a score of this metric."),
        },
    )
    def post(self, request: Request) -> Response:
        """Score an answer. Once for each call and metric: sent again it changes nothing, and
        another value takes the place of the first."""
        body = FeedbackRequest(data=request.data)
        body.is_valid(raise_exception=True)
        principal: Any = request.user
        try:
            scored = score_call(service=principal.caller.service, **body.validated_data)
        except ScoreRefused as refusal:
            raise Problem(
                status_code=STATUSES[refusal.code],
                code=refusal.code,
                detail=str(refusal),
                errors=refusal.faults,
            ) from refusal
        return Response(FeedbackAnswer(scored.score).data, status=201 if scored.created else 200)
