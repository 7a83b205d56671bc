"""Days of the rollups against the entries; and all equalities of the books."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from apps.ledger import metrics, posting
from apps.ledger.selectors import rollup_mismatches
from apps.ledger.types import Mismatch

log = structlog.get_logger(__name__)


def verify_yesterday(*, zone: str, now: datetime) -> list[Mismatch]:
    """Compute yesterday's rollups from its entries and compare; tells Prometheus and the log.

    Nothing is mended: a difference is a fault that somebody must understand first
    (`rebuild_rollups` then mends it).
    """
    posting.post_entries(zone=zone)
    yesterday = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    mismatches = rollup_mismatches(first=yesterday, last=yesterday)
    metrics.observe_verified(mismatches)
    if mismatches:
        log.error(
            "rollups_differ",
            day=str(yesterday),
            count=len(mismatches),
            first=[str(mismatch) for mismatch in mismatches[:5]],
        )
    return mismatches
