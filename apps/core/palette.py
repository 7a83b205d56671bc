"""Search behind Ctrl+K: pages first, then a few objects of every model that declares it.

Only prefix and exact matches on columns that the ModelAdmin names in `palette_fields`; those
columns must be indexed, because this runs at every pause in somebody's typing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.admin import AdminSite
from django.db.models import Field, IntegerField, Model, Q, UUIDField
from django.http import HttpRequest
from django.urls import reverse

from apps.core.navigation import Section

ROWS_PER_MODEL = 5
ROWS = 80  # an empty query lists the pages: all of them
QUERY_LENGTH = 100  # characters; no name, slug or id is longer
UUID_DIGITS = 32


@dataclass(frozen=True)
class Row:
    label: str
    kind: str
    url: str


def search(
    *, site: AdminSite, request: HttpRequest, pages: Iterable[Section], query: str
) -> list[Row]:
    """At most `ROWS` rows that the request's user may open; an empty query lists the pages."""
    text = query.strip().replace("\0", "")[:QUERY_LENGTH]
    return list(islice(_rows(site, request, pages, text), ROWS))


def _rows(
    site: AdminSite, request: HttpRequest, pages: Iterable[Section], text: str
) -> Iterator[Row]:
    for section in pages:
        for link in section.links:
            if text.lower() in link.label.lower():
                yield Row(link.label, section.label, link.url)
    if text:
        for model, model_admin in site._registry.items():
            fields = getattr(model_admin, "palette_fields", ())
            if fields and model_admin.has_view_permission(request):
                yield from _objects(model_admin.get_queryset(request), site, model, fields, text)


def _objects(
    queryset: Any, site: AdminSite, model: type[Model], fields: Iterable[str], text: str
) -> Iterator[Row]:
    match = Q()
    for name in fields:
        match |= _match(model._meta.get_field(name), text)
    if not match:
        return
    view = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    for found in queryset.filter(match)[:ROWS_PER_MODEL]:
        url = reverse(view, args=[found.pk], current_app=site.name)
        yield Row(str(found), str(model._meta.verbose_name), url)


def _match(field: Any, text: str) -> Q:
    """A condition that an ordinary index on the column can answer; empty when nothing can match."""
    if isinstance(field, UUIDField):
        return _uuid_range(field, text)
    if isinstance(field, IntegerField):
        return Q(**{field.name: int(text)}) if _is_small_number(text) else Q()
    # Two case-sensitive prefixes instead of one insensitive: LIKE 'x%' can use the index.
    return Q(**{f"{field.name}__startswith": text}) | Q(
        **{f"{field.name}__startswith": text.lower()}
    )


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _uuid_range(field: "Field[Any, Any]", text: str) -> Q:
    digits = text.lower().replace("-", "")
    if not 4 <= len(digits) <= UUID_DIGITS or not set(digits) <= set("0123456789abcdef"):
        return Q()
    low = UUID(digits.ljust(UUID_DIGITS, "0"))
    high = UUID(digits.ljust(UUID_DIGITS, "f"))
    return Q(**{f"{field.name}__gte": low, f"{field.name}__lte": high})
