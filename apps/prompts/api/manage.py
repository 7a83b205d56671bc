"""Management of prompts by scripts of staff: the same services as the admin's."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import StrictSerializer
from apps.core.manage_api import ManageViewSet, manage_serializer
from apps.prompts import services, textfile
from apps.prompts.api.edges import StaffPermissions, person, refusals, valid
from apps.prompts.api.serializers import VersionSummarySerializer
from apps.prompts.models import Channel, Prompt, PromptVersion, Release
from apps.prompts.selectors import live_version
from apps.prompts.validation import Content

# Any one of them opens the action; protected channels ask the service for more.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "list": ("prompts.view_prompt",),
    "retrieve": ("prompts.view_prompt",),
    "create": ("prompts.add_prompt",),
    "partial_update": ("prompts.change_prompt",),
    "versions": ("prompts.add_promptversion",),
    "validate": ("prompts.view_prompt",),
    "file": ("prompts.view_prompt",),
    "files": ("prompts.add_prompt",),
    "seal": ("prompts.change_promptversion",),
    "release": ("prompts.add_release", "prompts.release_protected"),
    "rollback": ("prompts.add_release", "prompts.release_protected"),
}


class NewVersionRequest(StrictSerializer):
    """The whole content of a version."""

    messages = serializers.ListField(child=serializers.DictField())
    variables = serializers.DictField(required=False, default=dict)
    model = serializers.CharField(max_length=50)
    parameters = serializers.DictField(required=False, default=dict)
    response_schema = serializers.DictField(required=False, allow_null=True, default=None)
    fit = serializers.DictField(
        required=False,
        default=dict,
        help_text="What may be left out when it is too long: max_input_tokens, steps.",
    )
    tools = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        default=list,
        help_text="Functions that the model may call, in OpenAI's form.",
    )
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class FindingSerializer(serializers.Serializer[Any]):
    """One fault or warning, and where."""

    pointer = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField()


class FindingsSerializer(serializers.Serializer[Any]):
    """Faults forbid sealing; warnings don't."""

    faults = FindingSerializer(many=True)
    warnings = FindingSerializer(many=True)


class FileRequest(StrictSerializer):
    file = serializers.CharField(
        max_length=textfile.MOST_CHARS,
        trim_whitespace=False,
        help_text="The text of a file as `GET …/{slug}/file/` gives it.",
    )


class SealRequest(StrictSerializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    note = serializers.CharField(max_length=500, help_text="What changed, and why.")


class RollbackRequest(StrictSerializer):
    channel = serializers.SlugRelatedField(slug_field="slug", queryset=Channel.objects.all())
    reason = serializers.CharField(max_length=500)


class ReleaseRequest(RollbackRequest):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    prompt = serializers.CharField(source="prompt.slug")
    channel = serializers.CharField(source="channel.slug")
    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = Release
        fields = ["prompt", "channel", "version", "kind", "reason", "released_at"]


class ManagePromptViewSet(ManageViewSet):
    """Prompts: drafts of their versions, seals, releases and the way back."""

    queryset = Prompt.objects.order_by("pk")
    serializer_class = manage_serializer(
        Prompt,
        fields=(
            *("slug", "kind", "name", "description", "owner", "tags", "folder"),
            *("on_unknown", "archived"),
        ),
    )
    permission_classes = (StaffPermissions,)  # type: ignore[assignment]
    needed = NEEDED
    http_method_names = ["get", "post", "patch", "head", "options"]

    @extend_schema(request=NewVersionRequest, responses={201: VersionSummarySerializer})
    @action(detail=True, methods=["post"])
    def versions(self, request: Request, slug: str) -> Response:
        """A new draft with this content. It may have faults until it is sealed."""
        values = valid(NewVersionRequest, request)
        note = values.pop("note")
        with refusals():
            draft = services.draft_of(
                prompt=self.get_object(), content=Content(**values), note=note, by=person(request)
            )
        return Response(VersionSummarySerializer(draft).data, status=201)

    @extend_schema(request=NewVersionRequest, responses=FindingsSerializer)
    @action(detail=True, methods=["post"])
    def validate(self, request: Request, slug: str) -> Response:
        """What is wrong with this content, without storing it."""
        values = valid(NewVersionRequest, request)
        del values["note"]
        found = services.validate_content(prompt=self.get_object(), content=Content(**values))
        return Response(FindingsSerializer(found).data)

    @extend_schema(
        parameters=[OpenApiParameter("number", int, description="Default: what is in use.")],
        responses={(200, "text/plain"): str},
    )
    @action(detail=True, methods=["get"])
    def file(self, request: Request, slug: str) -> HttpResponse:
        """A version as a text file, for git: equal versions are equal files."""
        version = _version_in(self.get_object(), request.query_params.get("number"))
        text = textfile.write(services.export_version(version=version))
        return HttpResponse(text, content_type="text/plain; charset=utf-8")

    @extend_schema(request=FileRequest, responses={201: VersionSummarySerializer})
    @action(detail=False, methods=["post"])
    def files(self, request: Request) -> Response:
        """A draft of a file, and its prompt when it is new. A version that is sealed here already
        is returned as it is."""
        given = valid(FileRequest, request)["file"]
        try:
            document = textfile.read(given)
        except textfile.TextFileError as error:
            raise ValidationError({"file": [str(error)]}) from error
        with refusals():
            made = services.import_version(
                document=document, by=person(request), now=timezone.now()
            )
        return Response(VersionSummarySerializer(made).data, status=201)

    @extend_schema(request=SealRequest, responses=VersionSummarySerializer)
    @action(detail=True, methods=["post"])
    def seal(self, request: Request, slug: str) -> Response:
        """Make a draft immutable, or tell all its faults."""
        values = valid(SealRequest, request)
        version = _version(self.get_object(), values["version"])
        with refusals():
            sealed = services.seal_version(
                version=version, note=values["note"], by=person(request), now=timezone.now()
            )
        return Response(VersionSummarySerializer(sealed).data)

    @extend_schema(request=ReleaseRequest, responses={201: ReleaseSerializer})
    @action(detail=True, methods=["post"])
    def release(self, request: Request, slug: str) -> Response:
        """Make a sealed version live on a channel."""
        values = valid(ReleaseRequest, request)
        prompt = self.get_object()
        version = _version(prompt, values.pop("version"))
        with refusals():
            made = services.release(
                prompt=prompt, version=version, by=person(request), now=timezone.now(), **values
            )
        return Response(ReleaseSerializer(made).data, status=201)

    @extend_schema(request=RollbackRequest, responses={201: ReleaseSerializer})
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, slug: str) -> Response:
        """Make live what was live before on a channel."""
        values = valid(RollbackRequest, request)
        prompt = self.get_object()
        with refusals():
            made = services.rollback(
                prompt=prompt, by=person(request), now=timezone.now(), **values
            )
        return Response(ReleaseSerializer(made).data, status=201)


def _version(prompt: Prompt, number: int) -> PromptVersion:
    return get_object_or_404(PromptVersion, prompt=prompt, number=number)


def _version_in(prompt: Prompt, number: str | None) -> PromptVersion:
    """The one of that number; without one, the one in use."""
    if number is not None and not (number.isdecimal() and len(number) < 19):
        raise ValidationError({"number": ["Must be a whole number."]})
    version = live_version(prompt) if number is None else None
    if number is not None:
        version = prompt.versions.filter(number=min(int(number), 2**31 - 1)).first()
    if version is None:
        raise Http404
    return version
