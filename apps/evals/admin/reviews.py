"""The review queue: one answer at a time, without the version's name or a judge's score."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin, pill, short_time
from apps.core.admin.cells import NOTHING
from apps.core.clock import db_now
from apps.evals.admin.ask import page, show_faults
from apps.evals.admin.forms import ReviewForm
from apps.evals.checks.wanted import as_text, said
from apps.evals.errors import EvalError
from apps.evals.models import EvalRun, Review, ReviewState
from apps.evals.services.reviews import PERMISSION, decide, take, take_next
from apps.evals.stored import checks_of


class RunFilter(admin.SimpleListFilter):
    """Of one run, as its page links here; a list of all runs would help nobody."""

    title = "run"
    parameter_name = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(run, f"Run {run}")] if (run := self.value()) and run.isdecimal() else []

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        value = self.value() or ""
        known = value.isascii() and value.isdigit()
        return queryset.filter(result__run=int(value[:18])) if known else queryset


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "question", "run", "state_pill", "held", "verdict", "decided")
    list_filter = ("state", RunFilter)
    list_select_related = ("result__run__version__prompt", "locked_by", "reviewer")
    ordering = ("-id",)
    fields = ("question", "run", "state_pill", "held", "verdict", "comment", "reviewer", "decided")
    readonly_fields = fields
    change_list_template = "admin/evals/review/change_list.html"
    change_form_template = "admin/evals/review/change_form.html"
    empty_state = EmptyState(
        "Nothing waits for people. Suites with a check for people, and judges that are compared "
        "with people, fill this queue."
    )

    class Media:
        css = {"all": ["prompts/prompts.css", "evals/evals.css"]}

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("next/", wrap(self.next_view), name="evals_review_next"),
            path("<int:pk>/decide/", wrap(self.decide_view), name="evals_review_decide"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        waiting = Review.objects.filter(state=ReviewState.OPEN).count()
        may = request.user.has_perm(PERMISSION)
        context = {"waiting": waiting, "may_review": may and waiting}
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.display(description="Question")
    def question(self, review: Review) -> str:
        return checks_of(review.result.run.checks)[review.check_index].value[:100]

    @admin.display(description="Run")
    def run(self, review: Review) -> str:
        return f"Run {review.result.run_id}"

    @admin.display(description="State", ordering="state")
    def state_pill(self, review: Review) -> SafeString:
        done = review.state == ReviewState.DONE
        return pill(review.get_state_display(), "ok" if done else "warn")

    @admin.display(description="Held by")
    def held(self, review: Review) -> str:
        if review.locked_until is None or review.locked_until <= db_now():
            return NOTHING
        return f"{review.locked_by} until {review.locked_until:%H:%M %Z}"

    @admin.display(description="Verdict")
    def verdict(self, review: Review) -> str:
        return NOTHING if review.score is None else f"{review.score:g} by {review.reviewer}"

    @admin.display(description="Decided", ordering="decided_at")
    def decided(self, review: Review) -> SafeString:
        return short_time(review.decided_at)

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Take the next one and go there. Only by POST, as it holds the answer for somebody."""
        self._check(request)
        listed = reverse("admin:evals_review_changelist")
        if request.method != "POST":
            return HttpResponseRedirect(listed)
        run = EvalRun.objects.filter(pk=_number(request, "run")).first()
        return self._to_next(request, run, _number(request, "after"))

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._check(request)
        rows: QuerySet[Review] = Review.objects.select_related("result__run", "result__case")
        review = get_object_or_404(rows, pk=pk)
        form = ReviewForm(request.POST if request.method == "POST" else None)
        try:
            take(review=review, by=request.user, now=db_now())  # type: ignore[arg-type]
            if request.method == "POST" and form.is_valid():
                decide(review=review, by=request.user, now=db_now(), **form.cleaned_data)  # type: ignore[arg-type]
                return self._to_next(request, review.result.run, review.pk)
        except EvalError as error:
            if request.method != "POST" or not form.is_valid():
                messages.error(request, str(error))
                return HttpResponseRedirect(reverse("admin:evals_review_changelist"))
            show_faults(form, error)
        return page(self, request, review, "admin/evals/review.html", _shown(review, form))

    def _to_next(self, request: HttpRequest, run: EvalRun | None, after: int) -> HttpResponse:
        try:
            found = take_next(by=request.user, now=db_now(), run=run, after=after)  # type: ignore[arg-type]
        except EvalError as error:
            messages.error(request, str(error))
            found = None
        if found is None:
            messages.success(request, "Nothing more waits for you there.")
            return HttpResponseRedirect(reverse("admin:evals_review_changelist"))
        return HttpResponseRedirect(reverse("admin:evals_review_decide", args=[found.pk]))

    def _check(self, request: HttpRequest) -> None:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied


def _number(request: HttpRequest, name: str) -> int:
    given = request.POST.get(name, "")
    return int(given[:18]) if given.isascii() and given.isdigit() else 0


def _shown(review: Review, form: ReviewForm) -> dict[str, Any]:
    result = review.result
    waiting = Review.objects.filter(state=ReviewState.OPEN, result__run=result.run_id)
    return {
        "title": "Review an answer",
        "review": review,
        "form": form,
        "question": checks_of(result.run.checks)[review.check_index].value,
        "given": [(name, as_text(value)) for name, value in result.case.variables.items()],
        "expected": "" if result.case.expected is None else as_text(result.case.expected),
        "said": said(result.answer, result.message) or as_text(result.message or ""),
        "waiting": waiting.count(),
    }
