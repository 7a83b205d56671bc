"""Do experiments keep their word? `python -m bench.experiments [--runs 2000] [--seed 1]`.

A/A: two equal arms, looked at after every 100 subjects: how often is a winner named? A/B: a real
lift of 10 %, with the subjects that the calculator asks for: how often is it found? And calls of
the same subject that resemble each other, judged by subject and, wrongly, by call.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy

from apps.prompts.measured import BUILT_IN, Measured
from apps.prompts.statistics import RatioSums, plan_experiment
from apps.results.judging import Verdict, compare, deviation_of_share, is_broken

SHARE = Measured("thumb", "Thumb", "share", "higher")
LOOK = 50  # subjects an arm: 100 of both


@dataclass(frozen=True, slots=True)
class Found:
    """Of `runs` experiments, how many named an arm, and the subjects that it took on average."""

    runs: int
    named: int
    mean_subjects: float

    @property
    def share(self) -> float:
        return self.named / self.runs


def looks(rng: numpy.random.Generator, rate: float, subjects: int) -> Iterator[RatioSums]:
    """Sums of an arm with one call a subject, after each look."""
    hits = numpy.cumsum(rng.binomial(LOOK, rate, size=subjects // LOOK))
    for number, total in enumerate(hits.tolist(), 1):
        n = number * LOOK
        yield RatioSums(subjects=n, y=total, yy=total, x=n, xx=n, xy=total)


def searched(*, runs: int, seed: int, control: float, treatment: float, per_arm: int) -> Found:
    """Stops a run at the first look that names an arm."""
    rng, named, spent = numpy.random.default_rng(seed), 0, 0
    for _ in range(runs):
        arms = zip(looks(rng, control, per_arm), looks(rng, treatment, per_arm), strict=True)
        seen = 0
        for one, other in arms:
            seen = one.subjects + other.subjects
            found = compare(measured=SHARE, control=one, treatment=other, planned=2 * per_arm)
            if found is not None and found.verdict in (Verdict.BETTER, Verdict.WORSE):
                named += 1
                break
        spent += seen
    return Found(runs, named, spent / runs)


def guarded(*, runs: int, seed: int, per_arm: int) -> Found:
    """Equal arms under a guardrail without any slack: how often is one paused?"""
    rng, named, spent = numpy.random.default_rng(seed), 0, 0
    for _ in range(runs):
        seen = 0
        for one, other in zip(looks(rng, 0.05, per_arm), looks(rng, 0.05, per_arm), strict=True):
            seen = one.subjects + other.subjects
            if is_broken(measured=BUILT_IN["errors"], most=0, control=one, treatment=other):
                named += 1
                break
        spent += seen
    return Found(runs, named, spent / runs)


def clustered(*, runs: int, seed: int, by_subject: bool) -> Found:
    """Equal arms of 1,000 subjects with about 16 calls each, whose rates differ by subject."""
    rng, named = numpy.random.default_rng(seed), 0
    for _ in range(runs):
        one, other = (_arm(rng, by_subject=by_subject) for _ in range(2))
        found = compare(measured=SHARE, control=one, treatment=other, planned=2 * one.subjects)
        named += found is not None and found.verdict in (Verdict.BETTER, Verdict.WORSE)
    return Found(runs, named, 2000)


def _arm(rng: numpy.random.Generator, *, by_subject: bool) -> RatioSums:
    calls = 1 + rng.poisson(15, 1000)
    hits = rng.binomial(calls, rng.beta(1.5, 3.5, 1000))
    if not by_subject:
        n, total = int(calls.sum()), int(hits.sum())
        return RatioSums(subjects=n, y=total, yy=total, x=n, xx=n, xy=total)
    return RatioSums(
        subjects=1000,
        y=float(hits.sum()),
        yy=float((hits * hits).sum()),
        x=float(calls.sum()),
        xx=float((calls * calls).sum()),
        xy=float((hits * calls).sum()),
    )


def planned_for(rate: float, lift: float, power: float) -> int:
    """Subjects an arm, as the calculator tells."""
    deviation = deviation_of_share(rate, lift)
    plan = plan_experiment(deviation=deviation, difference=rate * lift, power=power)
    return math.ceil(plan.per_arm / LOOK) * LOOK


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    runs, seed, begun = given.runs, given.seed, time.perf_counter()
    rows = []
    for rate in (0.3, 0.05):
        found = searched(runs=runs, seed=seed, control=rate, treatment=rate, per_arm=10_000)
        rows.append((f"A/A at {rate:.0%}, a look every 100, to 20,000", "named", found))
    for power in (0.8, 0.9):
        per_arm = planned_for(0.3, 0.1, power)
        found = searched(runs=runs, seed=seed, control=0.3, treatment=0.33, per_arm=per_arm)
        rows.append(
            (f"30 % against 33 %, planned for {power:.0%}: {2 * per_arm:,}", "found", found)
        )
    rows.append(
        ("guardrail, equal arms at 5 %", "paused", guarded(runs=runs, seed=seed, per_arm=5_000))
    )
    for by_subject, name in ((True, "subject"), (False, "call, wrongly")):
        found = clustered(runs=runs, seed=seed, by_subject=by_subject)
        rows.append((f"A/A, 16 calls a subject, judged by {name}", "named", found))
    for name, word, found in rows:
        print(f"{name:55} {word} {found.share:7.2%}  mean subjects {found.mean_subjects:9,.0f}")
    print(f"{runs:,} runs each, seed {seed}, {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
