"""Two runs over the same questions, case by case. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from apps.prompts.statistics import Paired, judge_paired, pass_at_k, pass_hat_k


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one case in one run: repeats that passed, that were decided, that should be."""

    passed: int
    decided: int
    wanted: int

    @property
    def passes(self) -> bool | None:
        """More than half of its repeats do; None while one is undecided."""
        if self.decided < self.wanted:
            return None
        return 2 * self.passed > self.wanted


@dataclass(frozen=True, slots=True)
class Pair:
    """One case in both runs."""

    case_id: int
    old: Tally
    new: Tally

    @property
    def verdict(self) -> str:
        """better, same, worse, or undecided."""
        if self.old.passes is None or self.new.passes is None:
            return "undecided"
        if self.old.passes == self.new.passes:
            return "same"
        return "better" if self.new.passes else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    pairs: tuple[Pair, ...]
    paired: Paired | None
    """None without a decided case."""

    def count(self, verdict: str) -> int:
        return sum(pair.verdict == verdict for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Of a run with `k` repeats: the chance that at least one of them passes, and that all do."""

    k: int
    pass_at_1: float
    pass_at_k: float
    pass_hat_k: float


def compare_tallies(
    old: Mapping[int, Tally], new: Mapping[int, Tally], *, margin: float
) -> Comparison:
    """Cases that both runs have. The unit is the case: repeats of one case resemble each other, so
    they decide it together and are not counted as so many cases."""
    pairs = tuple(Pair(case, old[case], new[case]) for case in new if case in old)
    verdicts = [pair.verdict for pair in pairs if pair.verdict != "undecided"]
    if not verdicts:
        return Comparison(pairs, None)
    better, worse = verdicts.count("better"), verdicts.count("worse")
    found = judge_paired(better=better, worse=worse, cases=len(verdicts), margin=margin)
    return Comparison(pairs, found)


def steadiness(tallies: Sequence[Tally]) -> Steadiness | None:
    """Mean over the cases that are decided; None without one."""
    whole = [tally for tally in tallies if tally.decided and tally.decided == tally.wanted]
    if not whole:
        return None
    k = whole[0].wanted
    return Steadiness(
        k=k,
        pass_at_1=fmean(tally.passed / tally.wanted for tally in whole),
        pass_at_k=fmean(pass_at_k(passed=t.passed, of=t.wanted, k=k) for t in whole),
        pass_hat_k=fmean(pass_hat_k(passed=t.passed, of=t.wanted, k=k) for t in whole),
    )
