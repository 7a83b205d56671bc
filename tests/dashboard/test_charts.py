"""Charts are SVG text: labelled, escaped, without inline style, and true to their numbers."""

import dataclasses
import re
from xml.etree import ElementTree

import pytest

from apps.core.chart_marks import rounded_up
from apps.core.charts import (
    Line,
    Series,
    StackedBars,
    Waterfall,
    legend,
    line,
    sparkline,
    stacked_bars,
    waterfall,
)

BARS = StackedBars(
    title="Spend by day",
    labels=["1 Nov", "2 Nov", "3 Nov"],
    series=[Series("shop", [4, 0, 2], 1), Series("crm", [1, 0, 1], 2)],
    format=lambda value: f"${value}",
    open_at=2,
)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '))


def heights(svg: str, css: str) -> list[float]:
    return [
        float(rect.attrib["height"])
        for rect in parsed(svg).iter(f"{SVG}rect")
        if rect.attrib["class"] == css
    ]


def test_the_label_says_what_the_picture_says() -> None:
    assert parsed(stacked_bars(BARS)).attrib["aria-label"] == (
        "Spend by day: 1 Nov to 3 Nov, total $8, highest $5 at 1 Nov"
    )


def test_bars_are_as_high_as_their_values() -> None:
    first, third = heights(stacked_bars(BARS), "l-s1")
    assert first == pytest.approx(2 * third, abs=0.02)
    assert heights(stacked_bars(BARS), "l-s2") == [pytest.approx(first / 4, abs=0.02)] * 2


def test_the_axis_has_room_for_its_longest_number() -> None:
    small = dataclasses.replace(BARS, format=lambda value: f"${value:.12f}")
    numbers = [
        text
        for text in parsed(stacked_bars(small)).iter(f"{SVG}text")
        if text.attrib["text-anchor"] == "end"
    ]
    assert all(float(text.attrib["x"]) >= 7.5 * len(text.text or "") for text in numbers)
    assert len(numbers) == 6


def test_every_mark_has_a_tooltip_and_zero_draws_nothing() -> None:
    titles = [title.text for title in parsed(stacked_bars(BARS)).iter(f"{SVG}title")]
    assert titles == ["1 Nov · shop: $4", "1 Nov · crm: $1", "3 Nov · shop: $2", "3 Nov · crm: $1"]


def test_only_an_unfinished_last_bar_is_hatched() -> None:
    assert stacked_bars(BARS).count("l-chart__hatch") == 1
    closed = StackedBars(title="t", labels=["a"], series=[Series("s", [1], 1)])
    assert "l-chart__hatch" not in stacked_bars(closed)


def test_names_are_escaped() -> None:
    evil = '<script>"&'
    svg = stacked_bars(StackedBars(title=evil, labels=[evil], series=[Series(evil, [1], 1)]))
    assert "<script" not in svg
    assert parsed(svg).attrib["aria-label"].startswith(evil)
    assert "<script" not in legend([Series(evil, [1], 1)])


def test_no_chart_carries_inline_style() -> None:
    drawn = [
        stacked_bars(BARS),
        line(Line("Spend", ["1", "2", "3"], [1, 2], limit=5)),
        sparkline([1, 3, 2], label="Spend"),
    ]
    assert not re.search(r"style=|<style|<script| on\w+=", "".join(drawn))


def test_a_limit_above_the_line_fits_into_the_picture() -> None:
    svg = parsed(line(Line("Spend", ["1", "2", "3"], [1, 2], limit=50)))
    limit = next(p for p in svg.iter(f"{SVG}path") if p.attrib["class"] == "l-chart__limit")
    match = re.fullmatch(r"M64 ([\d.]+)H952", limit.attrib["d"])
    assert match
    assert 14 <= float(match[1]) < 40
    assert svg.attrib["aria-label"] == "Spend: 2 at 2, limit 50"


@pytest.mark.parametrize("values", [[], [0, 0], [5], [10**18, 1]])
def test_odd_values_still_draw(values: list[int]) -> None:
    labels = [str(n) for n in range(len(values))]
    parsed(
        stacked_bars(StackedBars("t", labels, [Series("s", values, 1)], open_at=len(labels) - 1))
    )
    parsed(line(Line("t", labels, values)))
    parsed(sparkline(values, label="t"))


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 4), (1, 1), (1.01, 1.5), (2.1, 2.5), (7, 8), (8.1, 10), (99, 100), (0.3, 0.3)],
)
def test_the_axis_ends_at_a_round_number_above(highest: float, top: float) -> None:
    assert rounded_up(highest) == pytest.approx(top)
    assert rounded_up(highest) >= highest


@pytest.mark.parametrize(
    ("highest", "said"),
    [
        (47, ["0", "10", "20", "30", "40", "50"]),
        (0.27, ["0", "0.1", "0.2", "0.3"]),
        (11, ["0", "5", "10", "15"]),
    ],
)
def test_each_number_at_the_axis_is_round(highest: float, said: list[str]) -> None:
    bars = StackedBars("t", ["a"], [Series("s", [highest], 1)], format=lambda value: f"{value:.3g}")
    texts = parsed(stacked_bars(bars)).iter(f"{SVG}text")
    assert [one.text for one in texts if one.attrib["text-anchor"] == "end"] == said


FALL = Waterfall("Cost", ("Before", 100), [("Volume", 30), ("Price", -10), ("Other", 0)], "After")


def test_a_waterfall_goes_from_one_total_to_the_other() -> None:
    svg = parsed(waterfall(FALL))
    assert svg.attrib["aria-label"] == "Cost, 100 to 120: Volume 30; Price -10; Other 0"
    titles = [title.text for title in svg.iter(f"{SVG}title")]
    assert titles == ["Before: 100", "Volume: 30", "Price: -10", "Other: 0", "After: 120"]
    (more,) = heights(waterfall(FALL), "l-chart__more")
    less = heights(waterfall(FALL), "l-chart__less")
    assert more == pytest.approx(3 * less[0], abs=0.1)
    assert less[1] == 1.0  # still to be seen


@pytest.mark.parametrize("first", [0, 1, -(10**18), 10**20])
@pytest.mark.parametrize("step", [0, 1, -1, 10**19, -(10**19)])
def test_odd_waterfalls_still_draw(first: int, step: int) -> None:
    parsed(waterfall(Waterfall("t", ("a", first), [("s", step)], "z")))
