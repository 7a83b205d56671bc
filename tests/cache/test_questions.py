"""Shelves of questions in a real Redis: bounded, and never wrong when something is."""

import asyncio
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cache.questions import Near, Questions, at_most, shelf_of
from apps.cache.types import Question
from apps.cache.vectors import MOST, likeness, normed
from apps.core.redis import async_client, client
from apps.core.redis_wire import wire_of

SHELF = shelf_of("shop", "0" * 64)
KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture(autouse=True)
def empty():
    client().flushdb()


def asked(*numbers, shelf=SHELF):
    return Question(shelf, normed(numbers))


def run(*steps):
    """Each step with the same `Questions`; the result of the last."""

    async def all_steps():
        redis = async_client()
        questions = Questions(redis)
        try:
            for step in steps:
                result = step(questions)
                result = await result if asyncio.iscoroutine(result) else result
                for _ in range(2):  # a script that Redis does not know yet is sent again
                    await wire_of(redis).send("PING")
        finally:
            await redis.aclose()
        return result

    return asyncio.run(all_steps())


def keep(question, key=KEY):
    return lambda questions: questions.keep(question, key, seconds=60)


def nearest(question, at_least=0.8):
    return lambda questions: questions.nearest(question, at_least)


def test_the_most_similar_comes_first_and_the_others_not_at_all():
    found = run(
        keep(asked(1, 0), KEY), keep(asked(1, 0.5), OTHER), keep(asked(0, 1), "ef" * 32),
        nearest(asked(1, 0.4)),
    )  # fmt: skip
    assert [near.key for near in found] == [OTHER, KEY]
    assert found[0].likeness == pytest.approx(0.9965, abs=1e-3)


def test_a_question_of_another_shelf_or_size_is_not_found():
    assert run(keep(asked(1, 0)), nearest(asked(1, 0, shelf=shelf_of("other", "0" * 64)))) == []
    assert run(keep(asked(1, 0)), nearest(asked(1, 0, 0))) == []


@pytest.mark.parametrize("size", [2, 384, MOST])
def test_a_shelf_is_bounded_and_expires(size):
    numbers = [0.0] * (size - 1)
    newest = asked(1, *numbers)
    keys = [f"{number:064x}" for number in range(at_most(newest) + 5)]

    run(*(keep(newest, key) for key in keys), keep(newest, keys[-2]), nearest(newest))

    rows = client().lrange(SHELF, 0, -1)
    assert len(rows) == at_most(newest) <= 100
    assert rows[0][8:40].hex() == keys[-2], "kept again: in front, and once"
    assert sum(map(len, rows)) < 200_000
    assert 0 < client().ttl(SHELF) <= 60


@settings(deadline=None)  # a real Redis
@given(data=st.data())
def test_what_was_cut_or_changed_is_not_found(data):
    client().flushdb()
    question = asked(*data.draw(st.lists(st.floats(0.1, 9), min_size=2, max_size=6)))
    run(keep(question), nearest(question))
    row = client().lindex(SHELF, 0)
    place = data.draw(st.integers(0, len(row) - 1))
    broken = data.draw(
        st.one_of(
            st.just(row[:place]),
            st.integers(1, 255).map(
                lambda bits: row[:place] + bytes([row[place] ^ bits]) + row[place + 1 :]
            ),
            st.binary(max_size=80),
        )
    )
    client().lset(SHELF, 0, broken)
    assert run(nearest(question, -1)) == []
    client().lpush(SHELF, row)
    assert run(nearest(question)) == [Near(KEY, pytest.approx(1))], "the others still count"


def test_a_row_of_another_shelf_does_not_count_here():
    run(keep(asked(1, 0, shelf="cache:questions:other:1")), nearest(asked(1, 0)))
    client().lpush(SHELF, client().lindex("cache:questions:other:1", 0))

    assert run(nearest(asked(1, 0))) == []


def test_a_key_that_is_no_shelf_is_nothing_similar():
    client().set(SHELF, "x")
    assert run(nearest(asked(1, 0))) == []
    assert run(keep(asked(1, 0)), nearest(asked(1, 0))) == []


@given(st.lists(st.floats(-1e6, 1e6).filter(lambda n: abs(n) > 1e-6), min_size=1, max_size=50))
def test_a_vector_is_like_itself(numbers):
    one = normed(numbers)
    assert likeness(one, one) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "numbers", [[], [0.0], [float("nan")], [float("inf")], [1.0] * (MOST + 1), ["1"], [None]]
)
def test_what_is_no_vector_is_refused(numbers):
    with pytest.raises((ValueError, TypeError)):
        normed(numbers)


def test_vectors_are_32_bit():
    assert array("f").itemsize == 4
    assert normed([3, 4]).tobytes() == array("f", [0.6, 0.8]).tobytes()
