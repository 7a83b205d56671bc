"""How busy and how fast each deployment is, as this process and its neighbours see it.

Latency is the peak EWMA of Finagle (`PeakEwma.scala`): a sample above the average replaces it at
once; one below moves it by `1 - exp(-elapsed / TAU)`; without samples it sinks towards 0, so that a
deployment that was slow is tried again. Its cost multiplies with what is in flight.

Nothing here asks Redis on the way of a call: `apps.routing.exchange` carries reports between
processes once a second, and while Redis is away each process knows only itself.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apps.registry.types import DeploymentFacts
from apps.routing.types import AttemptResult

TAU = 10.0  # seconds in which an old sample loses 63 % of its weight
FAILURE_SECONDS = 10.0  # a failure counts at least so slow, or the fastest to fail would win
STALE_SECONDS = 5.0  # reports of a neighbour that is not heard of any more
UNKNOWN_OUTPUT = 256  # tokens expected of a prompt or model that has not answered yet
OUTPUT_WEIGHT = 0.1  # of the newest answer in the average length
Clock = Callable[[], float]


@dataclass(slots=True)
class Ewma:
    """A peak-sensitive moving average in seconds, last moved at `at`."""

    value: float
    at: float

    def observe(self, sample: float, now: float) -> None:
        if sample > self.value:
            self.value = sample
        else:
            weight = math.exp(-max(0.0, now - self.at) / TAU)
            self.value = self.value * weight + sample * (1 - weight)
        self.at = now

    def read(self, now: float) -> float:
        return self.value * math.exp(-max(0.0, now - self.at) / TAU)


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says of its deployments: slug → (latency in seconds, in flight)."""

    loads: Mapping[str, tuple[float, int]]


@dataclass(slots=True)
class _Heard:
    report: Report
    at: float


class Loads:
    """The `Observer` that strategies ask. One for each event loop; `clock` is monotonic."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._latency: dict[str, Ewma] = {}
        self._in_flight: dict[str, int] = defaultdict(int)
        self._outputs: dict[str, float] = {}
        self._heard: dict[str, _Heard] = {}

    # --- what attempts tell -----------------------------------------------------------------------
    def began(self, deployment: DeploymentFacts) -> None:
        self._in_flight[deployment.slug] += 1

    def observe(
        self,
        deployment: DeploymentFacts,
        *,
        seconds: float,
        outcome: AttemptResult,
        retry_after: float | None = None,
    ) -> None:
        slug, now = deployment.slug, self._clock()
        self._in_flight[slug] = max(0, self._in_flight[slug] - 1)
        if outcome in {AttemptResult.IGNORED, AttemptResult.MISSING}:
            return
        if outcome is AttemptResult.OUTRUN:  # a bound from below: news only if it is a new peak
            if seconds <= self._own_latency(slug, now):
                return
        elif outcome is not AttemptResult.ANSWERED:
            seconds = max(seconds, FAILURE_SECONDS)
        if slug in self._latency:
            self._latency[slug].observe(seconds, now)
        else:
            self._latency[slug] = Ewma(seconds, now)

    def answered(self, subject: str, *, output_tokens: int) -> None:
        """Remember how long answers of a prompt or model (`subject`) are."""
        known = self._outputs.get(subject)
        new = output_tokens if known is None else known + OUTPUT_WEIGHT * (output_tokens - known)
        self._outputs[subject] = new

    # --- what neighbours tell ---------------------------------------------------------------------
    def own_report(self) -> Report:
        now = self._clock()
        slugs = {*self._latency, *(slug for slug, count in self._in_flight.items() if count)}
        return Report(
            {slug: (self._own_latency(slug, now), self._in_flight[slug]) for slug in slugs}
        )

    def hear(self, process: str, report: Report) -> None:
        self._heard[process] = _Heard(report, self._clock())

    def forget_silent(self) -> None:
        oldest = self._clock() - STALE_SECONDS
        self._heard = {name: heard for name, heard in self._heard.items() if heard.at >= oldest}

    # --- what strategies ask ----------------------------------------------------------------------
    def latency(self, slug: str) -> float:
        """Seconds: the highest that anybody reports (peaks are what the average is about)."""
        now = self._clock()
        theirs = (seconds for seconds, _ in self._reports(slug, now))
        return max(self._own_latency(slug, now), *theirs, 0.0)

    def in_flight(self, slug: str) -> int:
        """Requests under way in all processes that are heard of."""
        theirs = sum(count for _, count in self._reports(slug, self._clock()))
        return self._in_flight.get(slug, 0) + theirs

    def expected_output(self, subject: str, *, cap: int) -> int:
        """Tokens that an answer is likely to have."""
        return min(cap, round(self._outputs.get(subject, UNKNOWN_OUTPUT)))

    def _own_latency(self, slug: str, now: float) -> float:
        ewma = self._latency.get(slug)
        return ewma.read(now) if ewma else 0.0

    def _reports(self, slug: str, now: float) -> list[tuple[float, int]]:
        return [
            heard.report.loads[slug]
            for heard in self._heard.values()
            if slug in heard.report.loads and now - heard.at < STALE_SECONDS
        ]
