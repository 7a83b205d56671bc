"""Where a row leads: to what it is made of, down to the lines of the ledger."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from apps.finance.dimensions import DIMENSIONS, TAG, Dimension, dimension_of
from apps.finance.query import Query
from apps.ledger.reports import Days


def deeper(query: Query, values: tuple[str, ...]) -> Query | None:
    """The group alone, by the next dimension that is not settled; None when all are."""
    found = narrowed(query, values)
    settled = {*query.group_by, *(name for name, _ in found.filters)}
    name = query.group_by[-1]
    for _ in DIMENSIONS:
        dimension = dimension_of(name)
        name = dimension.next if dimension else ""
        if name not in settled:
            return replace(found, group_by=(name,)) if name else None
    return None


def narrowed(query: Query, values: tuple[str, ...]) -> Query:
    for name, value in zip(query.group_by, values, strict=True):
        query = query.with_filter(name, value)
    return query


def ledger_url(query: Query, *, hour: datetime | None = None) -> str:
    """The ledger's list with exactly the entries of a question, or of the hour that begins then;
    empty where its list cannot filter so."""
    found: dict[str, str] = {}
    for dimension, values in query.filtered:
        lookup = _lookup(dimension, values)
        if lookup is None:
            return ""
        found |= lookup
    period = _period(query.days) if hour is None else _between(hour, hour + timedelta(hours=1))
    return f"{reverse('admin:ledger_entry_changelist')}?{urlencode(found | period)}"


def _lookup(dimension: Dimension, values: tuple[str, ...]) -> Mapping[str, str] | None:
    if dimension.name.startswith(TAG):
        return None
    if dimension.name == "prompt_version":
        return _version(values)
    if len(values) > 1:
        several = any("," in value for value in values)
        return None if several else {f"{dimension.name}__in": ",".join(values)}
    # the list's own filters take an empty value for none
    (value,) = values
    return {dimension.name: value} if value else {f"{dimension.name}__exact": ""}


def _version(values: tuple[str, ...]) -> Mapping[str, str] | None:
    if len(values) > 1:
        return None
    prompt, _, number = values[0].rpartition("@")
    if not prompt:
        return {"prompt__exact": ""}
    return {"prompt": prompt, "prompt_version": number} if number.isdecimal() else None


def _period(days: Days) -> dict[str, str]:
    """Whatever the zone that the list shows times in."""
    if days.zone == settings.TIME_ZONE:
        return {"from": str(days.first), "to": str(days.last)}
    return _between(*days.bounds)


def _between(start: datetime, end: datetime) -> dict[str, str]:
    return {"time": "all", "at__gte": start.isoformat(), "at__lt": end.isoformat()}
