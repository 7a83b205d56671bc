"""How pages show what was said about lines."""

from collections.abc import Mapping
from typing import Any

from django import template

from apps.core.admin import short_time
from apps.prompts.comparison import Text
from apps.prompts.sides import Row
from apps.prompts.threads import Thread

register = template.Library()
register.filter("moment", short_time)


@register.simple_tag
def threads_on(commented: Any, text: Text, row: Row) -> list[tuple[str, Thread]]:
    """Of a row of the compare page: the side and the thread, the old side's first."""
    if not isinstance(commented, Mapping):
        return []
    sides = (("old", text.old_at, row.old), ("new", text.new_at, row.new))
    return [
        (side, thread)
        for side, message, cell in sides
        if cell is not None
        for thread in commented.get((side, message, cell.number), ())
    ]
