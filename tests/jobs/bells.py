"""The thread that rings, for tests."""

from apps.jobs.services import doorbell


def rung() -> None:
    """Wait until the thread that rings has done what was asked of it."""
    doorbell._ringer().submit(int).result()
