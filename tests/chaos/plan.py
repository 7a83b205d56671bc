"""Which faults, when: a list that the seed alone decides."""

import random
from dataclasses import dataclass

# Faults of a full run. The first two kills are followed by calm, so that the rescue can be timed.
FULL = (
    *("kill",) * 4,
    *("flush",) * 2,
    "valkey_restart",
    "valkey_down",
    "valkey_hang",
    *("postgres_restart",) * 2,
    "postgres_down",
    "pause",
    "ring_storm",
)
TIMED_KILLS = 2
# For a fixed rate of requests: is a job accepted as fast while Valkey is away?
AWAY = ("valkey_down", "valkey_hang", "valkey_restart") * 2
SMALL = ("kill", "flush", "valkey_down", "postgres_restart", "pause")
CALM_SECONDS = 9.5  # lease + 5 s, and a bit: nothing else may disturb a rescue that is timed
GAP_SECONDS = 4.0
LASTS = {"valkey_down": 5.0, "valkey_hang": 4.0, "postgres_down": 3.0, "pause": 7.0}


@dataclass(frozen=True, slots=True)
class Step:
    """`after` seconds since the step before, do `kind` to worker `target`, if it is about one."""

    kind: str
    after: float
    target: int


def plan(seed: int, *, kinds: tuple[str, ...] = FULL, timed_kills: int = TIMED_KILLS) -> list[Step]:
    chance = random.Random(seed)
    timed = ["kill"] * timed_kills
    rest = list(kinds)
    chance.shuffle(rest)
    steps = []
    for index, kind in enumerate([*timed, *rest]):
        follows_timed = 1 <= index <= timed_kills
        gap = CALM_SECONDS if follows_timed else GAP_SECONDS * chance.uniform(0.6, 1.2)
        steps.append(Step(kind, round(gap, 2), index % 2))
    return steps


def seconds_of(steps: list[Step]) -> float:
    """About how long a plan takes, without the waits for processes that start."""
    return sum(step.after + LASTS.get(step.kind, 0.5) for step in steps)
