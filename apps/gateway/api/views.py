"""`POST /api/v1/quote/`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.clock import db_now
from apps.core.problems import Problem
from apps.gateway.api.serializers import QuoteAnswer, QuoteRequest, spec_of
from apps.gateway.config import web_config
from apps.gateway.quote import quote
from apps.gateway.types import CallRefused


class QuoteView(APIView):
    @extend_schema(request=QuoteRequest, responses={200: QuoteAnswer})
    def post(self, request: Request) -> Response:
        """What a call would cost at most and at least, and whether it would be admitted now."""
        serializer = QuoteRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        principal: Any = request.user
        try:
            found = quote(
                spec=spec_of(serializer.validated_data),
                caller=principal.caller,
                request_id=request.request_id,  # type: ignore[attr-defined]
                config=web_config().current,
                now=db_now(),
            )
        except CallRefused as refusal:
            raise Problem(
                status_code=refusal.status,
                code=refusal.code,
                detail=refusal.message,
                errors=refusal.faults,
            ) from refusal
        return Response(QuoteAnswer(found).data)
