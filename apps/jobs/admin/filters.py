"""What the list of jobs is narrowed by."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.jobs.models import Job

_UUID_DIGITS = 32


class CreatedFilter(admin.SimpleListFilter):
    """The last 24 hours unless another period is chosen; a search looks at all times."""

    title = "created"
    parameter_name = "created"
    DEFAULT = "1"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self._searches = bool(request.GET.get(SEARCH_VAR))
        return [("7", "Last 7 days"), ("30", "Last 30 days"), ("all", "Any time")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Job]") -> "QuerySet[Job]":
        days = self.value() or ("all" if self._searches else self.DEFAULT)
        if not days.isdecimal():
            return queryset
        since = timezone.now() - timedelta(days=min(int(days[:9]), 36_500))
        return queryset.filter(created_at__gte=since)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Any time (search)" if self._searches else "Last 24 hours"}
        yield from rest


def found_by(term: str) -> Q:
    """Jobs whose id or request id begins with `term`; both conditions use an index."""
    text = term.strip().replace("\0", "")[:128]
    return Q(request_id__startswith=text) | _id_begins_with(text)


def _id_begins_with(text: str) -> Q:
    digits = text.lower().replace("-", "")
    if not 4 <= len(digits) <= _UUID_DIGITS or not set(digits) <= set("0123456789abcdef"):
        return Q(pk__in=[])
    low, high = digits.ljust(_UUID_DIGITS, "0"), digits.ljust(_UUID_DIGITS, "f")
    return Q(pk__gte=UUID(low), pk__lte=UUID(high))
