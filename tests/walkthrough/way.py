"""The whole way, and what must be true along it."""

import time
from collections.abc import Callable, Iterator

from tests.walkthrough import approver, engineer
from tests.walkthrough.person import Person
from tests.walkthrough.shop import Shop

Look = Callable[[Person, str], None]
GUARDED = 180.0  # seconds that a guardrail may take with customers coming all the time
LIVE = 10.0
BAD_MODEL = "fake-chat-small"


def walk(me: Person, boss: Person, shop: Shop, *, slug: str, look: Look) -> Iterator[str]:
    """From an empty prompt over a release and an experiment back to the version before. Says what
    it measured; raises `AssertionError` or `TimeoutError` where the way ends early."""

    def go(person: Person, steps: Iterator[str]) -> None:
        for name in steps:
            look(person, name)

    go(me, engineer.first_version(me, slug))
    version = me.path
    prompt = me.path_of(slug)
    go(boss, approver.release(boss, version))
    yield f"v1 is live: {_until_live(shop, slug, 1):.2f} s"
    assert all(job["status"] == "succeeded" for job in shop.submit(slug, 12))

    go(me, engineer.second_version(me, prompt))
    second = me.path
    go(me, engineer.evaluation(me, slug))
    go(me, engineer.compared_with_live(me, prompt))
    go(me, engineer.request(me, second))
    go(boss, approver.look_at_request(boss))
    boss.answer("Approve")
    yield f"v2 is live: {_until_live(shop, slug, 2):.2f} s after the approval"
    look(boss, "36-approved")

    go(me, engineer.bad_version(me, prompt))
    go(me, engineer.experiment(me, slug))
    experiment = me.path
    go(boss, approver.start(boss, experiment))
    shop.behave(model=BAD_MODEL, status=400)
    yield _guarded(boss, shop, slug, experiment)
    go(boss, approver.results(boss, experiment))
    go(boss, approver.roll_back(boss, prompt))
    yield f"v1 is live again: {_until_live(shop, slug, 1):.2f} s"


def _until_live(shop: Shop, slug: str, number: int) -> float:
    """Until the gateway and the web process both serve the version."""
    began = time.monotonic()
    while True:
        served = {shop.ask(slug)[1], shop.pinned(slug)}
        passed = time.monotonic() - began
        if served == {f"{slug} v{number}"}:
            return passed
        if passed > LIVE:
            raise TimeoutError(f"after {LIVE} s they serve {served}")


def _guarded(boss: Person, shop: Shop, slug: str, experiment: str) -> str:
    began = time.monotonic()

    def is_paused() -> bool:
        boss.go(experiment)
        return bool(boss.page.get_by_text("Guardrail: ").count())

    asked = shop.visit(slug, until=is_paused, seconds=GUARDED)
    return f"a guardrail paused the bad arm after {time.monotonic() - began:.0f} s, {asked} calls"
