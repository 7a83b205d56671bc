"""Where the navigation leads: choose a prompt to run, or go on with an earlier run."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from apps.playground.admin.pages import may_run
from apps.playground.selectors.offered import latest_runs, runnable_prompts
from apps.playground.services.account import budget_of_playground


@require_safe
@may_run
def page(request: HttpRequest) -> HttpResponse:
    """`?q=` looks for a prompt by the beginning of a word of its name."""
    sought = request.GET.get("q", "").strip()[:100]
    context = admin.site.each_context(request) | {
        "title": "Playground",
        "sought": sought,
        "prompts": runnable_prompts(sought),
        "runs": latest_runs(request.user),  # type: ignore[arg-type]
        "budget": budget_of_playground(),
    }
    return TemplateResponse(request, "admin/playground/start.html", context)
