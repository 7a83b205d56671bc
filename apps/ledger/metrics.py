"""What Prometheus sees of the books. The worker that verifies them serves it."""

from collections.abc import Collection

from prometheus_client import Gauge

from apps.ledger.types import Mismatch

MISMATCHES = Gauge(
    "ledger_rollup_mismatches",
    "Sums in rollups that differed from the entries when a day was last verified; 0, or a fault.",
)
DRIFT = Gauge(
    "ledger_rollup_drift",
    "By how much they differed, all together, in their units (pico-USD, tokens, entries).",
)
VERIFIED = Gauge(
    "ledger_rollup_verified_timestamp_seconds", "When a day was last verified; 0: not yet."
)
MONTHS_AHEAD = Gauge(
    "ledger_months_ahead",
    "Months after the current one that have a partition in the ledger; -1: not even the current.",
)
MONTHS_AHEAD.set(float("nan"))  # not looked yet: neither an alarm nor a comfort
STRAYS = Gauge(
    "ledger_default_partition_rows", "Entries of months that have no partition; 0, or a fault."
)


QUARANTINE = Gauge(
    "ledger_quarantine_entries",
    "Entries that wait for finance, by why; more than 0 for days keeps a month from being closed.",
    ["kind"],
)


def observe_quarantine(**counts: int) -> None:
    for kind, count in counts.items():
        QUARANTINE.labels(kind).set(count)


def observe_verified(mismatches: Collection[Mismatch]) -> None:
    MISMATCHES.set(len(mismatches))
    DRIFT.set(sum(abs(mismatch.recorded - mismatch.computed) for mismatch in mismatches))
    VERIFIED.set_to_current_time()


def observe_months(*, ahead: int, strays: int) -> None:
    MONTHS_AHEAD.set(ahead)
    STRAYS.set(strays)
