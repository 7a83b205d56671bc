"""The pipeline's two doors to the books: admit an attempt, settle its end."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError

from apps.budgets.types import BudgetExceeded, Held
from apps.core.batcher import Batcher
from apps.gateway import refusals
from apps.gateway.accounts import (
    Admission,
    Complete,
    HitSettlement,
    Lost,
    Settlement,
    Superseded,
    admitter,
    settler,
)
from apps.gateway.types import CallOutcome, Spent

log = structlog.get_logger(__name__)
JOB_LOOKS_AGAIN = 60.0  # seconds after which a job that waits for money asks again at the latest
HIT_SECONDS = 2  # the same for an answer from the cache, which cost nothing
SETTLE_SECONDS = 60  # how long an answer waits for the database to come back before it is given up


class Books:
    """Admissions and settlements of one event loop, each through a batcher of its own."""

    def __init__(self, complete: Complete | None, lost: Lost | None) -> None:
        self._admissions: Batcher[Admission, Held] = Batcher(name="admit", flush=_flush(lost))
        self._settlements: Batcher[Settlement | HitSettlement, tuple[Spent, CallOutcome | None]] = (
            Batcher(name="settle", flush=settler(complete))
        )

    async def admit(self, admission: Admission) -> Held:
        """Commit the attempt and its hold, which says what may be sent. Raises `CallRefused`; then
        nothing may be sent."""
        try:
            return await self._admissions.submit(admission)
        except BudgetExceeded as error:
            refusal = refusals.over_budget(error, admission.start.number - 1)
            if admission.start.job_id is not None:
                refusal.retry_after = _job_waits(error)
            raise refusal from error
        except Superseded as error:
            raise refusals.superseded() from error
        except (OperationalError, InterfaceError) as error:
            log.error("admission_failed", error=str(error))
            raise refusals.database_away() from error

    async def settle(self, item: Settlement | HitSettlement) -> tuple[Spent, CallOutcome | None]:
        """Book it: what the attempt cost, and the outcome with the cost of the whole call.

        While the database is away the answer waits: what was spent must be written. After
        `SETTLE_SECONDS` it is refused; the open attempt is then resolved by the sweeper.
        """
        patience = HIT_SECONDS if isinstance(item, HitSettlement) else SETTLE_SECONDS
        give_up, delay = time.monotonic() + patience, 0.1
        while True:
            try:
                return await self._settlements.submit(item)
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() + delay > give_up:
                    log.error("settlement_failed", error=str(error))
                    raise refusals.database_away() from error
            await asyncio.sleep(delay)
            delay = min(2.0, delay * 2)

    async def close(self) -> None:
        await self._admissions.close()
        await self._settlements.close()


def _job_waits(error: BudgetExceeded) -> float | None:
    """Seconds. Only where the budget says so; and money may come back any time, by a raise too."""
    if not error.jobs_wait:
        return None
    return min(JOB_LOOKS_AGAIN, error.retry_after or JOB_LOOKS_AGAIN)


def _flush(lost: Lost | None) -> Callable[[Sequence[Admission]], Sequence[Any]]:
    return admitter(lost)
