"""Who took part in which experiment, and what came of it, subject by subject."""

from collections.abc import Sequence

from apps.core.money import PICO
from apps.prompts.models import Experiment
from apps.results.changes import Change
from apps.results.models import Exposure

_COUNTED = ("calls", "failed", "refusals", "schema_failures")
_SUMS = (*_COUNTED, "timed", "seconds", "cost_usd")

Key = tuple[int, str]  # experiment, subject


def expose(changes: Sequence[Change]) -> None:
    """Add calls to their subjects; the first call of a subject says which arm it is counted in."""
    taking_part = [c for c in changes if c.call.arm and c.call.subject]
    ids = _experiments({change.call.arm.partition("/")[0] for change in taking_part})
    rows: dict[Key, Exposure] = _kept(taking_part, ids)
    for change in taking_part:
        slug, _, arm = change.call.arm.partition("/")
        if slug in ids:
            key = ids[slug], change.call.subject
            _add(rows.setdefault(key, _first(key, arm, change)), change)
    Exposure.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["experiment", "subject"],
        update_fields=_SUMS,
    )


def _experiments(slugs: set[str]) -> dict[str, int]:
    return dict(Experiment.objects.filter(slug__in=slugs).values_list("slug", "pk"))


def _kept(changes: Sequence[Change], ids: dict[str, int]) -> dict[Key, Exposure]:
    subjects = {change.call.subject for change in changes}
    rows = Exposure.objects.filter(experiment__in=ids.values(), subject__in=subjects)
    found = {(row.experiment_id, row.subject): row for row in rows}
    for row in found.values():
        row.pk = None  # written by its key, as a new one is
    return found


def _first(key: Key, arm: str, change: Change) -> Exposure:
    call = change.call
    return Exposure(
        experiment_id=key[0], subject=key[1], arm=arm, phase=call.phase, first_at=call.at
    )


def _add(row: Exposure, change: Change) -> None:
    for name in _COUNTED:
        setattr(row, name, getattr(row, name) + change.of(name))
    timed = (change.new.latency_ms is not None) - (change.old.latency_ms is not None)
    row.timed += timed
    row.seconds += change.of("latency_ms") / 1000
    row.cost_usd += change.of("cost_pico") / PICO
