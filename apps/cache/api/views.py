"""`GET /api/v1/cache/` and `POST /api/v1/cache/invalidate/`."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.cache.api.serializers import (
    CacheAnswer,
    CacheQuery,
    InvalidateRequest,
    InvalidationAnswer,
)
from apps.cache.selectors import shares, total
from apps.cache.services import invalidate
from apps.cache.types import Scope
from apps.core.clock import db_now
from apps.core.faults import Fault
from apps.core.problems import Problem


class CacheView(APIView):
    @extend_schema(parameters=[CacheQuery], responses={200: CacheAnswer})
    def get(self, request: Request) -> Response:
        """How many of your calls the cache answered, and what that saved, by prompt and model."""
        query = CacheQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        days = query.validated_data["days"]
        since, service = db_now() - timedelta(days=days), _service(request)
        models = shares(dimension="model", since=since, service=service)
        answer = {
            "days": days,
            "total": total(models),
            "prompts": shares(dimension="prompt", since=since, service=service),
            "models": models,
        }
        return Response(CacheAnswer(answer).data)


class InvalidateView(APIView):
    @extend_schema(request=InvalidateRequest, responses={200: InvalidationAnswer})
    def post(self, request: Request) -> Response:
        """Drop your cached answers that share a context tag, a prompt or a model, or a single one
        by its key. In force at once in every process; calls under way don't bring them back."""
        body = InvalidateRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked, service = body.validated_data, _service(request)
        try:
            row = invalidate(
                scope=Scope(service, asked["handle"], asked["name"]),
                reason=asked["reason"],
                actor=f"service {service}",
                now=db_now(),
            )
        except ValidationError as error:
            raise _invalid(error, asked["handle"]) from error
        return Response(InvalidationAnswer(row).data)


def _service(request: Request) -> str:
    principal: Any = request.user
    return str(principal.caller.service)


def _invalid(error: ValidationError, handle: str) -> Problem:
    faults = [
        Fault(f"/{handle if name == 'name' else name}", text)
        for name, texts in error.message_dict.items()
        for text in texts
    ]
    return Problem(
        status_code=400, code="invalid_request", detail="Nothing was dropped.", errors=faults
    )
