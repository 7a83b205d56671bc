"""Our prices beside published ones, and proposing what differs."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from apps.core.admin.cells import NOTHING
from apps.registry.admin.cells import change_of, per_million
from apps.registry.models import UsageClass
from apps.registry.types import PublishedPrice

_CLASSES = dict(UsageClass.choices)
PROPOSE = "registry.approve_price"


def drift(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """GET compares; POST proposes what differs, as `import_prices` does."""
    # Its data takes a second to load: only for those who look here.
    from apps.registry.services.imports import drift, import_prices

    if request.method == "POST":
        if not request.user.has_perm(PROPOSE):
            raise PermissionDenied
        made = import_prices(now=timezone.now())
        messages.success(request, f"{len(made.proposed)} proposed. Nothing holds before approval.")
        return HttpResponseRedirect(reverse("admin:registry_priceproposal_changelist"))
    found = drift(now=timezone.now())
    differing = [row for row in found.prices if not row.agrees]
    context = model_admin.admin_site.each_context(request) | {
        "title": "Published prices",
        "opts": model_admin.opts,
        "source": found.source,
        "rows": [_row(row) for row in differing],
        "agreeing": len(found.prices) - len(differing),
        "skipped": found.skipped,
        "may_propose": request.user.has_perm(PROPOSE),
    }
    return TemplateResponse(request, "registry/drift.html", context)


def _row(row: PublishedPrice) -> dict[str, Any]:
    theirs, ours = row.published, row.ours
    before = ours.price_pico * theirs.per_block if ours else None
    after = theirs.price_pico * (ours.per_block if ours else 1)
    return {
        "deployment": theirs.deployment,
        "meter": _CLASSES.get(theirs.usage_class, theirs.usage_class),
        "step": f"{theirs.min_input_tokens:,}" if theirs.min_input_tokens else NOTHING,
        "ours": per_million(ours.price_pico, ours.per_block) if ours else NOTHING,
        "theirs": per_million(theirs.price_pico, theirs.per_block),
        "change": change_of(before, after),
    }
