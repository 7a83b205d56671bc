"""A service's own webhook endpoints: translate, make one call into a service, translate back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as DomainValidationError
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api import ChoiceField, StrictSerializer
from apps.core.problems import Problem
from apps.jobs.api.fields import StrictBooleanField, StrictCharField, StrictIntegerField
from apps.jobs.models import Delivery, DeliveryStatus, DeliveryTry, Event, WebhookEndpoint
from apps.jobs.services.webhooks import endpoints
from apps.jobs.services.webhooks.endpoints import Issued

_PROBLEM = OpenApiResponse(OpenApiTypes.OBJECT, description="Problem details (RFC 9457).")


class WebhookRequest(StrictSerializer):
    url = StrictCharField(max_length=2000, help_text="https, at a public address.")
    events = serializers.ListField(
        child=ChoiceField(choices=endpoints.SUBSCRIBABLE),
        min_length=1,
        default=list(endpoints.SUBSCRIBABLE),
        help_text="What to be told of; default: everything.",
    )
    description = StrictCharField(max_length=200, allow_blank=True, default="")


class WebhookChange(WebhookRequest):
    active = StrictBooleanField(help_text="false: nothing new is told.")


class RotateRequest(StrictSerializer):
    overlap_seconds = StrictIntegerField(
        min_value=0,
        max_value=int(endpoints.MAX_OVERLAP.total_seconds()),
        default=int(endpoints.DEFAULT_OVERLAP.total_seconds()),
        help_text="How long the secret of before signs along; default a day.",
    )


class WebhookAnswer(serializers.Serializer[WebhookEndpoint]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField(), source="event_types")
    description = serializers.CharField()
    active = serializers.BooleanField()
    disabled_reason = serializers.CharField(help_text="Why we switched it off, if we did.")
    created_at = serializers.DateTimeField()


class IssuedAnswer(WebhookAnswer):
    secret = serializers.CharField(help_text="Verifies our signatures; shown only here.")


class TryAnswer(serializers.Serializer[DeliveryTry]):
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    answer = serializers.CharField(help_text="How your answer began.")


class DeliveryAnswer(serializers.Serializer[Delivery]):
    id = serializers.UUIDField(help_text="The header webhook-id, the same for every try.")
    event = serializers.ChoiceField(choices=[event.value for event in Event])
    subject_id = serializers.UUIDField(help_text="Id of what it is about.")
    status = serializers.ChoiceField(choices=[status.value for status in DeliveryStatus])
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    next_try_at = serializers.SerializerMethodField(help_text="Of one that waits.")
    tries = TryAnswer(many=True, source="log")

    def get_next_try_at(self, delivery: Delivery) -> str | None:
        waits = delivery.status == DeliveryStatus.PENDING
        at = serializers.DateTimeField().to_representation(delivery.next_try_at)
        return at if waits else None


class WebhookViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[WebhookEndpoint]):
    """Where your service is told of its jobs' ends. Signed by Standard Webhooks."""

    serializer_class = WebhookAnswer
    queryset = WebhookEndpoint.objects.none()  # for the schema; `get_queryset` knows the caller
    filter_backends = ()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> "QuerySet[WebhookEndpoint]":
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return WebhookEndpoint.objects.filter(service_id=_service_id(self.request))

    @extend_schema(request=WebhookRequest, responses={201: IssuedAnswer, 400: _PROBLEM})
    def create(self, request: Request) -> Response:
        """Add an endpoint. The answer holds its secret, once."""
        values = _valid(WebhookRequest(data=request.data))
        try:
            issued = endpoints.create_endpoint(service_id=_service_id(request), **values)
        except DomainValidationError as error:
            raise _as_api(error) from error
        return _issued(issued, status=201)

    @extend_schema(request=WebhookChange(partial=True), responses={200: WebhookAnswer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change its address or events, switch it off or on again."""
        endpoint = self.get_object()
        values = _valid(WebhookChange(data=request.data, partial=True))
        if "events" in values:
            values["event_types"] = sorted(set(values.pop("events")))
        try:
            changed = endpoints.change_endpoint(endpoint=endpoint, values=values)
        except DomainValidationError as error:
            raise _as_api(error) from error
        return Response(WebhookAnswer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Forget it, its secrets and its deliveries."""
        self.get_object().delete()
        return Response(status=204)

    @extend_schema(request=RotateRequest, responses={200: IssuedAnswer})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: UUID) -> Response:
        """A new secret; the one of before signs along for a while."""
        endpoint = self.get_object()
        values = _valid(RotateRequest(data=request.data or {}))
        overlap = timedelta(seconds=values["overlap_seconds"])
        return _issued(endpoints.rotate_secret(endpoint_id=endpoint.pk, overlap=overlap))

    @extend_schema(request=None, responses={202: DeliveryAnswer, 409: _PROBLEM})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        """Send an event of type `test`, on its way like any other."""
        try:
            delivery = endpoints.send_test(endpoint_id=self.get_object().pk)
        except endpoints.EndpointOff as off:
            raise Problem(status_code=409, code="endpoint_off", detail=str(off)) from off
        return Response(DeliveryAnswer(delivery).data, status=202)

    @extend_schema(responses=DeliveryAnswer(many=True))
    @action(detail=True, methods=["get"], serializer_class=DeliveryAnswer)
    def deliveries(self, request: Request, pk: UUID) -> Response:
        """What it was sent, newest first, with every try."""
        found: Any = Delivery.objects.filter(endpoint=self.get_object()).prefetch_related("log")
        page: Any = self.paginate_queryset(found)
        return self.get_paginated_response(DeliveryAnswer(page, many=True).data)


def _service_id(request: Request) -> int:
    principal: Any = request.user
    service_id: int = principal.caller.service_id
    return service_id


def _valid(serializer: StrictSerializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _issued(issued: Issued, *, status: int = 200) -> Response:
    answer = WebhookAnswer(issued.endpoint).data | {"secret": issued.secret}
    return Response(answer, status=status, headers={"Cache-Control": "no-store"})


def _as_api(error: DomainValidationError) -> serializers.ValidationError:
    detail: Any = error.message_dict if hasattr(error, "error_dict") else error.messages
    return serializers.ValidationError(detail)
