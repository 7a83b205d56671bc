"""The formulas behind experiments and release gates: plain Python, each with its source.

Everything is computed from sums over subjects, so an hourly rollup is enough and nothing needs the
single calls. Nothing here reads a clock or a database. `scipy` is the oracle of the tests only.
"""

from apps.prompts.statistics.agreement import cohen_kappa, pass_at_k, pass_hat_k
from apps.prompts.statistics.counts import sample_ratio_p, wilson_interval
from apps.prompts.statistics.estimates import Difference, RatioSums, Sums, difference, welch
from apps.prompts.statistics.paired import Paired, Verdict, judge_paired
from apps.prompts.statistics.power import Plan, plan_experiment
from apps.prompts.statistics.sequential import Sequential, beyond, sequential

__all__ = [
    "Difference",
    "Paired",
    "Plan",
    "RatioSums",
    "Sequential",
    "Sums",
    "Verdict",
    "beyond",
    "cohen_kappa",
    "difference",
    "judge_paired",
    "pass_at_k",
    "pass_hat_k",
    "plan_experiment",
    "sample_ratio_p",
    "sequential",
    "welch",
    "wilson_interval",
]
