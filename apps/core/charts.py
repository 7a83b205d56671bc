"""Charts as SVG text, drawn on the server: no script, no inline style, printable, dark by CSS.

Pure functions from dataclasses to safe strings. Colours are classes of skin.css; each mark has a
`<title>`, each chart a label that says what the picture says. A chart never stands alone: the
page shows the same numbers as a table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count, pairwise
from math import ceil, floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

WIDTH = 960
TICKS = 4
DIGIT = 8  # width of a character of the axis, about
WIDEST_BAR = 72
COLOURS = 8  # the last one is grey, for the rest

Number = float | int
Format = Callable[[Number], str]


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
    beside the grid, where `format` would be too long."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    format: Format = plain
    axis: Format | None = None
    open_at: int | None = None
    expected: Sequence[Number] = ()
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


@dataclass(frozen=True)
class _Frame:
    """Where the plot lies inside the picture, and how values become heights."""

    top_value: Number
    slots: int
    height: int
    left: int = 64
    right: int = 8
    top: int = 14
    bottom: int = 26
    width: int = field(default=WIDTH)

    @property
    def slot(self) -> float:
        return (self.width - self.left - self.right) / max(1, self.slots)

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    def x(self, index: float) -> float:
        return self.left + self.slot * index

    def y(self, value: Number) -> float:
        return self.floor - (self.floor - self.top) * (value / self.top_value)


def _frame(top: Number, labels: Sequence[str], height: int, formatted: Format) -> _Frame:
    """With room for the longest number beside the axis."""
    numbers = (formatted(value) for value in _ticks(top))
    left = max(64, 12 + DIGIT * max(map(len, numbers)))
    return _Frame(top, len(labels), height, left=left)


def stacked_bars(chart: StackedBars) -> SafeString:
    layers = [series.values for series in chart.series]
    totals = [sum(values) for values in zip(*layers, strict=True)]
    formatted = chart.axis or chart.format
    # What is below zero, a day of credits, has no bar: the table beside the chart has it.
    drawn = [sum(max(0, v) for v in values) for values in zip(*layers, strict=True)]
    if chart.expected:
        drawn = [bar + more for bar, more in zip(drawn, chart.expected, strict=True)]
    frame = _frame(_top(max(drawn, default=0)), chart.labels, chart.height, formatted)
    parts = [_grid(frame, formatted), _labels(frame, chart.labels)]
    for index, label in enumerate(chart.labels):
        parts.append(_bar(frame, chart, index, label))
    return _svg(frame, f"{chart.title}: {_range(chart.labels, totals, chart.format)}", parts)


def waterfall(chart: Waterfall) -> SafeString:
    levels = list(accumulate((value for _, value in chart.steps), initial=chart.first[1]))
    base = _base(levels)
    labels = [chart.first[0], *(label for label, _ in chart.steps), chart.last]

    def beside(value: Number) -> str:
        return (chart.axis or chart.format)(value + base)

    frame = _frame(_top(max(levels) - base), labels, chart.height, beside)
    total = "l-s1"
    bars = [(base, levels[0], levels[0], total)]
    bars += [(a, b, b - a, _moves(b - a)) for a, b in pairwise(levels)]
    bars += [(base, levels[-1], levels[-1], total)]
    parts = [_grid(frame, beside), _labels(frame, labels)]
    for index, (start, end, value, css) in enumerate(bars):
        rect = _between(frame, index, start - base, end - base, css)
        parts.append(_titled(f"{labels[index]}: {chart.format(value)}", rect))
    said = "; ".join(f"{label} {chart.format(value)}" for label, value in chart.steps)
    ends = f"{chart.format(levels[0])} to {chart.format(levels[-1])}"
    return _svg(frame, f"{chart.title}, {ends}: {said}", parts)


def line(chart: Line) -> SafeString:
    highest = max([*chart.values, chart.limit or 0], default=0)
    frame = _frame(_top(highest), chart.labels, chart.height, chart.format)
    points = [(frame.x(i + 0.5), frame.y(value)) for i, value in enumerate(chart.values)]
    parts = [_grid(frame, chart.format), _labels(frame, chart.labels), _path(points, frame.floor)]
    if chart.limit is not None:
        parts.append(_limit(frame, chart.limit, chart.format))
    for index, value in enumerate(chart.values):
        hit = _rect(frame.x(index), frame.top, frame.slot, frame.floor - frame.top, "l-chart__hit")
        parts.append(_titled(f"{chart.labels[index]}: {chart.format(value)}", hit))
    return _svg(frame, f"{chart.title}: {_latest(chart)}", parts)


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
        _path(points, height),
    )


def legend(series: Sequence[Series]) -> SafeString:
    items = format_html_join(
        "",
        '<li><svg viewBox="0 0 10 10" aria-hidden="true">'
        '<rect width="10" height="10" rx="2" class="l-s{}"/></svg>{}</li>',
        ((s.colour, s.name) for s in series),
    )
    return format_html('<ul class="l-legend">{}</ul>', items)


def _svg(frame: _Frame, label: str, parts: Sequence[str]) -> SafeString:
    return format_html(
        '<svg class="l-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        frame.width,
        frame.height,
        label,
        _join(parts),
    )


def _bar(frame: _Frame, chart: StackedBars, index: int, label: str) -> SafeString:
    gap = max(min(6.0, frame.slot * 0.18), frame.slot - WIDEST_BAR)
    x, width = frame.x(index) + gap / 2, frame.slot - gap
    base: Number = 0
    marks = []
    for series in chart.series:
        value = series.values[index]
        if value > 0:
            top = frame.y(base + value)
            rect = _rect(x, top, width, frame.y(base) - top, f"l-s{series.colour}")
            marks.append(_titled(f"{label} · {series.name}: {chart.format(value)}", rect))
            base += value
    if index == chart.open_at and base:
        marks.append(_hatch(x, frame.y(base), width, frame.floor))
    if chart.expected and chart.expected[index] > 0:
        top = frame.y(base + chart.expected[index])
        rect = _rect(x, top, width, frame.y(base) - top, "l-chart__expected")
        marks.append(_titled(f"{label} · expected: {chart.format(chart.expected[index])}", rect))
    return format_html('<g class="l-chart__bar">{}</g>', _join(marks))


def _between(frame: _Frame, index: int, start: Number, end: Number, css: str) -> SafeString:
    """A bar of at least a line's height, and the line to the next one."""
    gap = max(6.0, frame.slot - WIDEST_BAR)
    x, width = frame.x(index) + gap / 2, frame.slot - gap
    top, bottom = frame.y(max(start, end)), frame.y(min(start, end))
    bar = _rect(x, top, width, max(1.0, bottom - top), css)
    if index == frame.slots - 1:
        return bar
    line_ = '<path class="l-chart__join" d="M{:.1f} {:.1f}h{:.1f}"/>'
    return format_html("{}{}", bar, mark_safe(line_.format(x + width, frame.y(end), gap)))  # noqa: S308


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


def _hatch(x: float, top: float, width: float, floor: float) -> SafeString:
    """Diagonal strokes over a bar that still grows, cut to its own rectangle."""
    strokes = []
    for offset in count(0, 7):
        start = top + offset
        if start - width > floor:
            break
        x1, y1 = (x, start) if start <= floor else (x + start - floor, floor)
        x2, y2 = (x + width, start - width)
        if y2 < top:
            x2, y2 = x + (start - top), top
        strokes.append(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}")
    return format_html('<path class="l-chart__hatch" d="{}"/>', "".join(strokes))


def _ticks(top: Number) -> list[Number]:
    values = (top * step / TICKS for step in range(TICKS + 1))
    return [int(value) if value == int(value) else value for value in values]


def _grid(frame: _Frame, formatted: Format) -> SafeString:
    marks = []
    for value in _ticks(frame.top_value):
        y = f"{frame.y(value):.1f}"
        marks.append(
            format_html(
                '<path class="l-chart__grid" d="M{} {}H{}"/>'
                '<text x="{}" y="{}" dy="4" text-anchor="end">{}</text>',
                frame.left,
                y,
                frame.width - frame.right,
                frame.left - 8,
                y,
                formatted(value),
            )
        )
    return _join(marks)


def _labels(frame: _Frame, labels: Sequence[str]) -> SafeString:
    every = max(1, ceil(len(labels) / 12))
    return format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (f"{frame.x(i + 0.5):.1f}", frame.height - 8, label)
            for i, label in enumerate(labels)
            if i % every == 0
        ),
    )


def _path(points: Sequence[tuple[float, float]], floor: float) -> SafeString:
    if not points:
        return mark_safe("")
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    area = f"M{points[0][0]:.1f} {floor:.1f}L{drawn}L{points[-1][0]:.1f} {floor:.1f}Z"
    return format_html(
        '<path class="l-chart__area" d="{}"/><path class="l-chart__line" d="M{}"/>', area, drawn
    )


def _limit(frame: _Frame, limit: Number, formatted: Format) -> SafeString:
    y = frame.y(limit)
    return format_html(
        '<path class="l-chart__limit" d="M{} {}H{}"/>'
        '<text class="l-chart__limit-label" x="{}" y="{}" text-anchor="end">limit {}</text>',
        frame.left,
        f"{y:.1f}",
        frame.width - frame.right,
        frame.width - frame.right,
        f"{y - 6:.1f}",
        formatted(limit),
    )


def _rect(x: float, y: float, width: float, height: float, css: str) -> SafeString:
    return format_html(
        '<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>',
        f"{x:.1f}",
        f"{y:.1f}",
        f"{width:.1f}",
        f"{height:.2f}",
        css,
    )


def _titled(title: str, mark: SafeString) -> SafeString:
    return format_html("<g><title>{}</title>{}</g>", title, mark)


def _join(parts: Sequence[str]) -> SafeString:
    """Joins what `format_html` made; it escapes anything else."""
    return format_html_join("", "{}", ((part,) for part in parts))


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


def _top(highest: Number) -> Number:
    """The top of the axis: the least round number (two digits) at or above the highest value."""
    if highest <= 0:
        return TICKS
    scale = 10.0 ** floor(log10(highest))
    factor = next(f for f in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if f * scale >= highest)
    return factor * scale
