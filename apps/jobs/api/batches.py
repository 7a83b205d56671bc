"""The batches API: translate, make one call into a service, translate back."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.access.types import Caller
from apps.core.api import StrictJSONParser
from apps.core.faults import Fault
from apps.core.problems import Problem, flatten
from apps.core.strict_json import dumps
from apps.jobs import selectors
from apps.jobs.api.batch_answers import BatchAnswer, BatchSummary, line_of
from apps.jobs.api.batch_requests import BatchRequest, BatchRow, ResultsRange
from apps.jobs.api.jsonlines import JSONLinesParser, JSONLinesRenderer, JSONLParser, Upload
from apps.jobs.api.requests import (
    MAX_TIMEOUT,
    draft_of,
    fingerprint,
    header_faults,
)
from apps.jobs.models import Batch
from apps.jobs.services.batches.cancel import cancel_batch
from apps.jobs.services.batches.submit import (
    BatchDraft,
    BatchRefused,
    Row,
    SubmittedBatch,
    submit_batch,
)
from apps.jobs.services.cancel import AlreadyFinished
from apps.jobs.services.submit import IdempotencyKeyReused

_PROBLEM = OpenApiResponse(OpenApiTypes.OBJECT, description="Problem details (RFC 9457).")
_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key with the same body gives the same batch.",
)
_JSON_LINES = "application/x-ndjson"
_ROW_TIMEOUT: timedelta = MAX_TIMEOUT  # nobody waits for a single row


class BatchViewSet(ListModelMixin, GenericViewSet[Batch]):
    """Thousands of jobs in one request."""

    serializer_class = BatchSummary
    queryset = Batch.objects.none()  # for the schema; `get_queryset` knows the caller
    filter_backends = ()
    parser_classes = (StrictJSONParser, JSONLinesParser, JSONLParser)
    lookup_value_converter = "uuid"

    def get_queryset(self) -> "QuerySet[Batch]":
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.batches_of(_caller(self.request))

    @extend_schema(
        request={"application/json": BatchRequest, _JSON_LINES: OpenApiTypes.STR},
        parameters=[_KEY],
        responses={202: BatchAnswer, 400: _PROBLEM, 413: _PROBLEM, 422: _PROBLEM, 503: _PROBLEM},
    )
    def create(self, request: Request) -> Response:
        """Accept all rows or none: as JSON, or as JSON lines with one job each."""
        if found := header_faults(request.headers):
            raise _invalid(f"{len(found)} fault in the request.", found)
        body = request.data
        try:
            submitted = (
                _submit_lines(request, body) if isinstance(body, Upload) else _submit(request)
            )
        except BatchRefused as refused:
            raise _invalid(str(refused), refused.faults) from refused
        except IdempotencyKeyReused as error:
            raise Problem(
                status_code=422, code="idempotency_key_reused", detail=str(error)
            ) from error
        finally:
            if isinstance(body, Upload):
                body.close()
        headers = {"Location": reverse("batch-detail", args=[submitted.batch.pk])}
        if not submitted.created:
            headers["Idempotency-Replayed"] = "true"
        return Response(BatchAnswer(submitted.batch).data, status=202, headers=headers)

    @extend_schema(responses={200: BatchAnswer, 404: _PROBLEM})
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """How far it is."""
        return Response(BatchAnswer(self.get_object()).data)

    @extend_schema(request=None, responses={200: BatchAnswer, 404: _PROBLEM, 409: _PROBLEM})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop what has not ended: waiting rows at once, running ones within a second or two."""
        self.get_object()
        try:
            cancel_batch(batch_id=pk)
        except AlreadyFinished as error:
            raise Problem(status_code=409, code="already_finished", detail=str(error)) from error
        return Response(BatchAnswer(self.get_object()).data)

    @extend_schema(
        parameters=[ResultsRange],
        responses={(200, _JSON_LINES): OpenApiTypes.STR, 400: _PROBLEM, 404: _PROBLEM},
    )
    @action(detail=True, methods=["get"], renderer_classes=[JSONRenderer, JSONLinesRenderer])
    def results(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """One line for each row, in the order of the request; rows that wait have no result yet."""
        wanted = ResultsRange(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        rows = selectors.batch_rows(self.get_object().pk, **wanted.validated_data)
        lines = (dumps(line_of(job)) + b"\n" for job in rows)
        return StreamingHttpResponse(lines, content_type=_JSON_LINES)


def _submit(request: Request) -> SubmittedBatch:
    envelope = BatchRequest(data=request.data)
    envelope.is_valid(raise_exception=True)
    values = envelope.validated_data
    defaults = values.get("defaults", {})
    rows = ({**defaults, **row} if isinstance(row, dict) else row for row in values["jobs"])
    draft = BatchDraft(
        caller=_caller(request),
        fingerprint=fingerprint(request.data),
        request_id=_request_id(request),
        idempotency_key=request.headers.get("Idempotency-Key"),
        metadata=values.get("metadata", {}),
        notify=values["webhook"],
    )
    return submit_batch(draft=draft, rows=_rows(rows, draft))


def _submit_lines(request: Request, upload: Upload) -> SubmittedBatch:
    draft = BatchDraft(
        caller=_caller(request),
        fingerprint=upload.fingerprint,
        request_id=_request_id(request),
        idempotency_key=request.headers.get("Idempotency-Key"),
    )
    return submit_batch(draft=draft, rows=_rows(upload, draft))


def _rows(values: Iterable[Any], batch: BatchDraft) -> Iterator[Row]:
    """Each row as a draft or as its faults. Its request id also tells experiments rows apart."""
    reader = BatchRow()  # making one for each row would cost more than the rest
    for index, value in enumerate(values):
        if isinstance(value, Fault):
            yield [value]
            continue
        try:
            read = reader.run_validation(value)
        except ValidationError as error:
            yield flatten(error.get_full_details())
            continue
        yield draft_of(
            read,
            caller=batch.caller,
            fingerprint=batch.fingerprint,
            request_id=f"{batch.request_id[:120]}:{index}",
            timeout=_ROW_TIMEOUT,
        )


def _caller(request: Request) -> Caller:
    principal: Any = request.user
    caller: Caller = principal.caller
    return caller


def _request_id(request: Request) -> str:
    request_id: str = request.request_id  # type: ignore[attr-defined]
    return request_id


def _invalid(detail: str, found: Iterable[Fault]) -> Problem:
    return Problem(status_code=400, code="invalid_request", detail=detail, errors=list(found))
