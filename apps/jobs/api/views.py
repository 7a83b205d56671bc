"""The jobs API: translate, make one call into a service, translate back."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.access.types import Caller
from apps.core.api import refuse_unknown_parameters
from apps.core.faults import Fault
from apps.core.problems import Problem, flatten
from apps.gateway.types import CallRefused
from apps.jobs import selectors
from apps.jobs.api.answers import JobAnswer, JobSummary, job_url
from apps.jobs.api.filters import JobFilter
from apps.jobs.api.requests import (
    JobRequest,
    draft_of,
    fingerprint,
    header_faults,
    preferred_wait,
    spec_of,
)
from apps.jobs.models import Job
from apps.jobs.services.cancel import AlreadyFinished, cancel
from apps.jobs.services.submit import IdempotencyKeyReused, Submitted, faults, submit
from apps.jobs.types import Draft
from apps.jobs.waiting import waiting_of

_PROBLEM = OpenApiResponse(OpenApiTypes.OBJECT, description="Problem details (RFC 9457).")
_WAIT = OpenApiParameter(
    "wait", int, description="Wait up to so many seconds (at most 60) for the end."
)
_HEADERS = [
    OpenApiParameter(
        "Idempotency-Key",
        str,
        OpenApiParameter.HEADER,
        description="1 to 255 printable characters. The same key with the same body gives the "
        "same job; with another body it is refused.",
    ),
    OpenApiParameter(
        "Prefer",
        str,
        OpenApiParameter.HEADER,
        description="`wait=N`: answer with the finished job when it ends within N seconds (60).",
    ),
]


class JobViewSet(ListModelMixin, GenericViewSet[Job]):
    serializer_class = JobSummary
    filterset_class = JobFilter
    queryset = Job.objects.none()  # for the schema; `get_queryset` knows the caller
    lookup_value_converter = "uuid"

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.jobs_of(_caller(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your jobs, newest first, without their texts."""
        refuse_unknown_parameters(request, JobFilter.base_filters)
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=JobRequest,
        parameters=_HEADERS,
        responses={202: JobAnswer, 200: JobAnswer, 400: _PROBLEM, 422: _PROBLEM, 503: _PROBLEM},
    )
    def create(self, request: Request) -> Response:
        """Accept a job: 202 and durable. 200 when it has finished by the time of the answer."""
        submitted = _submit(_draft(request))
        wait = preferred_wait(request.headers)
        headers = {"Location": job_url(submitted.job)}
        if not submitted.created:
            headers["Idempotency-Replayed"] = "true"
        if wait:
            headers["Preference-Applied"] = f"wait={wait}"
        elif submitted.created:  # nothing can have happened to it yet: no need to look
            context = {"attempts": (), "cost_pico": 0, "waiting": None}
            answer = JobAnswer(submitted.job, context=context).data
            return Response(answer, status=202, headers=headers)
        return self._answer(submitted.job.pk, wait=wait, headers=headers, unfinished=202)

    @extend_schema(parameters=[_WAIT], responses={200: JobAnswer, 404: _PROBLEM})
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One job, with its result, its calls and its exact cost."""
        return self._answer(pk, wait=_wait_of(request))

    @extend_schema(request=None, responses={200: JobAnswer, 404: _PROBLEM, 409: _PROBLEM})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop a job: at once while it waits, within a second or two while it runs."""
        self._own(pk)
        try:
            cancel(job_id=pk)
        except AlreadyFinished as error:
            raise Problem(status_code=409, code="already_finished", detail=str(error)) from error
        return self._answer(pk)

    def _own(self, pk: UUID) -> Job:
        job = self.get_queryset().select_related("payload").filter(pk=pk).first()
        if job is None:
            raise Http404
        found: Job = job
        return found

    def _answer(
        self,
        pk: UUID,
        *,
        wait: int = 0,
        headers: dict[str, str] | None = None,
        unfinished: int = 200,
    ) -> Response:
        self._own(pk)
        if wait:
            selectors.wait_until_finished(job_id=pk, seconds=wait)
        job = self._own(pk)
        context = {
            "attempts": selectors.attempts_of([pk]).get(pk, ()),
            "cost_pico": selectors.cost_of(pk),
            "waiting": waiting_of(job),
        }
        status = unfinished if job.finished_at is None else 200
        return Response(JobAnswer(job, context=context).data, status=status, headers=headers)


def _caller(request: Request) -> Caller:
    principal: Any = request.user
    caller: Caller = principal.caller
    return caller


def _draft(request: Request) -> Draft:
    """Raises `Problem` with every fault of headers, fields and call at once."""
    serializer = JobRequest(data=request.data)
    found = header_faults(request.headers)
    if not serializer.is_valid():
        found += _all_faults(serializer, request)
    if found:
        raise _invalid(found)
    return draft_of(
        serializer.validated_data,
        caller=_caller(request),
        fingerprint=fingerprint(request.data),
        request_id=request.request_id,  # type: ignore[attr-defined]
        idempotency_key=request.headers.get("Idempotency-Key"),
    )


def _all_faults(serializer: JobRequest, request: Request) -> list[Fault]:
    """Faults of the fields, and of the call as far as the sound fields describe one."""
    shape = flatten(ValidationError(serializer.errors).get_full_details())
    if not isinstance(request.data, dict):
        return shape
    faulty = {_field(fault) for fault in shape if fault.pointer}
    sound = {name: value for name, value in request.data.items() if name not in faulty}
    rest = JobRequest(data=sound)
    if faulty & {"prompt", "messages", "version", "channel"} or not rest.is_valid():
        return shape
    call = faults(
        caller=_caller(request),
        spec=spec_of(rest.validated_data),
        request_id=request.request_id,  # type: ignore[attr-defined]
    )
    return shape + [fault for fault in call if _field(fault) not in faulty]


def _field(fault: Fault) -> str:
    """The field of the body that it lies in."""
    return fault.pointer.split("/")[1] if fault.pointer else ""


def _submit(draft: Draft) -> Submitted:
    try:
        return submit(draft=draft)
    except IdempotencyKeyReused as error:
        raise Problem(status_code=422, code="idempotency_key_reused", detail=str(error)) from error
    except CallRefused as refusal:
        raise _refused(refusal) from refusal


def _refused(refusal: CallRefused) -> Problem:
    headers = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
    return Problem(
        status_code=refusal.status,
        code=refusal.code,
        detail=refusal.message,
        errors=refusal.faults,
        headers=headers,
    )


def _invalid(found: list[Fault]) -> Problem:
    detail = f"{len(found)} fault{'s' if len(found) != 1 else ''} in the request."
    return Problem(status_code=400, code="invalid_request", detail=detail, errors=found)


def _wait_of(request: Request) -> int:
    given = request.query_params.get("wait", "0")
    if not (given.isascii() and given.isdigit() and len(given) <= 6):
        raise ValidationError({"wait": ["A whole number of seconds."]})
    return min(selectors.MAX_WAIT_SECONDS, int(given))
