"""Comments on lines of a version, by scripts of staff."""

from collections.abc import Mapping
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import StrictSerializer
from apps.core.clock import db_now
from apps.prompts import services
from apps.prompts.api.edges import StaffPermissions, person, refusals, valid
from apps.prompts.models import LineComment, PromptVersion
from apps.prompts.threads import Thread, threads_of

NEEDED: Mapping[str, tuple[str, ...]] = {
    "list": ("prompts.view_linecomment",),
    "create": ("prompts.add_linecomment",),
    "answer": ("prompts.add_linecomment",),
    "resolve": ("prompts.add_linecomment",),
    "reopen": ("prompts.add_linecomment",),
}
_SLUG = OpenApiParameter("slug", str, OpenApiParameter.PATH, description="Slug of the prompt.")
_NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH, description="Of the version.")
_ID = OpenApiParameter("id", int, OpenApiParameter.PATH, description="Of a thread.")


class NewCommentRequest(StrictSerializer):
    """Message and line count from 1."""

    message = serializers.IntegerField(min_value=1, max_value=1_000)
    line = serializers.IntegerField(min_value=1, max_value=1_000_000)
    text = serializers.CharField(max_length=2_000)


class AnswerRequest(StrictSerializer):
    text = serializers.CharField(max_length=2_000)


class NothingRequest(StrictSerializer):
    """Takes nothing."""


class AnswerSerializer(serializers.Serializer[LineComment]):
    author = serializers.CharField(source="author.username")
    text = serializers.CharField()
    written_at = serializers.DateTimeField()


class ThreadSerializer(serializers.Serializer[Any]):
    """A comment with its answers."""

    id = serializers.IntegerField(source="comment.pk")
    author = serializers.CharField(source="comment.author.username")
    text = serializers.CharField(source="comment.text")
    written_at = serializers.DateTimeField(source="comment.written_at")
    quote = serializers.CharField(source="comment.quote", help_text="The line as it was then.")
    was_message = serializers.IntegerField(source="comment.message")
    was_line = serializers.IntegerField(source="comment.line")
    message = serializers.SerializerMethodField(
        help_text="Where the line is now; null: no line says the same any more."
    )
    line = serializers.SerializerMethodField()
    is_open = serializers.BooleanField()
    resolved_by = serializers.CharField(
        source="comment.resolved_by.username", default=None, allow_null=True
    )
    resolved_at = serializers.DateTimeField(source="comment.resolved_at", allow_null=True)
    answers = AnswerSerializer(source="replies", many=True)

    def get_message(self, thread: Thread) -> int | None:
        return thread.place[0] if thread.place else None

    def get_line(self, thread: Thread) -> int | None:
        return thread.place[1] if thread.place else None


@extend_schema(parameters=[_SLUG, _NUMBER])
class CommentViewSet(viewsets.ViewSet):
    """What reviewers say about lines of a version."""

    authentication_classes = (BasicAuthentication, SessionAuthentication)
    permission_classes = (StaffPermissions,)
    needed = NEEDED
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses=ThreadSerializer(many=True))
    def list(self, request: Request, **kwargs: Any) -> Response:
        """All threads in the order of their lines; those whose line is gone come last."""
        threads = _threads(self._version())
        return Response(ThreadSerializer(threads, many=True).data)

    @extend_schema(request=NewCommentRequest, responses={201: ThreadSerializer})
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Comment on a line."""
        values, version = valid(NewCommentRequest, request), self._version()
        with refusals():
            made = services.comment_on(version=version, by=person(request), now=db_now(), **values)
        return _answered(version, made.pk, status=201)

    @extend_schema(request=AnswerRequest, responses={201: ThreadSerializer}, parameters=[_ID])
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, **kwargs: Any) -> Response:
        """Answer a comment."""
        values, row = valid(AnswerRequest, request), self._comment()
        with refusals():
            services.answer_comment(comment=row, by=person(request), now=db_now(), **values)
        return _answered(row.version, row.pk, status=201)

    @extend_schema(request=NothingRequest, responses=ThreadSerializer, parameters=[_ID])
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, **kwargs: Any) -> Response:
        """Nothing is left to say about it."""
        valid(NothingRequest, request)
        row = self._comment()
        with refusals():
            services.resolve_comment(comment=row, by=person(request), now=db_now())
        return _answered(row.version, row.pk)

    @extend_schema(request=NothingRequest, responses=ThreadSerializer, parameters=[_ID])
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, **kwargs: Any) -> Response:
        """There is something left to say after all."""
        valid(NothingRequest, request)
        row = self._comment()
        with refusals():
            services.reopen_comment(comment=row, by=person(request))
        return _answered(row.version, row.pk)

    def _version(self) -> PromptVersion:
        number = min(int(self.kwargs["number"]), 2**31 - 1)
        rows = PromptVersion.objects.select_related("prompt")
        return get_object_or_404(rows, prompt__slug=self.kwargs["slug"], number=number)

    def _comment(self) -> LineComment:
        rows = LineComment.objects.select_related("version__prompt").filter(parent=None)
        pk = min(int(self.kwargs["pk"]), 2**63 - 1)
        return get_object_or_404(rows, pk=pk, version=self._version())


def _threads(version: PromptVersion) -> list[Thread]:
    return threads_of(version, services.content_of(version).messages)


def _answered(version: PromptVersion, pk: int, status: int = 200) -> Response:
    thread = next(one for one in _threads(version) if one.comment.pk == pk)
    return Response(ThreadSerializer(thread).data, status=status)
