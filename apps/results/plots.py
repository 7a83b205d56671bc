"""Intervals and courses as SVG text: of each arm now, of one arm hour by hour, and of a channel
with its releases. As the charts of `core`:
no script, no inline style, a title on each mark, and a table beside them says the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WIDTH, _LEFT, _RIGHT, _ROW = 960, 190, 30, 44
_HEIGHT, _FLOOR, _TOP = 230, 200, 16
_ROOM = 52  # above a course, for what happened

Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Interval:
    """What is drawn in one line; `kind` is ok, bad or quiet."""

    label: str
    low: float
    middle: float
    high: float
    kind: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a place between 0, the first value, and 1, after the last. `kind`
    is ok or bad."""

    at: float
    label: str
    title: str
    kind: str = "ok"


def intervals(rows: Sequence[Interval], *, title: str, formatted: Format) -> SafeString:
    """One below the other around zero, the control."""
    drawn = [row for row in rows if isfinite(row.low) and isfinite(row.high)]
    most = max((max(abs(row.low), abs(row.high)) for row in drawn), default=0) * 1.05 or 1.0
    height = _ROW * len(rows) + 34

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (value + most) / (2 * most)

    marks = [_zero(x(0.0), height - 28)]
    marks += [_tick(x(value), height - 10, formatted(value)) for value in (-most, 0.0, most)]
    for index, row in enumerate(rows):
        marks.append(_row(row, x, 10 + _ROW * index + _ROW / 2, formatted, drawn=row in drawn))
    said = "; ".join(_said(row, formatted) for row in drawn) or "nothing is known yet"
    return _svg(height, f"{title}: {said}", marks)


def course(points: Sequence[tuple[str, Interval]], *, title: str, formatted: Format) -> SafeString:
    """The difference by hour with its interval as a band around it."""
    kept = [(label, one) for label, one in points if isfinite(one.low) and isfinite(one.high)]
    most = max((max(abs(one.low), abs(one.high)) for _, one in kept), default=0) * 1.05 or 1.0
    step = (_WIDTH - 90 - _RIGHT) / max(1, len(kept) - 1)

    def y(value: float) -> float:
        return _TOP + (_FLOOR - _TOP) * (most - value) / (2 * most)

    places = [(90 + step * index, one) for index, (_, one) in enumerate(kept)]
    marks = [_level(y(value), formatted(value)) for value in (most, 0.0, -most)]
    marks += [_band(places, y), _curve(places, y)]
    every = max(1, len(kept) // 8)
    marks += [
        _tick(90 + step * index, _HEIGHT - 8, label)
        for index, (label, _) in enumerate(kept)
        if index % every == 0
    ]
    said = _said(kept[-1][1], formatted) if kept else "nothing is known yet"
    return _svg(_HEIGHT, f"{title}: {said}", marks)


def timeline(
    values: Sequence[float | None],
    labels: Sequence[str],
    marks: Sequence[Mark],
    *,
    title: str,
    formatted: Format,
) -> SafeString:
    """A line from zero, broken where nothing was measured (None), under what happened meanwhile."""
    known = [value for value in values if value is not None]
    most = max(known, default=0) * 1.1 or 1.0
    width = _WIDTH - 90 - _RIGHT
    step = width / max(1, len(values))

    def y(value: float) -> float:
        return _FLOOR - (_FLOOR - _ROOM) * value / most

    parts = [_level(y(value), formatted(value)) for value in (most, most / 2, 0.0)]
    parts += [_happened(mark, 90 + width * mark.at, index) for index, mark in enumerate(marks)]
    parts += [_run(run, step, y) for run in _runs(values)]
    every = max(1, len(labels) // 8)
    for index, (label, value) in enumerate(zip(labels, values, strict=True)):
        x = 90 + step * (index + 0.5)
        if index % every == 0:
            parts.append(_tick(x, _HEIGHT - 8, label))
        if value is not None:
            parts.append(_hit(x - step / 2, step, f"{label}: {formatted(value)}"))
    said = f"highest {formatted(max(known))}" if known else "nothing was measured"
    return _svg(_HEIGHT, f"{title}: {said}", parts)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches without a break, as positions and values."""
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is not None:
            runs[-1].append((index, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _run(run: list[tuple[int, float]], step: float, y: Callable[[float], float]) -> SafeString:
    places = [(90 + step * (index + 0.5), y(value)) for index, value in run]
    if len(places) == 1:
        x, height = places[0]
        return format_html(
            '<circle class="r-dot" cx="{}" cy="{}" r="2.5"/>', f"{x:.1f}", f"{height:.1f}"
        )
    path = "M" + "L".join(f"{x:.1f} {height:.1f}" for x, height in places)
    return format_html('<path class="l-chart__line" d="{}"/>', path)


def _happened(mark: Mark, x: float, index: int) -> SafeString:
    """Labels in three heights, so that neighbours can be told apart."""
    return format_html(
        '<g class="r-mark r-mark--{}"><title>{}</title><path d="M{} {}V{}"/>'
        '<text x="{}" y="{}" text-anchor="middle">{}</text></g>',
        mark.kind,
        mark.title,
        f"{x:.1f}",
        _ROOM - 8,
        _FLOOR,
        f"{x:.1f}",
        11 + 12 * (index % 3),
        mark.label,
    )


def _hit(x: float, width: float, title: str) -> SafeString:
    return format_html(
        '<g><title>{}</title><rect class="l-chart__hit" x="{}" y="{}" width="{}" height="{}"/></g>',
        title,
        f"{x:.1f}",
        _ROOM,
        f"{width:.1f}",
        _FLOOR - _ROOM,
    )


def _said(row: Interval, formatted: Format) -> str:
    return f"{row.label} {formatted(row.low)} to {formatted(row.high)}"


def _row(
    row: Interval, x: Callable[[float], float], y: float, formatted: Format, *, drawn: bool
) -> SafeString:
    name = format_html(
        '<text x="{}" y="{}" dy="4" text-anchor="end">{}</text>', _LEFT - 14, y, row.label
    )
    if not drawn:
        return format_html("{}", name)
    return format_html(
        '<g class="r-interval r-interval--{}"><title>{}</title>{}'
        '<path d="M{} {}H{}"/><path d="M{} {}v12M{} {}v12"/><circle cx="{}" cy="{}" r="5"/></g>',
        row.kind,
        _said(row, formatted),
        name,
        f"{x(row.low):.1f}",
        y,
        f"{x(row.high):.1f}",
        f"{x(row.low):.1f}",
        y - 6,
        f"{x(row.high):.1f}",
        y - 6,
        f"{x(row.middle):.1f}",
        y,
    )


def _zero(x: float, bottom: float) -> SafeString:
    return format_html('<path class="r-zero" d="M{} 6V{}"/>', f"{x:.1f}", bottom)


def _tick(x: float, y: float, text: str) -> SafeString:
    return format_html('<text x="{}" y="{}" text-anchor="middle">{}</text>', f"{x:.1f}", y, text)


def _level(y: float, text: str) -> SafeString:
    return format_html(
        '<path class="l-chart__grid" d="M90 {}H{}"/>'
        '<text x="82" y="{}" dy="4" text-anchor="end">{}</text>',
        f"{y:.1f}",
        _WIDTH - _RIGHT,
        f"{y:.1f}",
        text,
    )


def _band(places: Sequence[tuple[float, Interval]], y: Callable[[float], float]) -> SafeString:
    there = [f"{x:.1f} {y(one.high):.1f}" for x, one in places]
    back = [f"{x:.1f} {y(one.low):.1f}" for x, one in reversed(places)]
    path = "M" + "L".join([*there, *back]) + "Z" if places else ""
    return format_html('<path class="l-chart__area" d="{}"/>', path)


def _curve(places: Sequence[tuple[float, Interval]], y: Callable[[float], float]) -> SafeString:
    path = "M" + "L".join(f"{x:.1f} {y(one.middle):.1f}" for x, one in places) if places else ""
    return format_html('<path class="l-chart__line" d="{}"/>', path)


def _svg(height: float, label: str, marks: Sequence[SafeString]) -> SafeString:
    return format_html(
        '<svg class="l-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        _WIDTH,
        height,
        label,
        format_html_join("", "{}", ((mark,) for mark in marks)),
    )
