"""What the second person does: release, approve, start, roll back."""

from collections.abc import Iterator

from tests.walkthrough.person import Person


def release(me: Person, version: str) -> Iterator[str]:
    me.go(version)
    me.link("Release to channel…")
    yield "08-release"
    me.answer("Release", Channel="production", Reason="The first words.")
    me.sees("is live on production")
    yield "09-released"


def look_at_request(me: Person) -> Iterator[str]:
    me.go("/admin/prompts/releaserequest/")
    yield "33-requests"
    me.open(me.page.locator("#result_list tbody th a").first)
    yield "34-asked"
    me.link("Approve…")
    yield "35-approve"


def start(me: Person, experiment: str) -> Iterator[str]:
    me.go(experiment)
    me.link("Start…")
    yield "44-start"
    me.answer("Start")
    yield "45-running"


def results(me: Person, experiment: str) -> Iterator[str]:
    me.go(experiment)
    yield "46-paused-arm"
    me.link("Results")
    yield "47-results"


def roll_back(me: Person, prompt: str) -> Iterator[str]:
    me.go(prompt)
    me.link("Roll back…")
    yield "50-roll-back"
    me.answer("Roll back", Channel="production", Reason="Customers want two sentences.")
    yield "51-rolled-back"
    me.open(me.page.get_by_role("link", name="over time").first)
    yield "52-over-time"
