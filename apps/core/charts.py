"""Charts as SVG text, drawn on the server: no script, no inline style, printable, dark by CSS.

Pure functions from dataclasses to safe strings. Colours are classes of skin.css; each mark has a
`<title>`, each chart a label that says what the picture says. A chart never stands alone: the
page shows the same numbers as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.core.chart_marks import (
    WIDEST_BAR,
    Format,
    Frame,
    Number,
    axis,
    bar_between,
    frame_of,
    grid,
    hatch,
    joined,
    limit_line,
    path_of,
    rect,
    rounded_up,
    svg,
    titled,
)

COLOURS = 8  # the last one is grey, for the rest


def plain(value: Number) -> str:
    return f"{value:,}"


@dataclass(frozen=True)
class Series:
    name: str
    values: Sequence[Number]
    colour: int  # 1 to 8


@dataclass(frozen=True)
class StackedBars:
    """Bars over `labels`, one layer a series. `open_at`: the bar that is not complete yet;
    `expected`: what is still to come on top of each bar, drawn dashed; `axis` writes the numbers
    beside the grid, where `format` would be too long; `urls`: where each bar leads, or empty."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    format: Format = plain
    axis: Format | None = None
    open_at: int | None = None
    expected: Sequence[Number] = ()
    urls: Sequence[str] = ()
    height: int = 280


@dataclass(frozen=True)
class Line:
    """A line over `labels`; `values` may end before the labels do. `limit` is drawn dashed."""

    title: str
    labels: Sequence[str]
    values: Sequence[Number]
    limit: Number | None = None
    format: Format = plain
    height: int = 220


@dataclass(frozen=True)
class Waterfall:
    """From a total to another, step by step: (label, what it adds). The axis may begin above zero,
    where the steps would be too small to see."""

    title: str
    first: tuple[str, Number]
    steps: Sequence[tuple[str, Number]]
    last: str
    format: Format = plain
    axis: Format | None = None
    height: int = 280


def stacked_bars(chart: StackedBars) -> SafeString:
    nothing = [0] * len(chart.labels)  # so far; something may be expected
    layers = [series.values for series in chart.series] or [nothing]
    totals = [sum(values) for values in zip(*layers, strict=True)]
    formatted = chart.axis or chart.format
    # What is below zero, a day of credits, has no bar: the table beside the chart has it.
    drawn = [sum(max(0, v) for v in values) for values in zip(*layers, strict=True)]
    if chart.expected:
        drawn = [bar + more for bar, more in zip(drawn, chart.expected, strict=True)]
    frame = frame_of(rounded_up(max(drawn, default=0)), chart.labels, chart.height, formatted)
    parts = [grid(frame, formatted), axis(frame, chart.labels)]
    for index, label in enumerate(chart.labels):
        parts.append(_bar(frame, chart, index, label))
    said = f"{chart.title}: {_range(chart.labels, totals, chart.format)}"
    # a picture hides from readers what is in it, links too
    return svg(frame, said, parts, role="group" if any(chart.urls) else "img")


def waterfall(chart: Waterfall) -> SafeString:
    levels = list(accumulate((value for _, value in chart.steps), initial=chart.first[1]))
    base = _base(levels)
    labels = [chart.first[0], *(label for label, _ in chart.steps), chart.last]

    def beside(value: Number) -> str:
        return (chart.axis or chart.format)(value + base)

    frame = frame_of(rounded_up(max(levels) - base), labels, chart.height, beside)
    total = "l-s1"
    bars = [(base, levels[0], levels[0], total)]
    bars += [(a, b, b - a, _moves(b - a)) for a, b in pairwise(levels)]
    bars += [(base, levels[-1], levels[-1], total)]
    parts = [grid(frame, beside), axis(frame, labels)]
    for index, (start, end, value, css) in enumerate(bars):
        box = bar_between(frame, index, start - base, end - base, css)
        parts.append(titled(f"{labels[index]}: {chart.format(value)}", box))
    said = "; ".join(f"{label} {chart.format(value)}" for label, value in chart.steps)
    ends = f"{chart.format(levels[0])} to {chart.format(levels[-1])}"
    return svg(frame, f"{chart.title}, {ends}: {said}", parts)


def line(chart: Line) -> SafeString:
    highest = max([*chart.values, chart.limit or 0], default=0)
    frame = frame_of(rounded_up(highest), chart.labels, chart.height, chart.format)
    points = [(frame.x(i + 0.5), frame.y(value)) for i, value in enumerate(chart.values)]
    parts = [grid(frame, chart.format), axis(frame, chart.labels), path_of(points, frame.floor)]
    if chart.limit is not None:
        parts.append(limit_line(frame, chart.limit, chart.format))
    for index, value in enumerate(chart.values):
        hit = rect(frame.x(index), frame.top, frame.slot, frame.floor - frame.top, "l-chart__hit")
        parts.append(titled(f"{chart.labels[index]}: {chart.format(value)}", hit))
    return svg(frame, f"{chart.title}: {_latest(chart)}", parts)


def sparkline(values: Sequence[Number], *, label: str, width: int = 160) -> SafeString:
    """A small line without axes, scaled between its own lowest and highest value."""
    height, low = 32, min(values, default=0)
    span = (max(values, default=0) - low) or 1
    step = width / max(1, len(values) - 1)
    points = [
        (step * i, height - 4 - (height - 8) * (value - low) / span)
        for i, value in enumerate(values)
    ]
    return format_html(
        '<svg class="l-chart l-chart--spark" viewBox="0 0 {} {}" preserveAspectRatio="none" '
        'role="img" aria-label="{}">{}</svg>',
        width,
        height,
        label,
        path_of(points, height),
    )


def legend(series: Sequence[Series]) -> SafeString:
    items = format_html_join(
        "",
        '<li><svg viewBox="0 0 10 10" aria-hidden="true">'
        '<rect width="10" height="10" rx="2" class="l-s{}"/></svg>{}</li>',
        ((s.colour, s.name) for s in series),
    )
    return format_html('<ul class="l-legend">{}</ul>', items)


def _bar(frame: Frame, chart: StackedBars, index: int, label: str) -> SafeString:
    gap = max(min(6.0, frame.slot * 0.18), frame.slot - WIDEST_BAR)
    x, width = frame.x(index) + gap / 2, frame.slot - gap
    base: Number = 0
    marks = []
    for series in chart.series:
        value = series.values[index]
        if value > 0:
            top = frame.y(base + value)
            box = rect(x, top, width, frame.y(base) - top, f"l-s{series.colour}")
            marks.append(titled(f"{label} · {series.name}: {chart.format(value)}", box))
            base += value
    if index == chart.open_at and base:
        marks.append(hatch(x, frame.y(base), width, frame.floor))
    if chart.expected and chart.expected[index] > 0:
        top = frame.y(base + chart.expected[index])
        box = rect(x, top, width, frame.y(base) - top, "l-chart__expected")
        marks.append(titled(f"{label} · expected: {chart.format(chart.expected[index])}", box))
    bar = mark_safe(f'<g class="l-chart__bar">{joined(marks)}</g>')  # noqa: S308
    if not marks or not any(chart.urls) or not chart.urls[index]:
        return bar
    said = f"{label}: {chart.format(sum(one.values[index] for one in chart.series))}"
    return format_html('<a href="{}" aria-label="{}">{}</a>', chart.urls[index], said, bar)


def _moves(value: Number) -> str:
    return "l-chart__more" if value > 0 else "l-chart__less"


def _base(levels: Sequence[Number]) -> Number:
    """Where the axis begins: zero, unless all that happens does so far above."""
    lowest, span = min(levels), max(levels) - min(levels)
    if not span or 0 <= lowest <= 2 * span:
        return 0
    scale = 10 ** floor(log10(span))
    below: Number = floor((lowest - span) / scale) * scale
    return max(0, below) if lowest >= 0 else below


def _range(labels: Sequence[str], totals: Sequence[Number], formatted: Format) -> str:
    if not totals:
        return "no data"
    peak = max(range(len(totals)), key=totals.__getitem__)
    return (
        f"{labels[0]} to {labels[len(totals) - 1]}, total {formatted(sum(totals))}, "
        f"highest {formatted(totals[peak])} at {labels[peak]}"
    )


def _latest(chart: Line) -> str:
    if not chart.values:
        return "no data"
    limit = "" if chart.limit is None else f", limit {chart.format(chart.limit)}"
    return f"{chart.format(chart.values[-1])} at {chart.labels[len(chart.values) - 1]}{limit}"
