"""Wakes the deliverer of this process, if it has one; others look by themselves."""

import threading

from django.db import transaction

EVENT = threading.Event()


def after_commit() -> None:
    transaction.on_commit(EVENT.set)
