"""`/api/v1/costs/exports/`, of the calling service; the same under `manage/` for staff."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, QueryDict, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.clock import db_now
from apps.core.problems import Problem
from apps.exports.api.serializers import ExportAnswer, ExportRequest, ExportsPage
from apps.exports.models import Export
from apps.exports.selectors import bytes_of, exports_for, headers_of
from apps.exports.services import note_download, request_export
from apps.exports.types import ExportRefused
from apps.finance.parsing import parse
from apps.finance.query import Query

NEWEST = 50


class _OfTheService(APIView):
    """What a key may see: what keys of its service asked for."""

    def exports(self, request: Request) -> QuerySet[Export]:
        return Export.objects.filter(service=self.maker(request)["service"])

    def maker(self, request: Request) -> dict[str, Any]:
        principal: Any = request.user
        return {"service": str(principal.caller.service)}

    def narrowed(self, request: Request, query: Query) -> Query:
        own = self.maker(request)["service"]
        if dict(query.filters).get("service", (own,)) != (own,):
            text = f"A key sees its own service only: “{own}”."
            raise ValidationError({"question": [f"service: {text}"]})
        return query.with_filter("service", own)

    def found(self, request: Request, pk: UUID) -> Export:
        export = self.exports(request).filter(pk=pk).first()
        if export is None:
            raise Http404
        return export


class ExportsView(_OfTheService):
    @extend_schema(responses={200: ExportsPage}, operation_id="costs_exports_list")
    def get(self, request: Request) -> Response:
        """The newest exports, and how far they are."""
        rows = self.exports(request).order_by("-pk")[:NEWEST]
        answer = ExportAnswer(rows, many=True, context={"request": request})
        return Response({"results": answer.data})

    @extend_schema(request=ExportRequest, responses={202: ExportAnswer})
    def post(self, request: Request) -> Response:
        """Ask for a file. It is made in the background; look again until its `status` is `done`."""
        body = ExportRequest(data=request.data)
        body.is_valid(raise_exception=True)
        values, now = body.validated_data, db_now()
        zone = settings.REPORTING_TIME_ZONE
        parsed = parse(QueryDict(values["question"]), now=now, zone=zone)
        if parsed.faults:
            texts = [f"{name}: {text}" for name, all_ in parsed.faults.items() for text in all_]
            raise ValidationError({"question": texts})
        query = self.narrowed(request, parsed.query)
        try:
            made = request_export(
                query=query, form=values["format"], now=now, **self.maker(request)
            )
        except ExportRefused as error:
            raise Problem(status_code=409, code="export_refused", detail=str(error)) from error
        answer = ExportAnswer(made, context={"request": request}).data
        return Response(answer, status=202, headers={"Location": f"{request.path}{made.pk}/"})


class ExportView(_OfTheService):
    @extend_schema(responses={200: ExportAnswer})
    def get(self, request: Request, pk: UUID) -> Response:
        """One export: how far it is, and what is in its file."""
        found = self.found(request, pk)
        return Response(ExportAnswer(found, context={"request": request}).data)


class ExportFileView(_OfTheService):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """The file, for a week after it was made."""
        export = self.found(request, pk)
        if not export.is_there:
            raise Http404
        if request.method != "HEAD":  # which takes nothing away
            note_download(export=export, now=db_now(), **self.maker(request))
        return StreamingHttpResponse(bytes_of(export), headers=headers_of(export))


class MayExport(BasePermission):
    """Staff who may make files of costs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user: Any = request.user
        return bool(getattr(user, "is_staff", False)) and user.has_perms(
            ["ledger.view_entry", "exports.add_export", "exports.view_export"]
        )


class _OfStaff(_OfTheService):
    """What a person may see: their own, and finance everybody's."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (MayExport,)

    def exports(self, request: Request) -> QuerySet[Export]:
        return exports_for(request.user)

    def maker(self, request: Request) -> dict[str, Any]:
        return {"by": request.user}

    def narrowed(self, request: Request, query: Query) -> Query:
        return query


@extend_schema_view(get=extend_schema(operation_id="manage_costs_exports_list"))
class ManageExportsView(_OfStaff, ExportsView):
    pass


class ManageExportView(_OfStaff, ExportView):
    pass


class ManageExportFileView(_OfStaff, ExportFileView):
    pass
