"""What was measured of two versions, beside each other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.money import short_usd
from apps.results.latencies import quantile
from apps.results.versions import VersionMetrics


@dataclass(frozen=True, slots=True)
class Figure:
    """A value that was measured `n` times; None: never."""

    value: float | None
    n: int
    text: str


_Read = Callable[[VersionMetrics], Figure]


def _of_calls(value: float, row: VersionMetrics, text: str) -> Figure:
    return Figure(value, row.calls, text)


def _share(name: str) -> _Read:
    def read(row: VersionMetrics) -> Figure:
        share = row.share(getattr(row, name))
        return _of_calls(share, row, f"{share:.1%}")

    return read


def _time(share: float) -> _Read:
    def read(row: VersionMetrics) -> Figure:
        value = quantile(row.latencies, share)
        return Figure(value, sum(row.latencies.values()), milliseconds(value))

    return read


def _tokens(row: VersionMetrics) -> Figure:
    tokens = (row.input_tokens + row.output_tokens) // row.calls if row.calls else 0
    return _of_calls(tokens, row, f"{tokens:,}")


def _cost(row: VersionMetrics) -> Figure:
    return _of_calls(row.cost_pico_a_call, row, short_usd(row.cost_pico_a_call))


def _score(metric: str) -> _Read:
    def read(row: VersionMetrics) -> Figure:
        found = row.scores.get(metric)
        if found is None:
            return Figure(None, 0, "–")
        return Figure(found["mean"], int(found["count"]), f"{found['mean']:.3f}")

    return read


_FIGURES: Mapping[str, _Read] = {
    "No answer": _share("failed"),
    "Refused": _share("refusals"),
    "Not by schema": _share("schema_failures"),
    "p50": _time(0.5),
    "p95": _time(0.95),
    "Tokens a call": _tokens,
    "Cost a call": _cost,
}


def compared_figures(
    old: VersionMetrics | None, new: VersionMetrics | None
) -> Iterator[dict[str, Any]]:
    """What neither side has is left out."""
    sides = [side for side in (old, new) if side is not None]
    scores = {metric: _score(metric) for side in sides for metric in side.scores}
    for label, read in {**_FIGURES, **dict(sorted(scores.items()))}.items():
        figures = [read(side) if side else Figure(None, 0, "–") for side in (old, new)]
        if any(figure.n for figure in figures):
            yield {"label": label, "figures": figures, "change": _change(*figures)}


def _change(old: Figure, new: Figure) -> str:
    """Relative to the first version."""
    if not old.value or new.value is None:
        return "–"
    return f"{new.value / old.value - 1:+.1%}"


def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"
