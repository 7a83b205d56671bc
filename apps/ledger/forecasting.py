"""What days to come will cost: each as the same weekdays of the last four weeks were.

It knows weekdays and nothing else, so it follows growth late and a month's end not at all. How far
off it was is measured on the same costs: the same number of days, foretold from earlier days.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from apps.core.money import Pico

BASE = 28  # days that a forecast is made from
FEWEST = 7  # days; with fewer it would be a guess
BACK_TESTS = 8

_DAY = timedelta(days=1)


def foretold(*, known: Mapping[date, Pico], days: Sequence[date]) -> dict[date, Pico]:
    """The mean of the same weekdays among the last `BASE` days that are `known` before the first
    of `days`; of all of them, where there is no such weekday."""
    recent = [day for day in days_between(days[0] - _DAY * BASE, days[0] - _DAY) if day in known]
    weekdays = {day.weekday() for day in days}
    means = {one: _mean(known, _on_weekday(one, recent) or recent) for one in weekdays}
    return {day: means[day.weekday()] for day in days}


def back_test(*, known: Mapping[date, Pico], ahead: int) -> tuple[float | None, int]:
    """Forecasts of `ahead` days, from as many weeks ago as there are days for: the sum of their
    errors by the sum of what came, and how many they were."""
    last, errors, came, tests = max(known), 0, 0, 0
    for week in range(BACK_TESTS):
        until = last - _DAY * 7 * week
        days = days_between(until - _DAY * (ahead - 1), until)
        if days[0] - _DAY * BASE < min(known):
            break
        actual = sum(known[day] for day in days)
        errors += abs(sum(foretold(known=known, days=days).values()) - actual)
        came += actual
        tests += 1
    return (errors / came if came > 0 else None), tests


def filled(by_day: Mapping[date, Pico], first: date, last: date) -> dict[date, Pico]:
    """Every day from `first` to `last`, both included; 0 where there was nothing."""
    return {day: by_day.get(day, 0) for day in days_between(first, last)}


def days_between(first: date, last: date) -> list[date]:
    """From `first` to `last`, both included."""
    return [first + _DAY * n for n in range((last - first).days + 1)]


def _on_weekday(weekday: int, among: Iterable[date]) -> list[date]:
    return [day for day in among if day.weekday() == weekday]


def _mean(known: Mapping[date, Pico], days: Sequence[date]) -> Pico:
    """To the next pico-dollar; costs that are foretold are never negative."""
    total = sum(known[day] for day in days)
    return max(0, (2 * total + len(days)) // (2 * len(days)))
