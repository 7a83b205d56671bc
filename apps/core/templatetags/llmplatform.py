"""Template tags of the admin's pages."""

from collections.abc import Sequence
from datetime import datetime

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core import charts
from apps.core.admin import cells

WARNING = 0.8  # of a limit

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of icons.svg, in the colour of the text; decoration only, hidden from readers."""
    return format_html(
        '<svg class="l-icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("llmplatform/icons.svg"),
        name,
    )


@register.simple_tag
def legend(series: Sequence[charts.Series]) -> SafeString:
    return charts.legend(series)


@register.simple_tag
def usd(pico: int | None, beside: int = 0) -> SafeString:
    return cells.money(pico, beside=beside)


@register.simple_tag
def change_usd(pico: int, beside: int = 0) -> SafeString:
    return cells.money(pico, beside=beside, is_change=True)


@register.simple_tag
def exact_usd(pico: int | None) -> SafeString:
    return cells.exact_money(pico)


@register.simple_tag
def aligned_usd(pico: int) -> SafeString:
    return cells.aligned_money(pico)


@register.simple_tag
def short_time(at: datetime | None) -> SafeString:
    return cells.short_time(at)


@register.simple_tag
def pill(text: str, kind: cells.Kind) -> SafeString:
    return cells.pill(text, kind)


@register.simple_tag
def share_pill(share: float) -> SafeString:
    """How much of a limit is used: amber from 80 %, red from 100 %."""
    kind: cells.Kind = "bad" if share >= 1 else "warn" if share >= WARNING else "ok"
    return cells.pill(f"{share:.0%}", kind)


@register.filter
def grouped(value: int) -> str:
    return f"{value:,}"


@register.filter
def percent(value: float) -> str:
    return f"{value:.1%}"


@register.filter
def unlocalized(value: float) -> str:
    """A number for an attribute, whatever the reader's language."""
    return f"{value:.6f}"
