"""`GET /api/v1/costs/`, of the calling service; the same under `manage/` for staff, of all."""

import base64
import binascii
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from apps.core import strict_json
from apps.core.one_view import one_view
from apps.finance.api.serializers import CostsPage, CostsQuery, CostSumsAnswer
from apps.finance.parsing import parse
from apps.finance.query import Query
from apps.finance.selectors import cost_rows, total
from apps.finance.types import CostRow, Key
from apps.ledger.api.views import MaySeeCosts

_OWN = ("cursor", "page_size", "format")
_OF_THE_PAGE = ("compare", "metric", "group", "tag")
_SIZE, _LARGEST = 50, 200


class CostsView(APIView):
    """Of the calling service, and of no other."""

    @extend_schema(parameters=[CostsQuery], responses={200: CostsPage})
    def get(self, request: Request) -> Response:
        """Costs by one or two dimensions and, if you like, by hour, day or month: the numbers of
        the admin's cost report. All faults of a question are told at once."""
        query, size, after = self._asked(request)
        keys = _keys(query)
        with one_view():  # the total is that of the rows, whatever is booked meanwhile
            rows = cost_rows(query=query, keys=keys, after=after, limit=size + 1)
            whole = total(query=query)
        return Response(
            {
                "zone": query.days.zone,
                "first": str(query.days.first),
                "last": str(query.days.last),
                "total": CostSumsAnswer(whole).data,
                "next": _next(request, rows[:size]) if len(rows) > size else None,
                "results": [_group(keys, row) for row in rows[:size]],
            }
        )

    def own(self, request: Request, query: Query) -> Query:
        """What this caller may see of it."""
        principal: Any = request.user
        own = str(principal.caller.service)
        if dict(query.filters).get("service", (own,)) != (own,):
            raise ValidationError({"service": [f"A key sees its own service only: “{own}”."]})
        return query.with_filter("service", own)

    def _asked(self, request: Request) -> tuple[Query, int, list[Key]]:
        zone = settings.REPORTING_TIME_ZONE
        found = parse(request.query_params, now=timezone.now(), zone=zone, also=_OWN)
        faults = found.faults | {
            name: ["Unknown parameter."] for name in _OF_THE_PAGE if name in request.query_params
        }
        size = _page_size(request.query_params.get("page_size", ""), faults)
        after = _after(request.query_params.get("cursor", ""), _keys(found.query), faults)
        if faults:
            raise ValidationError(faults)
        return self.own(request, found.query), size, after


class ManageCostsView(CostsView):
    """Of every service."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (MaySeeCosts,)

    def own(self, request: Request, query: Query) -> Query:
        return query


def _keys(query: Query) -> tuple[str, ...]:
    return (query.grain, *query.group_by) if query.grain else query.group_by


def _group(keys: Sequence[str], row: CostRow) -> dict[str, Any]:
    group = {name: _plain(key) for name, key in zip(keys, row.keys, strict=True)}
    return {"group": group} | CostSumsAnswer(row.sums).data


def _plain(key: Key) -> str:
    return key.isoformat() if isinstance(key, date) else key


def _page_size(text: str, faults: dict[str, list[str]]) -> int:
    if not text:
        return _SIZE
    if text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= _LARGEST:
        return int(text)
    faults["page_size"] = [f"Give a whole number from 1 to {_LARGEST}."]
    return _SIZE


def _next(request: Request, rows: Sequence[CostRow]) -> str:
    keys = strict_json.dumps([_plain(key) for key in rows[-1].keys])
    cursor = base64.urlsafe_b64encode(keys).decode()
    return str(replace_query_param(request.build_absolute_uri(), "cursor", cursor))


def _after(cursor: str, keys: Sequence[str], faults: dict[str, list[str]]) -> list[Key]:
    if not cursor:
        return []
    try:
        values = strict_json.loads(base64.urlsafe_b64decode(cursor))
        if not isinstance(values, list) or len(values) != len(keys):
            raise ValueError(cursor)
        return [_key(name, value) for name, value in zip(keys, values, strict=True)]
    except (ValueError, binascii.Error):
        faults["cursor"] = ["Is no cursor of this question; begin without one."]
        return []


def _key(name: str, value: Any) -> Key:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    if name == "hour":
        hour = datetime.fromisoformat(value)
        if hour.tzinfo is None:
            raise ValueError(value)
        return hour
    return date.fromisoformat(value) if name in ("day", "month") else value
