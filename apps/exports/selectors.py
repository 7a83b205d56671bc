"""Which exports somebody may see, and the bytes of one."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from apps.exports.models import Chunk, Export
from apps.finance.dimensions import dimension_of
from apps.finance.query import Query

SEE_ALL = "exports.see_all_exports"
_SUFFIXES = {"xlsx": "xlsx", "json": "json"}
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def exports_for(user: Any) -> QuerySet[Export]:
    """One's own; finance sees everybody's."""
    found = Export.objects.select_related("made_by")
    return found if user.has_perm(SEE_ALL) else found.filter(made_by=user.pk)


def bytes_of(export: Export) -> Iterator[bytes]:
    """Part by part, so that no process holds a whole file."""
    chunks = Chunk.objects.filter(export=export).order_by("number")
    for number in chunks.values_list("number", flat=True):
        yield bytes(chunks.values_list("data", flat=True).get(number=number))


def headers_of(export: Export) -> dict[str, str]:
    suffix = _SUFFIXES.get(export.format, "csv")
    name = f"costs-{export.format}-{export.made_at:%Y%m%d-%H%M}-{export.pk.hex[-6:]}.{suffix}"
    return {
        "Content-Type": TYPES[suffix],
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(export.size),
    }


def in_words(query: Query) -> str:
    """A question as a line of a list."""
    by = " and ".join(dimension.label.lower() for dimension in query.dimensions)
    days = f"{query.days.first} to {query.days.last}"
    only = [_only(name, values) for name, values in query.filters]
    return "; ".join([f"Costs by {by}, {days}", *only])


def _only(name: str, values: tuple[str, ...]) -> str:
    dimension = dimension_of(name)
    if dimension is None:
        return ""
    return f"{dimension.label.lower()} {', '.join(map(dimension.label_of, values))}"
