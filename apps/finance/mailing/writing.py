"""A letter's words: the same in HTML and as plain text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from apps.core.money import exact_usd, short_usd
from apps.finance.explorer import Group
from apps.finance.mailing.content import Content

_NAME, _LEFT = 38, 1  # of text: widest name; columns that are names


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    text: str
    html: str


def words(
    *, name: str, address: str, found: Content, now: datetime, why: str, stop_url: str
) -> Words:
    """`address`: the view's question as it is kept. `why`: what the reader gets it for; without
    `stop_url` there is nothing to stop."""
    query = found.query
    days = f"{query.days.first} to {query.days.last}"
    report = f"{settings.WEB_URL}{reverse('admin:costs')}"
    shown = {
        "name": name,
        "days": days,
        "zone": query.days.zone,
        "before": query.days_before,
        "groups": " and ".join(dimension.label.lower() for dimension in query.dimensions),
        "content": found,
        "movers": [_mover(group) for group in found.movers],
        "heads": _heads(found),
        "rows": [(_label(group), _cells(found, group)) for group in found.rows],
        "rest": [(_label(found.rest), _cells(found, found.rest))] if found.rest else [],
        "total": _cells(found, found.total),
        "exact_total": exact_usd(found.total.sums.amount_pico),
        "as_of": now.astimezone(ZoneInfo(query.days.zone)).strftime("%Y-%m-%d %H:%M"),
        "url": f"{report}?{query.address}",
        "view_url": f"{report}?{address}",
        "why": why,
        "stop_url": stop_url,
    }
    # a subject is one line
    subject = " ".join(f"{name}: {short_usd(found.total.sums.amount_pico)}, {days}".split())
    return Words(
        subject=subject[:200],
        text=render_to_string("finance/mail/letter.txt", shown | _tables(shown)),
        html=render_to_string("finance/mail/letter.html", shown),
    )


def _heads(found: Content) -> list[str]:
    compared = ["Change"] if found.total.before else []
    return ["Cost", "Share", *compared, "Calls", "Per call"]


def _cells(found: Content, group: Group) -> list[str]:
    compared = [" ".join(filter(None, _change(group)))] if found.total.before else []
    per_call = "–" if group.per_call is None else short_usd(group.per_call)
    cost = short_usd(group.sums.amount_pico)
    return [cost, f"{group.share:.1%}", *compared, f"{group.sums.calls:,}", per_call]


def _mover(group: Group) -> tuple[str, str, str, str, str]:
    was = group.before.amount_pico if group.before else 0
    return (
        _label(group),
        short_usd(was),
        short_usd(group.sums.amount_pico),
        *_change(group),
    )


def _change(group: Group) -> tuple[str, str]:
    """In dollars, and as a share of what it was where it was something."""
    return _signed(group.change_pico), group.change.text if group.change.is_known else ""


def _label(group: Group) -> str:
    return " · ".join(group.labels)


def _signed(amount: int) -> str:
    return f"+{short_usd(amount)}" if amount > 0 else short_usd(amount)


def _tables(shown: dict[str, Any]) -> dict[str, str]:
    """The tables of the text, in columns."""
    content: Content = shown["content"]
    rows = [*shown["rows"], *shown["rest"], ("Total", shown["total"])]
    bars = [[bar.label, bar.value] for bar in content.chart.rows]
    return {
        "table": _aligned([["", *shown["heads"]], *([name, *cells] for name, cells in rows)]),
        "mover_table": _aligned(
            [[name, was, "→", now, c, d] for name, was, now, c, d in shown["movers"]]
        ),
        "bar_table": _aligned(bars),
    }


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    cut = [[_cut(row[0]), *row[1:]] for row in rows]
    widths = [max(len(row[n]) for row in cut) for n in range(len(cut[0]))]
    return "\n".join(_line(row, widths) for row in cut)


def _line(row: Iterable[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, strict=True)
    name, *numbers = [
        text.ljust(width) if n < _LEFT else text.rjust(width)
        for n, (text, width) in enumerate(cells)
    ]
    return "  ".join([name, *numbers]).rstrip()


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
