"""What calls came to by the days on which they were sent and ended: as entries say one by one, and
as it is read."""

from collections import defaultdict
from datetime import date

from apps.ledger.calls import sums_of_calls
from apps.ledger.models import Attempt, Entry

EVER = {"first": date(2025, 12, 1), "last": date(2027, 12, 31)}
CALLS = ("charge", "estimate", "unpriced", "conflict")


def of_entries(provider, *, by_end):
    """(day, model, class) → amount, quantity and lines; (day, model) → calls: one by one."""
    sums, calls = defaultdict(lambda: (0, 0, 0)), defaultdict(int)
    entries = list(Entry.objects.filter(provider=provider, attempt__isnull=False).order_by("at"))
    starts = dict(Attempt.objects.values_list("pk", "started_at"))
    for entry in entries:
        first = next(other.at for other in entries if other.attempt_id == entry.attempt_id)
        day = (first if by_end else starts[entry.attempt_id]).date()
        calls[day, entry.model] += entry.kind in CALLS
        for line in entry.lines or [{"amount_pico": entry.amount_pico}]:
            key = (day, entry.model, line.get("usage_class", ""))
            more = (line.get("amount_pico", 0), line.get("quantity", 0), 1)
            sums[key] = tuple(a + b for a, b in zip(sums[key], more, strict=True))
    return dict(sums), dict(calls)


def told(provider, *, by_end):
    sums, calls = {}, defaultdict(int)
    for row in sums_of_calls(provider=provider, **EVER, by_end=by_end):
        calls[row.day, row.model] += row.calls
        if row.lines:
            key = (row.day, row.model, row.usage_class)
            sums[key] = (row.amount_pico, row.quantity or 0, row.lines)
    return sums, dict(calls)


def are_right(provider):
    return all(
        told(provider, by_end=end) == of_entries(provider, by_end=end) for end in (False, True)
    )
