"""Template tags of the admin's frame."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of icons.svg, in the colour of the text; decoration only, hidden from readers."""
    return format_html(
        '<svg class="l-icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("llmplatform/icons.svg"),
        name,
    )
