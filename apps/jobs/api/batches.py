"""The batches API: translate, make one call into a service, translate back."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.access.types import Caller
from apps.core.api import ChoiceField, StrictJSONParser, StrictSerializer, unknown_field
from apps.core.money import exact_usd
from apps.core.problems import Fault, Problem, flatten
from apps.core.strict_json import dumps
from apps.jobs import selectors
from apps.jobs.api.answers import error_of, result_of, usage_of
from apps.jobs.api.fields import StrictBooleanField, StrictDictField
from apps.jobs.api.jsonlines import JSONLinesParser, JSONLinesRenderer, JSONLParser, Upload
from apps.jobs.api.requests import (
    MAX_TIMEOUT,
    PRIORITIES,
    JobRequest,
    Metadata,
    draft_of,
    fingerprint,
    header_faults,
)
from apps.jobs.models import Batch, Job
from apps.jobs.services.batches.cancel import cancel_batch
from apps.jobs.services.batches.submit import (
    MAX_ROWS,
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


class BatchRow(JobRequest):
    """A job of a batch: it does not hurry, and its end alone is not told."""

    priority = ChoiceField(choices=list(PRIORITIES), default="low")
    webhook = StrictBooleanField(default=False, help_text="Tell the end of this row too.")


class Rows(serializers.ListField):
    """Rows as they came: each is judged alone, so that the faults of all are told at once."""

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        return data


class BatchRequest(StrictSerializer):
    jobs = Rows(
        child=StrictDictField(),
        max_length=MAX_ROWS,
        help_text="Rows, each like the body of a job; priority low and a day of time by default.",
    )
    defaults = StrictDictField(
        required=False, help_text="Fields of every row that doesn't have them itself."
    )
    metadata = Metadata(required=False)
    webhook = StrictBooleanField(default=True, help_text="false: nobody is told of its end.")

    def validate_defaults(self, defaults: dict[str, Any]) -> dict[str, Any]:
        """A field that no row has is told once, and here; what it holds is judged in the rows."""
        known = BatchRow().fields
        if unknown := {name: unknown_field(known) for name in defaults if name not in known}:
            raise ValidationError(unknown)
        return defaults


class ResultsRange(StrictSerializer):
    """Of a batch's results: the first `limit` rows behind row `after`."""

    after = serializers.IntegerField(
        min_value=-1, max_value=MAX_ROWS, default=-1, help_text="The last row that you have."
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_ROWS, required=False, help_text="Rows at most; all by default."
    )


class CountsAnswer(serializers.Serializer[Any]):
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    expired = serializers.IntegerField()


class BatchSummary(serializers.Serializer[Batch]):
    id = serializers.UUIDField()
    status = serializers.SerializerMethodField()
    total = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    expired = serializers.IntegerField()
    metadata = serializers.DictField(child=serializers.CharField())
    request_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    links = serializers.SerializerMethodField()

    def get_status(self, batch: Batch) -> str:
        if batch.finished_at is not None:
            return "finished"
        return "cancelling" if batch.cancel_requested else "running"

    def get_links(self, batch: Batch) -> dict[str, str]:
        names = {"self": "batch-detail", "results": "batch-results"}
        if batch.finished_at is None:
            names["cancel"] = "batch-cancel"
        return {name: reverse(view, args=[batch.pk]) for name, view in names.items()}


class BatchAnswer(BatchSummary):
    counts = serializers.SerializerMethodField(help_text="Jobs by status.")
    cost_usd = serializers.SerializerMethodField(help_text="Exact, of all rows until now.")

    def get_counts(self, batch: Batch) -> dict[str, int]:
        return selectors.batch_counts(batch)

    def get_cost_usd(self, batch: Batch) -> str:
        return exact_usd(selectors.batch_cost(batch.pk))


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
        lines = (dumps(_line(job)) + b"\n" for job in rows)
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


def _line(job: Job) -> Mapping[str, Any]:
    return {
        "index": job.batch_index,
        "id": str(job.pk),
        "status": job.status,
        "result": result_of(job),
        "error": error_of(job),
        "usage": usage_of(job),
        "cost_usd": exact_usd(job.cost_pico),
        "metadata": job.metadata,
    }


def _caller(request: Request) -> Caller:
    principal: Any = request.user
    caller: Caller = principal.caller
    return caller


def _request_id(request: Request) -> str:
    request_id: str = request.request_id  # type: ignore[attr-defined]
    return request_id


def _invalid(detail: str, found: Iterable[Fault]) -> Problem:
    return Problem(status_code=400, code="invalid_request", detail=detail, errors=list(found))
