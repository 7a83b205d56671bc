"""The marks that charts are made of: frame, axes, bars and lines, each as SVG text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import count
from math import ceil, floor, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

WIDTH = 960
# How far an axis goes, and into how many steps, each of 1, 2, 2.5 or 5 times a power of ten.
STEPS = ((1, 5), (1.5, 3), (2, 4), (2.5, 5), (3, 3), (4, 4), (5, 5), (6, 3), (8, 4), (10, 5))
EMPTY = 4  # the top of an axis of nothing
DIGIT = 8  # width of a character of the axis, about
WIDEST_BAR = 72

Number = float | int
Format = Callable[[Number], str]


@dataclass(frozen=True)
class Frame:
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


def frame_of(top: Number, labels: Sequence[str], height: int, formatted: Format) -> Frame:
    """With room for the longest number beside the axis."""
    numbers = (formatted(value) for value in _ticks(top))
    left = max(64, 12 + DIGIT * max(map(len, numbers)))
    return Frame(top, len(labels), height, left=left)


def svg(frame: Frame, label: str, parts: Sequence[str], *, role: str = "img") -> SafeString:
    return format_html(
        '<svg class="l-chart" viewBox="0 0 {} {}" role="{}" aria-label="{}">{}</svg>',
        frame.width,
        frame.height,
        role,
        label,
        joined(parts),
    )


def bar_between(frame: Frame, index: int, start: Number, end: Number, css: str) -> SafeString:
    """A bar of at least a line's height, and the line to the next one."""
    gap = max(6.0, frame.slot - WIDEST_BAR)
    x, width = frame.x(index) + gap / 2, frame.slot - gap
    top, bottom = frame.y(max(start, end)), frame.y(min(start, end))
    bar = rect(x, top, width, max(1.0, bottom - top), css)
    if index == frame.slots - 1:
        return bar
    line_ = '<path class="l-chart__join" d="M{:.1f} {:.1f}h{:.1f}"/>'
    return format_html("{}{}", bar, mark_safe(line_.format(x + width, frame.y(end), gap)))  # noqa: S308


def hatch(x: float, top: float, width: float, floor: float) -> SafeString:
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
    steps = _steps(top)
    values = (top * step / steps for step in range(steps + 1))
    return [int(value) if value == int(value) else value for value in values]


def _steps(top: Number) -> int:
    factor = top / 10.0 ** floor(log10(top))
    return min(STEPS, key=lambda one: abs(one[0] - factor))[1]


def grid(frame: Frame, formatted: Format) -> SafeString:
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
    return joined(marks)


def axis(frame: Frame, labels: Sequence[str]) -> SafeString:
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


def path_of(points: Sequence[tuple[float, float]], floor: float) -> SafeString:
    if not points:
        return mark_safe("")
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    area = f"M{points[0][0]:.1f} {floor:.1f}L{drawn}L{points[-1][0]:.1f} {floor:.1f}Z"
    return format_html(
        '<path class="l-chart__area" d="{}"/><path class="l-chart__line" d="M{}"/>', area, drawn
    )


def limit_line(frame: Frame, limit: Number, formatted: Format) -> SafeString:
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


def rect(x: float, y: float, width: float, height: float, css: str) -> SafeString:
    """Thousands stand in a chart of a year, so these three do without `format_html`: it takes ten
    times as long."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.2f}"'
    return mark_safe(f'<rect {place} class="{escape(css)}"/>')  # noqa: S308


def titled(title: str, mark: SafeString) -> SafeString:
    return mark_safe(f"<g><title>{escape(title)}</title>{_html(mark)}</g>")  # noqa: S308


def joined(parts: Sequence[str]) -> SafeString:
    """Joins what is safe already; it escapes anything else."""
    return mark_safe("".join(map(_html, parts)))  # noqa: S308


def _html(part: str) -> str:
    return part if isinstance(part, SafeString) else escape(part)


def rounded_up(highest: Number) -> Number:
    """The top of the axis: the least round number (two digits) at or above the highest value."""
    if highest <= 0:
        return EMPTY
    scale = 10.0 ** floor(log10(highest))
    factor = next(factor for factor, _ in STEPS if factor * scale >= highest)
    return factor * scale
