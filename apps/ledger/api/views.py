"""`GET /api/v1/usage/` and `GET /api/v1/usage/report`; the same under `manage/` for staff."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from apps.core import strict_json
from apps.core.csv_lines import csv_lines
from apps.ledger.api.serializers import (
    RangeQuery,
    UsagePage,
    UsageQuery,
    UsageReport,
    UsageSumsAnswer,
)
from apps.ledger.usage import Key, Usage, UsageRow, usage_by_group, usage_rows


class MaySeeCosts(BasePermission):
    """Staff who may read the ledger."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user: Any = request.user
        return bool(getattr(user, "is_staff", False)) and user.has_perm("ledger.view_entry")


class CSVRenderer(BaseRenderer):
    """The report's models as CSV with exact amounts; a problem stays JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted: Any = None, context: Any = None) -> bytes:
        if "models" not in data:
            return strict_json.dumps(data)
        names = list(UsageSumsAnswer().fields)
        rows = [[row["group"]["model"], *(row[name] for name in names)] for row in data["models"]]
        total = ["total", *(data["total"][name] for name in names)]
        head = ["usage report", f"{data['first']} to {data['last']}", f"days in {data['zone']}"]
        return "".join(csv_lines([head, ["model", *names], *rows, total])).encode()


class UsageView(APIView):
    """Of the calling service, and of no other."""

    @extend_schema(parameters=[UsageQuery], responses={200: UsagePage})
    def get(self, request: Request) -> Response:
        """Requests, tokens, costs and savings, by the dimensions and the period you name."""
        asked = _valid(UsageQuery, request)
        keys = [*([asked["period"]] if asked["period"] else []), *asked["group_by"]]
        size = asked["page_size"]
        rows = usage_rows(
            days=asked["days"],
            group_by=asked["group_by"],
            period=asked["period"],
            service=self.service(request, asked),
            after=_after(asked["cursor"], keys),
            limit=size + 1,
        )
        page, following = rows[:size], None
        if len(rows) > size:
            here = request.build_absolute_uri()
            following = replace_query_param(here, "cursor", _cursor(page[-1].keys))
        return Response(_head(asked) | {"next": following, "results": _groups(keys, page)})

    def service(self, request: Request, asked: Mapping[str, Any]) -> str:
        return own_service(request, asked)


class UsageReportView(APIView):
    """Of the calling service, and of no other."""

    renderer_classes = (JSONRenderer, CSVRenderer)

    @extend_schema(parameters=[RangeQuery], responses={200: UsageReport})
    def get(self, request: Request) -> Response:
        """The same by model, whole and with its total; as CSV with `Accept: text/csv` or
        `?format=csv`."""
        asked = _valid(RangeQuery, request)
        found = usage_by_group(
            days=asked["days"], dimension="model", service=self.service(request, asked)
        )
        rows = [UsageRow((model,), usage) for model, usage in found.items()]
        total = UsageSumsAnswer(sum(found.values(), Usage())).data
        return Response(_head(asked) | {"models": _groups(["model"], rows), "total": total})

    def service(self, request: Request, asked: Mapping[str, Any]) -> str:
        return own_service(request, asked)


class ManageUsageView(UsageView):
    """Of every service, or of the one that is named."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (MaySeeCosts,)

    def service(self, request: Request, asked: Mapping[str, Any]) -> str:
        return str(asked["service"])


class ManageUsageReportView(UsageReportView):
    """Of every service, or of the one that is named."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (MaySeeCosts,)

    def service(self, request: Request, asked: Mapping[str, Any]) -> str:
        return str(asked["service"])


def own_service(request: Request, asked: Mapping[str, Any]) -> str:
    principal: Any = request.user
    own = str(principal.caller.service)
    if asked["service"] not in ("", own):
        raise ValidationError({"service": [f"A key sees its own service only: “{own}”."]})
    return own


def _valid(serializer: type[RangeQuery], request: Request) -> dict[str, Any]:
    query = request.query_params.dict()
    query.pop("format", None)  # chooses the renderer
    body = serializer(data=query)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _head(asked: Mapping[str, Any]) -> dict[str, Any]:
    days = asked["days"]
    return {"zone": days.zone, "first": str(days.first), "last": str(days.last)}


def _groups(keys: Sequence[str], rows: Sequence[UsageRow]) -> list[dict[str, Any]]:
    return [
        {"group": {name: _plain(key) for name, key in zip(keys, row.keys, strict=True)}}
        | UsageSumsAnswer(row.usage).data
        for row in rows
    ]


def _plain(key: Key) -> str | int:
    return str(key) if isinstance(key, date) else key


def _cursor(keys: Sequence[Key]) -> str:
    return base64.urlsafe_b64encode(strict_json.dumps([_plain(key) for key in keys])).decode()


def _after(cursor: str, keys: Sequence[str]) -> list[Key]:
    """Raises `ValidationError` for a cursor that this question did not give."""
    if not cursor:
        return []
    try:
        values = strict_json.loads(base64.urlsafe_b64decode(cursor))
        if not isinstance(values, list) or len(values) != len(keys):
            raise ValueError(cursor)
        return [_key(name, value) for name, value in zip(keys, values, strict=True)]
    except (ValueError, binascii.Error) as error:
        text = "Is no cursor of this question; begin without one."
        raise ValidationError({"cursor": [text]}) from error


def _key(name: str, value: Any) -> Key:
    if name in ("day", "month"):
        return date.fromisoformat(str(value))
    if name == "prompt_version":
        return int(value)
    return str(value)
