"""What pages of prompts take from the playground, which stands above them."""

import json
from typing import Any

from django import template
from django.template import Context
from django.utils import timezone

from apps.playground import configuration
from apps.playground.selectors.offered import Source, models_of, sources_of
from apps.playground.services import live_preview
from apps.playground.types import LivePreview
from apps.prompts import engine
from apps.prompts.conversation import said
from apps.prompts.models import PromptVersion
from apps.prompts.services import content_of

register = template.Library()


@register.simple_tag
def preview_of(version: PromptVersion) -> LivePreview:
    """The version as it is stored, filled with its samples."""
    config = configuration.current_config()
    return live_preview(
        content=content_of(version), config=config, now=timezone.now(), kind=version.prompt.kind
    )


@register.simple_tag(takes_context=True)
def value_sources(context: Context, version: PromptVersion) -> list[tuple[str, list[Source]]]:
    """Cases and past calls that this reader may see a draft filled with."""
    return sources_of(version.prompt, context["request"].user)


register.filter("said", said)


@register.simple_tag
def offered_models() -> list[str]:
    """Routes and models that a version may name."""
    return models_of(configuration.current_config())


@register.simple_tag
def words() -> str:
    """What the editor may complete and colour, as JSON."""
    return json.dumps(engine.WORDS)


@register.filter
def percent(share: float) -> str:
    """A share as a reader wants it: 0.4 %, 12 %, 140 %."""
    value: Any = share * 100
    return f"{value:.1f} %" if value < 10 else f"{value:.0f} %"
