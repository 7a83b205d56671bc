"""What can be asked of an answer. Pure: no database, no clock, no code of users.

Everything ends in bounded time: regular expressions run in RE2, which is linear, texts are cut to
`TEXT` characters, and schemas fetch nothing.
"""

from apps.evals.checks.grading import grade, outcome_of, run_check
from apps.evals.checks.rules import check_faults, needs_expected

__all__ = ["check_faults", "grade", "needs_expected", "outcome_of", "run_check"]
