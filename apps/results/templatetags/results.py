"""Panels of results for pages of other apps: `{% load results %}{% version_results version %}`."""

from datetime import timedelta
from typing import Any

from django import template
from django.utils import timezone

from apps.core.money import short_usd
from apps.prompts.models import Prompt, PromptVersion
from apps.results.figures import compared_figures, milliseconds
from apps.results.versions import VersionMetrics, version_metrics, whole_version

register = template.Library()
DAYS = 30


@register.inclusion_tag("results/versions.html")
def version_results(version: PromptVersion) -> dict[str, Any]:
    """Of one version, by channel and arm."""
    return _panel(version.prompt.slug, version.number)


@register.inclusion_tag("results/versions.html")
def prompt_results(prompt: Prompt) -> dict[str, Any]:
    """Of all versions of a prompt that were called."""
    return _panel(prompt.slug, None)


@register.inclusion_tag("results/compared.html")
def compared_results(old: PromptVersion, new: PromptVersion) -> dict[str, Any]:
    """Of two versions of one prompt, each over all channels and arms."""
    since = timezone.now() - timedelta(days=DAYS)
    found = [
        whole_version(version_metrics(prompt=old.prompt.slug, since=since, version=one.number))
        for one in (old, new)
    ]
    return {"old": old, "new": new, "days": DAYS, "rows": list(compared_figures(*found))}


def _panel(slug: str, version: int | None) -> dict[str, Any]:
    since = timezone.now() - timedelta(days=DAYS)
    rows = version_metrics(prompt=slug, since=since, version=version)
    return {"rows": [_row(row) for row in rows[:50]], "days": DAYS}


def _row(row: VersionMetrics) -> dict[str, Any]:
    return {
        "row": row,
        "failed": f"{row.share(row.failed):.1%}",
        "refusals": f"{row.share(row.refusals):.1%}",
        "schema_failures": f"{row.share(row.schema_failures):.1%}",
        "p50": milliseconds(row.p50_ms),
        "p95": milliseconds(row.p95_ms),
        "cost": short_usd(row.cost_pico_a_call),
        "tokens": (row.input_tokens + row.output_tokens) // row.calls if row.calls else 0,
        "scores": ", ".join(
            f"{slug} {score['mean']:.2f} ({score['count']:,})" for slug, score in row.scores.items()
        ),
    }
