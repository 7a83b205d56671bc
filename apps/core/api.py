"""What every REST endpoint shares: strict parsing, cursor pagination, refusal of unknown fields."""

import re
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from apps.core import strict_json
from apps.core.problems import Problem

_SIZE = re.compile(r"[0-9]{1,9}")


class StrictJSONParser(BaseParser):
    """`application/json` through `strict_json`; a body over the limit is 413, unparsed."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise too_large(limit)
        try:
            return strict_json.loads(body)
        except strict_json.InvalidJSON as error:
            raise ParseError(str(error)) from error


def too_large(limit: int) -> Problem:
    return Problem(
        status_code=413,
        code="body_too_large",
        detail=f"The body is larger than {limit // 1024 // 1024} MiB; send less in one request.",
    )


def refuse_unknown_parameters(request: Request, known: Iterable[str]) -> None:
    """Of a list with the filters `known`: a misspelt one must not find everything."""
    if unknown := set(request.query_params) - {*known, "cursor", "page_size"}:
        raise serializers.ValidationError(
            {name: ["Unknown parameter."] for name in sorted(unknown)}
        )


class CreatedCursorPagination(CursorPagination):
    """Newest first on the time-ordered id: stable while rows arrive, no COUNT, no OFFSET."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        filters = getattr(view, "filterset_class", None)
        refuse_unknown_parameters(request, filters.base_filters if filters else ())
        return super().paginate_queryset(queryset, request, view)

    def get_page_size(self, request: Request) -> int | None:
        """A size that is not one is refused: DRF would answer with the usual one, unsaid."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not _SIZE.fullmatch(asked) or not 1 <= int(asked) <= self.max_page_size:
            detail = f"Give a whole number from 1 to {self.max_page_size}."
            raise serializers.ValidationError({self.page_size_query_param: [detail]})
        return int(asked)


class ChoiceField(serializers.ChoiceField):
    """Says what may be chosen when something else was."""

    default_error_messages = {"invalid_choice": "“{input}” is none of: {choices}."}

    def fail(self, key: str, **values: Any) -> NoReturn:
        super().fail(key, choices=", ".join(map(str, self.choices)), **values)


def unknown_field(known: Iterable[str]) -> list[serializers.ErrorDetail]:
    text = f"Unknown field. Known: {', '.join(sorted(known))}."
    return [serializers.ErrorDetail(text, "unknown_field")]


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it doesn't know, so that a typing error is never silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            errors = {str(name): unknown_field(known) for name in data if name not in known}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if errors and isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **errors}) from error
            raise
        if errors:
            raise serializers.ValidationError(errors)
        return value
