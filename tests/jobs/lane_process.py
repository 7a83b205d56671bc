"""Rounds of the batch lane in a process of its own, one after the other, until it is killed."""

import itertools
import time

import django

PAUSE_SECONDS = 0.05


def main() -> None:
    django.setup()
    from apps.gateway.config import new_holder
    from apps.jobs.services.provider_batches.round import run_round

    config = new_holder()
    for _ in itertools.count():
        config.refresh()
        run_round(config=config.current)
        time.sleep(PAUSE_SECONDS)  # the pace of rounds, as the worker's thread has one; no event


if __name__ == "__main__":
    main()
