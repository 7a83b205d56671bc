"""UUIDs that sort by time."""

import time

from apps.core.ids import uuid7


def test_an_id_is_a_version_7_uuid_of_now():
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= after


def test_ids_do_not_repeat():
    assert len({uuid7() for _ in range(10_000)}) == 10_000


def test_ids_sort_by_the_time_of_their_making_within_a_millisecond(monkeypatch):
    moment = time.time_ns()
    made = []
    for step in range(1_000):
        monkeypatch.setattr(time, "time_ns", lambda step=step: moment + 500 * step)
        made.append(uuid7())

    assert made == sorted(made)
