"""The page where a version is read line by line, and what was said about its lines."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.core.clock import db_now
from apps.prompts.admin.cells import status_pill
from apps.prompts.errors import PromptError
from apps.prompts.models import LineComment, PromptVersion
from apps.prompts.services import (
    answer_comment,
    comment_on,
    content_of,
    reopen_comment,
    resolve_comment,
)
from apps.prompts.services.comments import LONGEST, MAY_COMMENT
from apps.prompts.threads import Place, Thread, lines_of, mark_of, threads_of

MAY_READ = "prompts.view_linecomment"
SHOWN = 1_000  # lines of one message
MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    text: str
    mark: str
    threads: list[Thread] = field(default_factory=list)
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    number: int
    role: str
    lines: list[Line]
    hidden: int
    """Lines beyond those that are shown."""


def comments_view(model_admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """`?on=2.3` offers to comment on the third line of the second message."""
    version = get_object_or_404(PromptVersion.objects.select_related("prompt", "author"), pk=pk)
    allowed = model_admin.has_view_permission(request, version) and request.user.has_perm(MAY_READ)
    if not allowed:
        raise PermissionDenied
    tried: Mapping[str, Any] = {}
    if request.method == "POST":
        try:
            comment = _DO.get(request.POST.get("do", ""), _nothing)(version, request)
            return HttpResponseRedirect(f"{request.path}#comment-{comment.pk}")
        except PromptError as error:
            messages.error(request, str(error))
            tried = request.POST
    return TemplateResponse(
        request,
        "admin/prompts/comments.html",
        model_admin.admin_site.each_context(request)
        | _page(version, _place(tried.get("on") or request.GET.get("on", "")))
        | {
            "title": f"Comments on {version}",
            "opts": model_admin.opts,
            "media": model_admin.media,
            "may_comment": request.user.has_perm(MAY_COMMENT),
            "tried": tried,
        },
    )


def comments_url(version: PromptVersion) -> str:
    return reverse("admin:prompts_promptversion_comments", args=[version.pk])


def _page(version: PromptVersion, chosen: Place | None) -> dict[str, Any]:
    content = content_of(version)
    threads = threads_of(version, content.messages)
    shown = list(_messages(content.messages, threads, chosen))
    placed = {
        thread.comment.pk for message in shown for line in message.lines for thread in line.threads
    }
    return {
        "version": version,
        "status": status_pill(version.status),
        "messages_shown": shown,
        "elsewhere": [one for one in threads if one.comment.pk not in placed],
        "open_count": sum(one.is_open for one in threads),
        "thread_count": len(threads),
        "longest": LONGEST,
    }


def _messages(messages: Any, threads: list[Thread], chosen: Place | None) -> Iterator[Message]:
    by_place: dict[Place | None, list[Thread]] = {}
    for thread in threads:
        by_place.setdefault(thread.place, []).append(thread)
    rows = messages if isinstance(messages, list) else []  # a draft's may be anything
    for number, (row, texts) in enumerate(zip(rows, lines_of(messages), strict=True), 1):
        lines = [
            Line(at, text, mark_of(text), by_place.get((number, at), []), (number, at) == chosen)
            for at, text in enumerate(texts[:SHOWN], 1)
        ]
        yield Message(number, _role(row), lines, max(0, len(texts) - SHOWN))


def _role(message: Any) -> str:
    if not isinstance(message, Mapping):
        return "unreadable"
    return "placeholder" if "placeholder" in message else str(message.get("role"))


def _place(text: str) -> Place | None:
    message, _, line = text.partition(".")
    if not all(part.isascii() and part.isdigit() for part in (message, line)):
        return None
    return int(message[:MOST_DIGITS]), int(line[:MOST_DIGITS])


def _comment(version: PromptVersion, request: HttpRequest) -> LineComment:
    message, line = _place(request.POST.get("on", "")) or (0, 0)
    return comment_on(
        version=version,
        message=message,
        line=line,
        text=_text(request),
        by=_user(request),
        now=db_now(),
        seen=request.POST.get("seen"),
    )


def _answer(version: PromptVersion, request: HttpRequest) -> LineComment:
    made = answer_comment(
        comment=_thread(version, request), text=_text(request), by=_user(request), now=db_now()
    )
    return cast("LineComment", made.parent)


def _resolve(version: PromptVersion, request: HttpRequest) -> LineComment:
    return resolve_comment(comment=_thread(version, request), by=_user(request), now=db_now())


def _reopen(version: PromptVersion, request: HttpRequest) -> LineComment:
    return reopen_comment(comment=_thread(version, request), by=_user(request))


def _nothing(version: PromptVersion, request: HttpRequest) -> LineComment:
    raise PermissionDenied


_DO: Mapping[str, Callable[[PromptVersion, HttpRequest], LineComment]] = {
    "comment": _comment,
    "answer": _answer,
    "resolve": _resolve,
    "reopen": _reopen,
}


def _thread(version: PromptVersion, request: HttpRequest) -> LineComment:
    given = request.POST.get("comment", "")
    pk = int(given[:MOST_DIGITS]) if given.isascii() and given.isdigit() else 0
    return get_object_or_404(LineComment, pk=pk, version=version)


def _text(request: HttpRequest) -> str:
    """Browsers send CR LF for each line break."""
    return request.POST.get("text", "").replace("\r\n", "\n")


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
