"""Jobs for operators: what runs, what failed and why."""

from apps.jobs.admin.jobs import JobAdmin

__all__ = ["JobAdmin"]
