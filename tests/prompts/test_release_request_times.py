"""Requests: when they go live, and what ends them while they wait."""

from datetime import timedelta

import pytest

from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import (
    Freeze,
)
from tests.prompts.conftest import (
    HOUR,
    NOW,
    approve,
    ask,
    freeze,
    go_live,
    live,
    make_sealed,
    saying,
)


class TestTime:
    def test_it_waits_for_its_hour(self, version, guarded, asker, approvers):
        asked = ask(version, guarded, asker, go_live_at=NOW + HOUR)
        for approver in approvers[:2]:
            approve(asked, approver)

        assert services.release_due(now=NOW + HOUR / 2) == []
        assert live(guarded).version != version
        assert [row.pk for row in services.release_due(now=NOW + HOUR)] == [asked.pk]
        assert live(guarded).version == version
        assert services.release_due(now=NOW + HOUR) == []

    def test_a_freeze_holds_it_back(self, asked, approvers, guarded):
        freeze(guarded)
        for approver in approvers[:2]:
            approve(asked, approver)
        assert services.release_due(now=NOW) == []

        services.release_due(now=NOW + HOUR)
        assert live(guarded).version == asked.version

    def test_a_time_in_the_past_or_in_a_freeze_is_refused(self, version, guarded, asker):
        freeze(guarded)

        for at, code in ((NOW - HOUR, "bad_time"), (NOW + HOUR / 2, "frozen")):
            with pytest.raises(PromptError) as caught:
                ask(version, guarded, asker, go_live_at=at)
            assert [fault.code for fault in caught.value.faults] == [code]

    def test_what_was_voided_while_it_waited_never_goes_live(
        self, version, guarded, asker, approvers, prompt
    ):
        asked = ask(version, guarded, asker, go_live_at=NOW + HOUR)
        for approver in approvers[:2]:
            approve(asked, approver)
        third = make_sealed(prompt, saying("Third"))
        go_live(third)

        services.release_due(now=NOW + HOUR)
        assert live(guarded).version == third


class TestFreezeThatOutlasts:
    def test_the_request_ends(self, asked, approvers, guarded):
        Freeze.objects.create(
            channel=guarded, starts_at=NOW - HOUR, ends_at=NOW + 800 * HOUR, reason="Merger"
        )
        for approver in approvers[:2]:
            approve(asked, approver)

        services.release_due(now=NOW + timedelta(days=31))
        asked.refresh_from_db()
        assert (asked.state, asked.outcome) == ("void", "A freeze outlasted it.")


class TestAskedForByWhoNeedsNobody:
    """Their right to release is all that stands for it, until it goes live."""

    @pytest.fixture
    def waiting(self, version, production, asker):
        asked = ask(version, production, asker, go_live_at=NOW + HOUR)
        assert (asked.state, asked.needed) == ("approved", 0)
        return asked

    def due(self, asked):
        services.release_due(now=NOW + 2 * HOUR)
        asked.refresh_from_db()
        return asked.state

    def test_it_goes_live_at_its_time(self, waiting):
        assert self.due(waiting) == "released"

    def test_not_when_others_must_approve_by_then(self, waiting, production):
        production.approvals = 2
        production.save()

        assert self.due(waiting) == "void"
        assert waiting.outcome == "asker may not release on production alone any more."

    def test_not_when_they_may_not_release_any_more(self, waiting, asker):
        asker.user_permissions.clear()

        assert self.due(waiting) == "void"

    def test_not_when_they_have_left(self, waiting, asker):
        asker.is_active = False
        asker.save()

        assert self.due(waiting) == "void"
