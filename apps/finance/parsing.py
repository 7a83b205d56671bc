"""A question about costs from the parameters of an address: all faults at once, each with the
parameter that it is about and the way out."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict

from apps.finance import ranges
from apps.finance.dimensions import DIMENSIONS, TAG, dimension_of
from apps.finance.query import (
    COMPARISONS,
    GRAINS,
    LONGEST,
    LONGEST_OF_ENTRIES,
    METRICS,
    UNATTRIBUTED,
    Query,
)
from apps.ledger.reports import Days

_KNOWN = ("range", "from", "to", "grain", "group_by", "compare", "metric")
_LONGEST_VALUE, _MOST_VALUES, _SHOWN = 150, 100, 40
_ENTRIES = "tags other than “project” are read from the entries themselves"


@dataclass
class Parsed:
    """`query` is always one that can be answered: where something was wrong, it has what it would
    have without it. `faults`: parameter → what is wrong."""

    query: Query
    faults: dict[str, list[str]] = field(default_factory=dict)


class _Reader:
    def __init__(self, parameters: QueryDict) -> None:
        self.parameters = parameters
        self.faults: dict[str, list[str]] = {}

    def fault(self, name: str, text: str) -> None:
        self.faults.setdefault(name, []).append(text)

    def text(self, name: str) -> str:
        """The only value; of several, none."""
        values = [value for value in self.parameters.getlist(name) if value]
        if len(values) > 1:
            self.fault(name, "Give it once.")
        return values[0] if len(values) == 1 else ""

    def choice(self, name: str, known: Collection[str], default: str) -> str:
        value = self.text(name) or default
        if value in known:
            return value
        self.fault(name, f"Unknown: “{value[:_SHOWN]}”. Known: {_list(known)}.")
        return default

    def date(self, name: str) -> date | None:
        text = self.text(name)
        if not text:
            return None
        try:
            found = date.fromisoformat(text)
        except ValueError:
            self.fault(name, f"“{text[:_SHOWN]}” is no date; write it like 2026-03-31.")
            return None
        if 1990 <= found.year <= 2200:
            return found
        self.fault(name, f"“{found}” lies outside the years 1990 to 2200.")
        return None


def parse(parameters: QueryDict, *, now: datetime, zone: str, also: Collection[str] = ()) -> Parsed:
    """Without parameters: the last 30 days by service, against the 30 before. `also` are
    parameters of the caller's own."""
    reader = _Reader(parameters)
    today = now.astimezone(ZoneInfo(zone)).date()
    preset, days = _days(reader, today, zone)
    query = Query(
        days=days,
        range=preset,
        group_by=_group_by(reader),
        grain=reader.choice("grain", GRAINS, ""),
        filters=_filters(reader, also),
        compare=reader.choice("compare", COMPARISONS, "before"),
        metric=reader.choice("metric", METRICS, "cost"),
    )
    return Parsed(_short_enough(reader, query), reader.faults)


def _days(reader: _Reader, today: date, zone: str) -> tuple[str, Days]:
    """The preset's name, unless other days are given."""
    first, last = reader.date("from"), reader.date("to")
    wrong = bool(reader.faults)
    name = reader.choice("range", ranges.PRESETS, "30d")
    if wrong or (first is None and last is None):
        return name, ranges.preset(name, today=today, zone=zone)
    last = last or max(today, first or today)
    first = first or last - timedelta(days=29)
    if first > last:
        reader.fault("from", f"It lies after “to” ({last}); exchange them.")
        return "30d", ranges.preset("30d", today=today, zone=zone)
    days = Days(first, last, zone)
    is_preset = reader.text("range") and days == ranges.preset(name, today=today, zone=zone)
    return name if is_preset else "", days


def _group_by(reader: _Reader) -> tuple[str, ...]:
    # `group` is how addresses of the first cost report said it
    given = [*reader.parameters.getlist("group_by"), *reader.parameters.getlist("group")]
    names = list(dict.fromkeys(name for text in given for name in text.split(",") if name))
    names = [TAG + reader.text("tag") if name == "tag" else name for name in names]
    known = [name for name in names if dimension_of(name)]
    for name in (name for name in names if name not in known):
        reader.fault("group_by", _unknown_dimension(name))
    if len(known) > 2:
        reader.fault("group_by", f"At most two; these are {len(known)}. Filter by the others.")
    return tuple(known[:2]) or ("service",)


def _filters(reader: _Reader, also: Collection[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = {}
    for name in reader.parameters:
        if name in (*_KNOWN, "group", "tag", *also):
            continue
        if dimension_of(name) is None:
            text = f"Unknown parameter. Known: {_list((*_KNOWN, *DIMENSIONS))}, tag:KEY."
            reader.fault(name[:_SHOWN], text)
        elif values := _values(reader, name):
            found[name] = values
    return tuple(sorted(found.items()))


def _values(reader: _Reader, name: str) -> tuple[str, ...]:
    values = {value for value in reader.parameters.getlist(name) if value}
    if len(values) > _MOST_VALUES:
        reader.fault(name, f"At most {_MOST_VALUES} values; these are {len(values)}.")
        return ()
    if any(len(value) > _LONGEST_VALUE or "\0" in value for value in values):
        reader.fault(name, f"A value has at most {_LONGEST_VALUE} characters, and no zero byte.")
        return ()
    return tuple(sorted("" if value == UNATTRIBUTED else value for value in values))


def _short_enough(reader: _Reader, query: Query) -> Query:
    """A range that can be answered: the one asked for, or the last days of it."""
    longest = LONGEST[query.period]
    why = f"At most {longest} days by {query.period}"
    if query.reads_entries and longest > LONGEST_OF_ENTRIES:
        longest = LONGEST_OF_ENTRIES
        why = f"At most {longest} days, because {_ENTRIES}"
    if query.days.count <= longest:
        return query
    reader.fault("from", f"{why}; these are {query.days.count}. Choose fewer{_or(query)}.")
    last = query.days.last
    days = Days(last - timedelta(days=longest - 1), last, query.days.zone)
    return replace(query, days=days, range="")


def _or(query: Query) -> str:
    return "" if query.reads_entries or query.period == "month" else ", or a coarser grain"


def _unknown_dimension(name: str) -> str:
    return f"Unknown: “{name[:_SHOWN]}”. Known: {_list(DIMENSIONS)}, tag:KEY."


def _list(names: Collection[str]) -> str:
    return ", ".join(name for name in names if name)
