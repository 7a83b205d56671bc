"""Writing down what a person ordered: one row for the audit log, one for each object's history."""

from collections.abc import Sequence
from typing import Any

import structlog
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet

from apps.audit.history import note_reason
from apps.jobs.models import Intervention

NAMED = 3  # ids that the audit log names; each object's own history has the order too
BATCH = 1_000  # rows of the histories that are written at a time

log = structlog.get_logger(__name__)


@transaction.atomic
def record(
    *, action: Intervention.Action, rows: "QuerySet[Any]", by: Any, reason: str, which: str = ""
) -> None:
    """Call it before the order is carried out: `rows` may be found by what the order changes.

    `which` says in words what was chosen; without it, the first ids do.
    """
    note_reason(reason)
    chosen = list(rows.order_by("pk"))
    ids = [str(row.pk) for row in chosen]
    name = f"{len(ids):,}: {which or _named(ids)}"
    actor = by.get_username()
    Intervention.objects.create(action=action, name=name[:300], reason=reason, actor=actor)
    _histories(chosen, by, f"{action.label}: {reason}")
    log.warning("intervention", action=str(action), rows=len(ids), which=which, actor=actor)


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids[:NAMED]) + ("…" if len(ids) > NAMED else "")


def _histories(chosen: Sequence[Any], by: Any, message: str) -> None:
    for start in range(0, len(chosen), BATCH):
        LogEntry.objects.log_actions(by.pk, chosen[start : start + BATCH], CHANGE, message)
