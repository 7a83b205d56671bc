"""A saved view by mail: its page, what a letter looks like, one at once, and the end of it."""

from typing import Any, cast

from csp.decorators import csp
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.clock import db_now
from apps.core.rights import needs
from apps.finance.admin.mail_forms import PlanForm
from apps.finance.admin.pages import may_see_costs
from apps.finance.mailing.previewing import preview
from apps.finance.mailing.stopping import recipient_of
from apps.finance.models import Letter, MailPlan, SavedView
from apps.finance.selectors import views_for
from apps.finance.services import save_plan, send_once, stop_for, stop_plan

MOST_LETTERS = 20
# a letter has its style inside, as mail needs it, and nothing else that could do something
OF_LETTERS = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "frame-ancestors": ["'none'"],
}
may_see_views = needs("finance.view_savedview")


@require_http_methods(["GET", "HEAD", "POST"])
@may_see_costs
@may_see_views
def view_mail(request: HttpRequest, pk: int) -> HttpResponse:
    """Who owns the view sets when and to whom; who sees it looks, and gets one at once."""
    view = _view(request, pk)
    plan = MailPlan.objects.filter(view=view).first()
    if request.method != "POST":
        return _page(request, view, plan, PlanForm(plan=plan))
    _own(request, view)
    form = PlanForm(request.POST, plan=plan)
    if not form.is_valid() or not _saved(request, view, form):
        return _page(request, view, plan, form)
    return _back(view)


@require_safe
@may_see_costs
@may_see_views
@csp(OF_LETTERS)  # type: ignore[arg-type]  # django-csp's types know no further arguments
def view_mail_preview(request: HttpRequest, pk: int) -> HttpResponse:
    view = _view(request, pk)
    written = preview(view=view, now=db_now(), zone=settings.REPORTING_TIME_ZONE)
    if request.GET.get("as") == "text":
        return HttpResponse(written.text, content_type="text/plain; charset=utf-8")
    return HttpResponse(written.html)


@require_POST
@may_see_costs
@may_see_views
def view_mail_now(request: HttpRequest, pk: int) -> HttpResponse:
    view, user = _view(request, pk), cast(User, request.user)
    if not user.email:
        messages.error(request, "You have no e-mail address here. Ask an administrator for one.")
        return _back(view)
    letter = send_once(view=view, to=user, now=db_now(), zone=settings.REPORTING_TIME_ZONE)
    if letter.sent_at:
        messages.success(request, f"Sent to {letter.to}.")
    elif letter.dropped_at:
        messages.error(request, f"Not sent. {letter.error}")
    else:
        text = "The mail server did not take it yet; it is tried again in a minute."
        messages.warning(request, f"{text} {letter.error}")
    return _back(view)


@require_POST
@may_see_costs
@may_see_views
def view_mail_stop(request: HttpRequest, pk: int) -> HttpResponse:
    view = _view(request, pk)
    _own(request, view)
    stopped = stop_plan(view=view)
    messages.success(request, "Stopped for everybody." if stopped else "It was stopped already.")
    return _back(view)


@csrf_exempt  # mail programs post without having been here; the token is the proof
@require_http_methods(["GET", "HEAD", "POST"])
def mail_stop(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing: programs that look for bad links open them all."""
    recipient = recipient_of(token)
    if recipient is None:
        raise Http404
    if request.method == "POST":
        wants = request.POST.get("resume") is None
        stop_for(recipient=recipient, is_stopped=wants, now=db_now())
        recipient.refresh_from_db()
    context = admin.site.each_context(request) | {
        "title": "Mail of costs",
        "recipient": recipient,
        "view": recipient.plan.view,
        "plan": recipient.plan,
    }
    return TemplateResponse(request, "finance/mail_stop.html", context)


def _view(request: HttpRequest, pk: int) -> SavedView:
    return get_object_or_404(views_for(request.user), pk=pk)


def _own(request: HttpRequest, view: SavedView) -> None:
    is_own = view.owner_id == request.user.pk
    if not (is_own and request.user.has_perm("finance.change_savedview")):
        raise PermissionDenied


def _saved(request: HttpRequest, view: SavedView, form: PlanForm) -> bool:
    try:
        plan = save_plan(
            view=view,
            moment=form.moment,
            people=form.cleaned_data["people"],
            addresses=form.cleaned_data["addresses"],
            now=db_now(),
            zone=settings.REPORTING_TIME_ZONE,
        )
    except ValidationError as error:
        form.add_error(None, error)
        return False
    messages.success(request, f"It comes by mail: {plan}.")
    return True


def _page(
    request: HttpRequest, view: SavedView, plan: MailPlan | None, form: PlanForm
) -> HttpResponse:
    is_own = view.owner_id == request.user.pk
    context: dict[str, Any] = admin.site.each_context(request) | {
        "title": f"Mail: {view.name}",
        "view": view,
        "plan": plan,
        "form": form,
        "zone": settings.REPORTING_TIME_ZONE,
        "may_change": is_own and request.user.has_perm("finance.change_savedview"),
        "stopped": plan.recipients.exclude(stopped_at=None).select_related("user", "address")
        if plan
        else [],
        "letters": _letters(request, view, is_own),
    }
    status = 400 if form.errors else 200
    return TemplateResponse(request, "finance/mail.html", context, status=status)


def _letters(request: HttpRequest, view: SavedView, is_own: bool) -> list[Letter]:
    """The owner sees all, others what they asked for themselves."""
    found = Letter.objects.filter(view=view)
    if not is_own:
        found = found.filter(asked_by=request.user.pk)
    rows = found.select_related("recipient__user", "recipient__address", "asked_by")
    return list(rows.defer("text", "html")[:MOST_LETTERS])


def _back(view: SavedView) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:costs_view_mail", args=[view.pk]))
