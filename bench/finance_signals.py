"""How often unusual days are false alarms, how many real ones are found, and how far off forecasts
are, on costs made from a seed.

Run `python -m bench.finance_signals [--groups 40] [--seed 1]`; a minute. Each kind of group has a
year of days with a weekday pattern and its own noise. A false alarm is an unusual day among days
that nothing was done to. Then single days are multiplied, and the found ones counted. A forecast is
made on each 12th of a month for its remaining days, and compared with what came.
"""

import argparse
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

START = date(2025, 1, 1)
DAYS = 365
DOLLAR = 10**12
WEEK = (1.0, 1.05, 1.05, 1.0, 0.9, 0.45, 0.4)  # Monday to Sunday
FACTORS = (0.0, 0.5, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Kind:
    """`noise`: the standard deviation of the logarithm of a day. `week`: growth from one week to
    the next. `calls`: a day's mean number of calls, where it is so small that it shows."""

    name: str
    noise: float
    week: float = 0.0
    calls: float = 0.0
    dollars: float = 50.0


KINDS = (
    Kind("steady", 0.10),
    Kind("usual", 0.25),
    Kind("restless", 0.50),
    Kind("growing 2 % a week", 0.20, week=0.02),
    Kind("a few calls a day", 0.20, calls=4),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    _set_up()
    head = "".join(f"  ×{factor:<5}" for factor in FACTORS)
    print(f"{'kind':20} {'false alarms':>14}  found of changed days:{head}  forecast off by")
    for kind in KINDS:
        chance = random.Random(f"{options.seed} {kind.name}")
        groups = [made(kind, chance) for _ in range(options.groups)]
        alarms, judged = _false_alarms(groups)
        found = "".join(f"  {_found(groups, factor, chance):6.1%}" for factor in FACTORS)
        off = f"{_forecast_error(groups):.1%}"
        rate = f"{1000 * alarms / judged:.2f} ‰ of {judged:,}"
        print(f"{kind.name:20} {rate:>18} {found:>42}  {off:>8}")


def made(kind: Kind, chance: random.Random) -> dict[date, int]:
    """A year of one group's costs in pico-USD."""
    days = (START + timedelta(days=n) for n in range(DAYS))
    return {day: _day(kind, day, chance) for day in days}


def _day(kind: Kind, day: date, chance: random.Random) -> int:
    size = WEEK[day.weekday()] * (1 + kind.week) ** ((day - START).days / 7)
    if not kind.calls:
        return int(kind.dollars * DOLLAR * size * chance.lognormvariate(0, kind.noise))
    calls = sum(1 for _ in _arrivals(kind.calls * size, chance))
    each = kind.dollars * DOLLAR / kind.calls
    return sum(int(each * chance.lognormvariate(0, kind.noise)) for _ in range(calls))


def _arrivals(mean: float, chance: random.Random) -> Iterator[None]:
    left = chance.expovariate(mean)
    while left < 1:
        yield
        left += chance.expovariate(mean)


def _false_alarms(groups: Sequence[dict[date, int]]) -> tuple[int, int]:
    from apps.finance.anomalies import FEWEST, unusual

    days = [START + timedelta(days=n) for n in range(FEWEST, DAYS)]
    found = sum(
        len(list(unusual(value="", by_day=group, days=days, at_least=DOLLAR))) for group in groups
    )
    return found, len(days) * len(groups)


def _found(groups: Sequence[dict[date, int]], factor: float, chance: random.Random) -> float:
    """The share of days that are found, one at a time, when multiplied by `factor`."""
    from apps.finance.anomalies import WINDOW, unusual

    found = asked = 0
    for group in groups:
        for _ in range(25):
            day = START + timedelta(days=chance.randrange(WINDOW, DAYS))
            changed = group | {day: int(group[day] * factor)}
            asked += 1
            found += any(unusual(value="", by_day=changed, days=[day], at_least=DOLLAR))
    return found / asked


def _forecast_error(groups: Sequence[dict[date, int]]) -> float:
    """The sum of what was foretold wrongly, by the sum of what came."""
    from apps.finance.forecast import forecast
    from apps.ledger.months import end_of_month

    wrong = came = 0
    for group in groups:
        for month in range(3, 13):
            today = START.replace(month=month, day=12)
            known = {day: amount for day, amount in group.items() if day < today}
            made_ = forecast(by_day=known, today=today)
            last = end_of_month(today)
            actual = sum(amount for day, amount in group.items() if today <= day <= last)
            assert made_ is not None
            wrong += abs(sum(made_.to_come.values()) - actual)
            came += actual
    return wrong / came


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
    os.environ.setdefault("LLMPLATFORM_EMBEDDED", "1")
    for name in ("DATABASE_URL", "REDIS_URL"):  # never asked
        scheme = "postgres" if name == "DATABASE_URL" else "redis"
        os.environ.setdefault(name, f"{scheme}://127.0.0.1:1/0")
    import django

    django.setup()


if __name__ == "__main__":
    main()
