"""The history of one object, for those who may see it: what the triggers wrote down, through
whatever door it came, where Django's own page knows only forms of the admin."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, ForeignKey, Model
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from apps.audit.models import AuditEntry
from apps.audit.reading import KINDS, context_of, cut, diff_of, who
from apps.core.admin import PlatformAdmin
from apps.core.admin.cells import NOTHING, Kind, exact_money, short_time

MOST = 200  # the newest; the audit log has all
_WORDS = {"insert": "Made", "update": "Changed", "delete": "Deleted"}


@dataclass(frozen=True, slots=True)
class Happened:
    """One change. `changes`: what the field is called, before, after."""

    at: datetime
    who: str
    word: str
    kind: Kind
    what: str
    changes: list[tuple[str, str, str]]
    reason: str


class WithHistory(PlatformAdmin):
    """A page of a tracked model whose *History* is that of the triggers."""

    object_history_template = "audit/object_history.html"
    history_without: frozenset[str] = frozenset()  # columns that say nothing to people

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The rows are read by the template, that is, once Django has asked whether they may be."""
        pk = unquote(object_id)
        context = {
            "happened": partial(self._happened, pk),
            "table": self.model._meta.label,
            "pk": pk,
        }
        return super().history_view(request, object_id, context | (extra_context or {}))

    def with_history_of(self, obj: Any) -> Iterable[Model]:
        """Whose history belongs to it besides its own."""
        return ()

    def _happened(self, pk: str) -> list[Happened]:
        obj = self.model._default_manager.get(pk=pk)
        found = [event for one in (obj, *self.with_history_of(obj)) for event in _events(one)]
        found.sort(key=lambda event: event.pgh_created_at, reverse=True)
        told = _told(found[:MOST], _names(), self.history_without)
        return [one for one in told if one.changes or one.word != _WORDS["update"]]


def _events(obj: Model) -> list[Any]:
    found = AuditEntry.objects.tracks(obj)  # type: ignore[no-untyped-call]
    return list(found.order_by("-pgh_created_at", "-pgh_id")[:MOST])


def _names() -> dict[Any, str]:
    """Number → name, of everybody: a change may name others than who made it."""
    users: dict[Any, str] = dict(get_user_model()._default_manager.values_list("pk", "username"))
    return users


def _told(events: list[Any], names: dict[Any, str], without: frozenset[str]) -> Iterator[Happened]:
    for event in events:
        model = apps.get_model(event.pgh_obj_model)
        yield Happened(
            at=event.pgh_created_at,
            who=who(event, names.get(context_of(event).get("user"), "")),
            word=_WORDS[event.pgh_label],
            kind=KINDS[event.pgh_label],
            what=str(model._meta.verbose_name),
            changes=[
                _change(model, *one, names) for one in diff_of(event) if one[0] not in without
            ],
            reason=str(context_of(event).get("reason", "")),
        )


def _change(
    model: type[Model], column: str, before: Any, after: Any, names: dict[Any, str]
) -> tuple[str, str, str]:
    name = column.removesuffix("_id")
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:  # of a column that is gone
        return column, cut(before), cut(after)
    label = str(getattr(field, "verbose_name", name)).replace(" pico", ", USD")
    return capfirst(label), _shown(field, before, names), _shown(field, after, names)


def _shown(field: Any, value: Any, names: dict[Any, str]) -> str:
    """As its page shows it, rather than as the table holds it."""
    if value in (None, "", []):
        return NOTHING
    if isinstance(field, ForeignKey) and field.related_model is get_user_model():
        return names.get(value, cut(value))
    if field.name.endswith("_pico"):
        return exact_money(int(value))
    if isinstance(field, DateTimeField):
        return short_time(datetime.fromisoformat(value))
    return cut(dict(field.flatchoices).get(value, value) if field.choices else value)
