"""Templates that hang or fill Jinja's own sandbox, and more: each is refused or stopped early."""

import resource
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from apps.prompts import engine
from apps.prompts.engine import PolicyError, RenderError, TemplateSyntaxError
from tests.prompts.engine.payloads import FINE, REFUSED, STOPPED, UNREADABLE
from tests.yardstick import turn

# In turns of a loop (see `turn`), of 4 ms on a core of its own.
MOST_TURNS = 100
MOST_KILOBYTES = 64 * 1024


class Effort(NamedTuple):
    turns: float
    kilobytes: int


def effort_of(work: Callable[[], object]) -> Effort:
    before, first_turn = resource.getrusage(resource.RUSAGE_SELF), turn()
    started = time.process_time()
    work()
    seconds = time.process_time() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    return Effort(2 * seconds / (first_turn + turn()), after.ru_maxrss - before.ru_maxrss)


def assert_small(work: Callable[[], object]) -> None:
    """In one of three: whoever else works on the core in between counts as well."""
    efforts: list[Effort] = []
    while len(efforts) < 3 and not (efforts and is_small(efforts[-1])):
        efforts.append(effort_of(work))
    assert is_small(efforts[-1]), efforts


def is_small(effort: Effort) -> bool:
    return effort.turns < MOST_TURNS and effort.kilobytes < MOST_KILOBYTES


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_when_saving(name: str) -> None:
    def attempt() -> None:
        with pytest.raises(PolicyError) as caught:
            engine.check(REFUSED[name])
        assert len(caught.value.message) < 700

    assert_small(attempt)


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_it_is_no_template(name: str) -> None:
    def attempt() -> None:
        with pytest.raises(TemplateSyntaxError) as caught:
            engine.check(UNREADABLE[name])
        assert len(caught.value.message) < 400

    assert_small(attempt)


@pytest.mark.parametrize("name", STOPPED)
def test_it_is_stopped_when_rendering(name: str) -> None:
    source, values = STOPPED[name]

    def attempt() -> None:
        with pytest.raises(RenderError) as caught:
            engine.compile(source).render(values, clock=lambda: 0.0)  # fuel alone must do
        assert caught.value.permanent

    assert_small(attempt)


@pytest.mark.parametrize("name", FINE)
def test_it_does_no_harm(name: str) -> None:
    source, values, expected = FINE[name]

    def attempt() -> None:
        assert engine.compile(source).render(values) == expected

    assert_small(attempt)


@pytest.mark.parametrize(
    "source",
    [
        "{{ [" + "1," * 2_450 + "] }}",
        "{{ a }}" * 1_000,
        "{% if a %}" + "{% elif a %}" * 990 + "{% endif %}",
        "\n" * 99_000,
        ("{{ 1 -}}" + " " * 400) * 240,
        "{# x #}" * 1_000,
        "{{ " + "'a' ~ " * 2_450 + "'' }}",
    ],
    ids=["list", "tags", "elifs", "lines", "spaces", "comments", "joins"],
)
def test_the_largest_templates_are_read_quickly(source: str) -> None:
    assert_small(lambda: engine.compile(source))
