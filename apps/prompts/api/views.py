"""Prompts for services: what there is, what it wants, what it would send."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.faults import Fault
from apps.core.problems import Problem
from apps.prompts.api.serializers import (
    PromptDetailSerializer,
    PromptSerializer,
    RenderAnswer,
    RenderRequest,
)
from apps.prompts.models import Prompt
from apps.prompts.selectors import prompts_with_state
from apps.prompts.services import dry_run
from apps.prompts.types import PromptNotFound, VariableFaults


class PromptViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Prompt]
):
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    queryset = Prompt.objects.filter(archived=False)
    serializer_class = PromptSerializer

    def get_queryset(self) -> QuerySet[Prompt]:
        rows = prompts_with_state() if self.action == "list" else Prompt.objects.all()
        return rows.filter(archived=False)

    def get_serializer_class(self) -> type[Any]:
        return PromptDetailSerializer if self.action == "retrieve" else PromptSerializer

    @extend_schema(request=RenderRequest, responses=RenderAnswer)
    @action(detail=True, methods=["post"])
    def render(self, request: Request, slug: str) -> Response:
        """Render without calling a model: the messages, or every fault of the variables."""
        body = RenderRequest(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(_render(slug, body.validated_data, getattr(request, "request_id", "")))


def _render(slug: str, values: dict[str, Any], request_id: str) -> dict[str, Any]:
    try:
        resolved, messages = dry_run(prompt=slug, request_id=request_id, **values)
    except PromptNotFound as error:
        raise Problem(status_code=404, code="prompt_not_found", detail=str(error)) from error
    except VariableFaults as error:
        raise _unfit(error.faults, permanent=error.permanent) from error
    version = resolved.version
    return {
        "prompt": version.prompt,
        "version": version.number,
        "arm": resolved.arm,
        "model": version.model,
        "parameters": version.parameters,
        "tools": version.tools,
        "messages": messages,
    }


def _unfit(faults: tuple[Fault, ...], *, permanent: bool) -> Problem:
    """422 for values that never fit; 503 when the machine was too slow to tell."""
    return Problem(
        status_code=422 if permanent else 503,
        code="variables_unfit" if permanent else "unavailable",
        detail="The variables don't fit this prompt.",
        errors=faults,
        headers={} if permanent else {"Retry-After": "1"},
    )
