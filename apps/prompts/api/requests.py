"""Requests to release by scripts of staff: the same services, and so the same rules, as in the
admin."""

from collections.abc import Mapping
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ChoiceField, StrictSerializer
from apps.core.clock import db_now
from apps.core.manage_api import ManageViewSet
from apps.prompts import services
from apps.prompts.api.edges import StaffPermissions, person, refusals, valid
from apps.prompts.models import (
    Approval,
    Channel,
    Prompt,
    PromptVersion,
    ReleaseRequest,
    RequestKind,
    RequestState,
)
from apps.prompts.selectors import requests_to_decide
from apps.prompts.services.requests import findings_of, waits_for
from apps.prompts.threads import open_counts

NEEDED: Mapping[str, tuple[str, ...]] = {
    "list": ("prompts.view_releaserequest",),
    "retrieve": ("prompts.view_releaserequest",),
    "create": ("prompts.add_releaserequest",),
    "approve": ("prompts.release_protected",),
    "reject": ("prompts.release_protected",),
    "withdraw": ("prompts.add_releaserequest",),
}
PROMPT = OpenApiParameter("slug", str, OpenApiParameter.PATH, description="Slug of the prompt.")


class AskRequest(StrictSerializer):
    version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, help_text="Number of a sealed version."
    )
    channel = serializers.SlugRelatedField(slug_field="slug", queryset=Channel.objects.all())
    reason = serializers.CharField(max_length=500)
    kind = ChoiceField(choices=RequestKind.choices, default=RequestKind.RELEASE)
    go_live_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Not before; null: once approved."
    )


class ApproveRequest(StrictSerializer):
    comment = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class RejectRequest(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class WithdrawRequest(StrictSerializer):
    """Takes nothing."""


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    approver = serializers.CharField(source="approver.username")

    class Meta:
        model = Approval
        fields = ["approver", "comment", "at"]


class AskedReleaseSerializer(serializers.ModelSerializer[ReleaseRequest]):
    """One request. `base` is the version that was live when it was asked for; null: none."""

    prompt = serializers.CharField(source="prompt.slug")
    version = serializers.IntegerField(source="version.number")
    channel = serializers.CharField(source="channel.slug")
    base = serializers.IntegerField(source="base.version.number", default=None, allow_null=True)
    author = serializers.CharField(source="version.author.username", default="")
    requester = serializers.CharField(source="requester.username")
    asked_at = serializers.DateTimeField(source="created_at")
    approvals = ApprovalSerializer(many=True)

    class Meta:
        model = ReleaseRequest
        fields = [
            *("id", "prompt", "version", "channel", "kind", "state", "outcome", "reason"),
            *("requester", "author", "asked_at", "go_live_at", "expires_at"),
            *("needed", "approvals", "content_hash", "base"),
        ]


class GateSerializer(serializers.Serializer[Any]):
    check = serializers.CharField()
    outcome = serializers.CharField(help_text="pass, unsure or fail; fail stands in the way.")
    detail = serializers.CharField(help_text="The reason, and the way out.")


class LookedAtReleaseSerializer(AskedReleaseSerializer):
    """The same with what still stands between it and its going live."""

    waits_for = serializers.SerializerMethodField(
        help_text="approvals, time or freeze; empty once it has ended, or when an experiment may "
        "use it."
    )
    open_comments = serializers.SerializerMethodField(help_text="On lines of its version.")
    gates = serializers.SerializerMethodField(help_text="What checks say now, while it is open.")

    class Meta(AskedReleaseSerializer.Meta):
        fields = [*AskedReleaseSerializer.Meta.fields, "waits_for", "open_comments", "gates"]

    def get_waits_for(self, row: ReleaseRequest) -> str:
        return waits_for(row, db_now())

    def get_open_comments(self, row: ReleaseRequest) -> int:
        return open_counts([row.version_id]).get(row.version_id, 0)

    def get_gates(self, row: ReleaseRequest) -> list[dict[str, str]]:
        return GateSerializer(findings_of(row), many=True).data  # type: ignore[return-value]


class AskedReleaseFilter(django_filters.FilterSet):  # type: ignore[misc]
    state = django_filters.MultipleChoiceFilter(choices=RequestState.choices)
    channel = django_filters.CharFilter(field_name="channel__slug", max_length=50)
    to_decide = django_filters.BooleanFilter(
        method="for_me", help_text="true: those that you could approve and have not."
    )

    class Meta:
        model = ReleaseRequest
        fields: list[str] = []

    def for_me(self, rows: "QuerySet[ReleaseRequest]", name: str, value: bool) -> Any:
        mine = requests_to_decide(self.request.user).values("pk")
        return rows.filter(pk__in=mine) if value else rows.exclude(pk__in=mine)


class AskedReleases(ManageViewSet):
    """Requests to release, newest first."""

    queryset = (
        ReleaseRequest.objects.select_related(
            *("prompt", "channel", "requester", "version__author", "base__version")
        )
        .defer("version__messages", "base__version__messages")
        .prefetch_related("approvals__approver")
    )
    serializer_class = AskedReleaseSerializer
    permission_classes = (StaffPermissions,)  # type: ignore[assignment]
    needed = NEEDED
    filterset_class = AskedReleaseFilter
    lookup_field = "pk"
    lookup_value_regex = "[0-9]{1,18}"


class AllReleaseRequestsViewSet(AskedReleases):
    """Requests to release of all prompts, newest first."""

    http_method_names = ["get", "head", "options"]


@extend_schema(parameters=[PROMPT])
class ReleaseRequestViewSet(AskedReleases):
    """Requests to release versions of a prompt: ask, look, decide."""

    http_method_names = ["get", "post", "head", "options"]

    def get_queryset(self) -> "QuerySet[ReleaseRequest]":
        return super().get_queryset().filter(prompt__slug=self.kwargs["slug"])

    @extend_schema(responses=LookedAtReleaseSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One request, with what the checks of its channel say now."""
        return Response(LookedAtReleaseSerializer(self.get_object()).data)

    @extend_schema(request=AskRequest, responses={201: LookedAtReleaseSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask that a sealed version goes live, or that experiments may use it. Where nobody must
        approve it is released at once."""
        values = valid(AskRequest, request)
        prompt = get_object_or_404(Prompt, slug=self.kwargs["slug"])
        version = get_object_or_404(PromptVersion, prompt=prompt, number=values.pop("version"))
        with refusals():
            made = services.request_release(
                prompt=prompt, version=version, by=person(request), now=db_now(), **values
            )
        return self._answer(made, status=201)

    @extend_schema(request=ApproveRequest, responses=LookedAtReleaseSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say yes to exactly what the request shows. With the last yes it goes live, or waits for
        its time or a freeze. Not for its requester, nor the version's author."""
        values = valid(ApproveRequest, request)
        row = self.get_object()
        with refusals():
            row = services.approve_request(
                request=row, by=person(request), now=db_now(), comment=values["comment"]
            )
        return self._answer(row)

    @extend_schema(request=RejectRequest, responses=LookedAtReleaseSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say no, and why."""
        values = valid(RejectRequest, request)
        row = self.get_object()
        with refusals():
            row = services.reject_request(
                request=row, by=person(request), now=db_now(), reason=values["reason"]
            )
        return self._answer(row)

    @extend_schema(request=WithdrawRequest, responses=LookedAtReleaseSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take one's own request back."""
        valid(WithdrawRequest, request)
        row = self.get_object()
        with refusals():
            row = services.withdraw_request(request=row, by=person(request), now=db_now())
        return self._answer(row)

    def _answer(self, row: ReleaseRequest, status: int = 200) -> Response:
        """As it is now: the services give it with the columns that they needed."""
        shown = self.get_queryset().get(pk=row.pk)
        return Response(LookedAtReleaseSerializer(shown).data, status=status)
