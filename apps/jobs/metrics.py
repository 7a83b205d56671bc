"""What Prometheus sees of jobs. A worker serves it on METRICS_PORT."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

from apps.jobs.models import OPEN_STATUSES, Priority

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)

FINISHED = Counter("jobs_finished_total", "Jobs by how they ended.", ["status", "priority"])
WAITED = Histogram(
    "jobs_wait_seconds", "From acceptance to the first claim.", ["priority"], buckets=_SECONDS
)
RAN = Histogram(
    "jobs_run_seconds", "From the first claim to the end.", ["status"], buckets=_SECONDS
)
IN_FLIGHT = Gauge("jobs_in_flight", "Jobs that this worker process runs now.")
SLOTS = Gauge("jobs_slots", "Jobs that this worker process runs at most.")

# status, priority, created_at, started_at, finished_at
Moved = tuple[str, int, datetime, datetime | None, datetime | None]


def observe(moved: Iterable[Moved]) -> None:
    """Count what ended among jobs that moved; those that wait again are not counted."""
    for status, priority, created_at, started_at, finished_at in moved:
        if status in OPEN_STATUSES or finished_at is None:
            continue
        urgency = Priority(priority).name.lower()
        FINISHED.labels(status, urgency).inc()
        if started_at is not None:
            WAITED.labels(urgency).observe((started_at - created_at).total_seconds())
            RAN.labels(status).observe((finished_at - started_at).total_seconds())
