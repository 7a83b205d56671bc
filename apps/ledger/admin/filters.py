"""What lists of the books are narrowed by. Choices come from small tables, never from a DISTINCT
over the books, which grow for ever."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.access.models import Service
from apps.registry.models import Deployment
from apps.registry.models import Model as LanguageModel

FROM, TO = "from", "to"


class TimeFilter(admin.SimpleListFilter):
    """The last 24 hours unless another time is chosen, or days from and to (both included, in the
    current time zone); a search looks at all times."""

    title = "time"
    parameter_name = "time"
    template = "ledger/time_filter.html"
    field: str

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: Any,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.first, self.last = (_day(params.pop(name, [""])[-1]) for name in (FROM, TO))
        self._anytime = bool(self.first or self.last or request.GET.get(SEARCH_VAR))

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, FROM, TO]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("7", "Last 7 days"), ("30", "Last 30 days"), ("all", "Any time")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.first:
            queryset = queryset.filter(**{f"{self.field}__gte": _midnight(self.first)})
        if self.last:
            end = _midnight(self.last + timedelta(days=1))
            queryset = queryset.filter(**{f"{self.field}__lt": end})
        days = self.value() or ("all" if self._anytime else "1")
        if not days.isdecimal():
            return queryset
        since = timezone.now() - timedelta(days=min(int(days[:9]), 36_500))
        return queryset.filter(**{f"{self.field}__gte": since})

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        self.kept = [
            (name, value)
            for name, values in changelist.params.items()
            if name not in self.expected_parameters()
            for value in values
        ]
        default = "Any time" if self._anytime else "Last 24 hours"
        for value, display in [(None, default), *self.lookup_choices]:
            query = changelist.get_query_string({self.parameter_name: value}, [FROM, TO])
            yield {"selected": self.value() == value, "query_string": query, "display": display}


class _SlugFilter(admin.SimpleListFilter):
    source: type[Model]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        slugs = self.source._default_manager.order_by("slug").values_list("slug", flat=True)
        return [(slug, slug) for slug in slugs]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(**{str(self.parameter_name): chosen}) if chosen else queryset


class ServiceFilter(_SlugFilter):
    title = parameter_name = "service"
    source = Service


class ModelFilter(_SlugFilter):
    title = parameter_name = "model"
    source = LanguageModel


class DeploymentFilter(_SlugFilter):
    title = parameter_name = "deployment"
    source = Deployment


def time_filter(field: str) -> type[TimeFilter]:
    return type("TimeFilter", (TimeFilter,), {"field": field})


def _day(text: str) -> date | None:
    """Of years that all zones and sums of days know."""
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise IncorrectLookupParameters(error) from error
    if not 1990 <= found.year <= 2200:
        raise IncorrectLookupParameters(found)
    return found


def _midnight(day: date) -> datetime:
    """As reports have it."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(settings.REPORTING_TIME_ZONE))
