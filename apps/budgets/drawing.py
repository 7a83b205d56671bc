"""The pictures of a budget's page. Each stands beside a table of the same numbers."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.budgets.course import Course, Step
from apps.budgets.replay import Replay
from apps.core.chart_marks import (
    Frame,
    Number,
    axis,
    frame_of,
    grid,
    path_of,
    rect,
    rounded_up,
    svg,
    titled,
)
from apps.core.charts import Series, StackedBars, stacked_bars
from apps.core.money import PICO, Pico, exact_usd, short_usd

Point = tuple[float, float]
HEIGHT = 300
NOTHING_DRAWN = SafeString("")


def axis_usd(value: Number) -> str:
    """An amount at an axis: as short as it can be read, down to a pico-dollar."""
    dollars = Decimal(int(value)) / PICO
    if dollars == dollars.to_integral_value() or dollars >= 10:
        return f"${dollars:,.0f}"
    return f"${dollars.normalize():f}" if dollars < 1 else f"${dollars:,.2f}"


def burn_down(course: Course, *, committed: Pico) -> SafeString:
    """What was spent, the way it is expected to go, the limit in steps and the even way to it.
    `committed`: spent or held now."""
    steps = course.steps
    highest = max(_highest(steps), committed)
    frame = frame_of(rounded_up(highest), [step.label for step in steps], HEIGHT, axis_usd)
    parts = [
        grid(frame, axis_usd),
        axis(frame, [step.label for step in steps]),
        path_of(_actual(frame, steps), frame.floor),
        _path("b-ideal", [(frame.left, frame.floor), *_line(frame, [s.ideal for s in steps])]),
        _path("b-expected", _expected(frame, course)),
        _limit(frame, steps),
        _committed(frame, course, committed),
        *(_hit(frame, n, step) for n, step in enumerate(steps)),
    ]
    return svg(frame, _said(course, committed), parts)


def spent_by_day(days: Sequence[tuple[str, Pico]]) -> SafeString:
    labels, amounts = zip(*days, strict=True)
    return stacked_bars(
        StackedBars(
            title="Spent on each day",
            labels=labels,
            series=[Series("Spent", amounts, 1)],
            format=_short,
            axis=axis_usd,
            open_at=len(days) - 1,
        )
    )


def replayed(found: Replay, *, zone: str) -> tuple[SafeString, list[Series]]:
    """Bars of what was spent and what would have been refused, and their legend."""
    series = [
        Series("Within the limit", [bar.spent for bar in found.bars], 1),
        Series("Refused", [bar.refused for bar in found.bars], 3),
    ]
    labels = _labels([bar.starts_at for bar in found.bars], zone)
    bars = StackedBars(
        "What the limit would have refused",
        labels,
        series,
        format=_short,
        axis=axis_usd,
        height=200,
    )
    return stacked_bars(bars), series


def _labels(moments: Sequence[datetime], zone: str) -> list[str]:
    is_by_hour = len(moments) > 1 and (moments[1] - moments[0]).total_seconds() <= 3600
    form = "%H:%M" if is_by_hour else "%-d %b"
    return [f"{at.astimezone(ZoneInfo(zone)):{form}}" for at in moments]


def _short(value: Number) -> str:
    return short_usd(int(value))


def _highest(steps: Sequence[Step]) -> Pico:
    return max(
        amount
        for step in steps
        for amount in (step.spent, step.expected, step.limit)
        if amount is not None
    )


def _line(frame: Frame, amounts: Sequence[Pico | None]) -> list[Point]:
    """Through the end of each step."""
    return [
        (frame.x(n + 1), frame.y(amount)) for n, amount in enumerate(amounts) if amount is not None
    ]


def _actual(frame: Frame, steps: Sequence[Step]) -> list[Point]:
    return [(frame.left, frame.floor), *_line(frame, [step.spent for step in steps])]


def _expected(frame: Frame, course: Course) -> list[Point]:
    """On from what is spent now."""
    now = course.steps[course.now]
    if now.expected is None:
        return []
    start = (frame.x(course.now + 1), frame.y(now.spent or 0))
    return [start, *_line(frame, [step.expected for step in course.steps])]


def _path(css: str, points: Sequence[Point]) -> SafeString:
    if len(points) < 2:
        return NOTHING_DRAWN
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return format_html('<path class="{}" d="M{}"/>', css, drawn)


def _limit(frame: Frame, steps: Sequence[Step]) -> SafeString:
    """A step for each change, and its amount at the right end."""
    points = [
        (frame.x(n + side), frame.y(step.limit)) for n, step in enumerate(steps) for side in (0, 1)
    ]
    x, y = points[-1]
    return format_html(
        '{}<text class="l-chart__limit-label" x="{}" y="{}" text-anchor="end">limit {}</text>',
        _path("b-limit", points),
        f"{x:.1f}",
        f"{y - 6:.1f}",
        short_usd(steps[-1].limit),
    )


def _committed(frame: Frame, course: Course, committed: Pico) -> SafeString:
    """What running calls hold, on top of what is spent now."""
    x, spent = frame.x(course.now + 1), course.steps[course.now].spent or 0
    if committed <= spent:
        return NOTHING_DRAWN
    top, bottom = frame.y(committed), frame.y(spent)
    box = rect(x - 3, top, 6, max(1.0, bottom - top), "b-committed")
    return titled(f"Committed: {exact_usd(committed)} USD", box)


def _hit(frame: Frame, n: int, step: Step) -> SafeString:
    """Hovering anywhere over a step says its numbers."""
    named = (("spent", step.spent), ("forecast", step.expected), ("limit", step.limit))
    words = ", ".join(f"{name} {short_usd(value)}" for name, value in named if value is not None)
    box = rect(frame.x(n), frame.top, frame.slot, frame.floor - frame.top, "l-chart__hit")
    return titled(f"{step.label}: {words}", box)


def _said(course: Course, committed: Pico) -> str:
    now, last = course.steps[course.now], course.steps[-1]
    words = f"Spent {short_usd(now.spent or 0)} by {now.label}, committed {short_usd(committed)}"
    if last.expected is not None:
        words += f", forecast {short_usd(last.expected)} by {last.label}"
    return f"{words}, limit {short_usd(last.limit)}"
