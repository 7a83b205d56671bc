"""A process of callers: `python -m tests.budgets.clients THREADS TRIES`.

Each try holds, opens its attempt and, when it was admitted, ends it. One line a try: what became
of it. A killed process leaves holds and attempts behind, as a real one does.
"""

import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

AMOUNT = 100  # of a hold, in pico-USD; a call costs half to all of it


def main() -> None:
    import django

    django.setup()
    threads, tries = int(sys.argv[1]), int(sys.argv[2])
    with ThreadPoolExecutor(threads) as pool:
        for outcome in pool.map(one_try, range(tries)):
            sys.stdout.write(f"{outcome}\n")
            sys.stdout.flush()


def one_try(number: int) -> str:
    from django.db import OperationalError

    try:
        return "admitted" if call(number) else "refused"
    except OperationalError as error:  # a deadlock would be one
        return f"error {error}"


def call(number: int, *, dies: bool = False) -> bool:
    """Whether its budgets admitted it. With `dies` nobody ends it."""
    from apps.budgets.types import Held

    service = ("shop", "search")[number % 2]
    admitted = hold(service)
    if not isinstance(admitted, Held):
        return False
    if not dies:
        end(admitted.id, random.Random(f"{os.getpid()} {number}").randint(AMOUNT // 2, AMOUNT))
    return True


def hold(service: str) -> object:
    from django.db import transaction

    from apps.budgets.services import hold_all
    from apps.budgets.snapshot import read_budgets
    from apps.budgets.types import Held, HoldRequest, Scope
    from apps.core.clock import db_now
    from apps.core.ids import uuid7
    from apps.ledger.services import open_attempts
    from apps.ledger.types import AttemptStart, Dimensions

    scope = Scope("shop-team", "cc-100", service, "openai", "mini")
    wanted = HoldRequest(id=uuid7(), amount_pico=AMOUNT, scope=scope, ttl_seconds=600)
    with transaction.atomic():
        now = db_now()
        [answer] = hold_all(requests=[wanted], budgets=read_budgets(), now=now)
        if isinstance(answer, Held):
            whose = Dimensions(service, "shop-team", "cc-100", "openai", "mini", "mini-1")
            start = AttemptStart(wanted.id, "req_1", None, 1, "answer", whose)
            open_attempts(starts=[start], now=now)
    return answer


def end(attempt_id: UUID, tokens: int) -> None:
    from django.db import transaction

    from apps.budgets.services import settle_all
    from apps.budgets.types import Resolution
    from apps.core.clock import db_now
    from apps.ledger.services import close_attempts
    from apps.ledger.types import AttemptEnd, UsageReport
    from apps.registry.types import PriceRow

    penny = (PriceRow(1, "in_uncached", 1, 1, None, None),)
    usage = UsageReport({"in_uncached": tokens}, tokens, 0, "provider", None)
    with transaction.atomic():
        now = db_now()
        close_attempts(ends=[AttemptEnd(attempt_id, "succeeded", usage, penny, "charge")], now=now)
        settle_all(resolutions=[Resolution(attempt_id, tokens)], now=now)


if __name__ == "__main__":
    main()
