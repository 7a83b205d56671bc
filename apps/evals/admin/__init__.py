"""Pages of evaluation."""

from apps.evals.admin import cases, datasets, requirements, reviews, runs, suites  # noqa: F401
