"""A process whose own clock is wrong lives by the database's."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.core import clock
from apps.core.snapshot import current_epoch

DATABASE = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """Each test begins as a new process, and leaves nothing to the others."""
    monkeypatch.setattr(clock, "_heard", None)


@pytest.fixture
def seconds(monkeypatch):
    """The steady clock, turned by hand."""
    found = [1000.0]
    monkeypatch.setattr(clock, "steady", lambda: found[0])
    return found


def test_before_it_heard_anything_it_has_its_own(monkeypatch):
    monkeypatch.setattr(clock, "own", lambda: DATABASE)

    assert clock.now() == DATABASE


def test_what_it_heard_is_carried_on(seconds):
    clock.hear(DATABASE)
    seconds[0] += 2.5

    assert clock.now() == DATABASE + timedelta(seconds=2.5)


@pytest.mark.parametrize("hours", [-2, 2])
def test_its_own_clock_may_jump(monkeypatch, seconds, hours):
    clock.hear(DATABASE)
    monkeypatch.setattr(clock, "own", lambda: DATABASE + timedelta(hours=hours))

    assert clock.now() == DATABASE


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [-2, 2])
def test_reading_the_configuration_tells_the_time(monkeypatch, hours):
    monkeypatch.setattr(clock, "own", lambda: datetime.now(UTC) + timedelta(hours=hours))

    current_epoch()

    assert abs(clock.db_now() - clock.now()) < timedelta(seconds=30)
