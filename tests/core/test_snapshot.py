"""Configuration in process follows every change, and survives the database."""

import threading

import pytest
from django.db import DatabaseError, connection

from apps.access.models import Team
from apps.core.models import ConfigEpoch
from apps.core.snapshot import SnapshotHolder, current_epoch


def team_slugs() -> tuple[str, ...]:
    return tuple(Team.objects.order_by("slug").values_list("slug", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda: Team.objects.create(slug="new", name="New"),
        lambda: Team.objects.filter(slug="old").update(name="Changed"),
        lambda: Team.objects.filter(slug="old").delete(),
        lambda: Team.objects.bulk_create([Team(slug="bulk", name="Bulk")]),
        lambda: connection.cursor().execute("UPDATE access_team SET name = 'raw'"),
    ],
    ids=["create", "update", "delete", "bulk", "raw SQL"],
)
def test_every_door_moves_the_epoch(change):
    Team.objects.create(slug="old", name="Old")
    before = current_epoch()

    change()

    assert current_epoch() > before


@pytest.mark.django_db
def test_nothing_is_read_while_nothing_changed():
    built = []
    holder = SnapshotHolder(lambda: built.append(1))

    assert [holder.refresh(), holder.refresh(), holder.refresh()] == [True, False, False]
    assert len(built) == 1


def test_nothing_read_yet_is_an_error():
    with pytest.raises(LookupError):
        _ = SnapshotHolder(tuple).current


@pytest.mark.django_db(transaction=True)
def test_an_edit_is_in_force_within_a_second():
    seen = threading.Event()

    def build() -> tuple[str, ...]:
        slugs = team_slugs()
        if "edited" in slugs:
            seen.set()
        return slugs

    holder = SnapshotHolder(build)
    holder.start()
    try:
        Team.objects.create(slug="edited", name="Edited")
        assert seen.wait(1.0)
    finally:
        holder.stop()


@pytest.mark.django_db(transaction=True)
def test_the_last_good_snapshot_serves_while_reading_fails():
    tried = threading.Event()

    def build() -> str:
        if Team.objects.exists():
            tried.set()
            raise DatabaseError("away")
        return "good"

    holder = SnapshotHolder(build)
    holder.start()
    try:
        Team.objects.create(slug="breaks", name="Breaks")
        assert tried.wait(2.0)
        assert holder.current == "good"
    finally:
        holder.stop()
    assert ConfigEpoch.objects.count() == 1
