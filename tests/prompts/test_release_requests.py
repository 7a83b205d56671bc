"""Requests: exactly what others looked at goes live, when enough of them approved."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from apps.prompts import services
from apps.prompts.errors import NotPermitted, PromptError
from apps.prompts.models import (
    Approval,
    Arm,
    Channel,
    Experiment,
    Release,
    ReleaseRequest,
    RequestKind,
)
from tests.prompts.conftest import (
    NOW,
    approve,
    ask,
    freeze,
    go_live,
    live,
    make_prompt,
    make_sealed,
    person,
    saying,
)


class TestApproving:
    def test_the_last_one_needed_makes_it_live(self, asked, approvers, guarded):
        assert approve(asked, approvers[0]).state == "waiting"
        assert live(guarded).version != asked.version

        done = approve(asked, approvers[1])

        assert (done.state, done.release) == ("released", live(guarded))
        made = live(guarded)
        assert (made.version, made.actor, made.reason) == (
            asked.version,
            asked.requester,
            "Sounds better",
        )

    def test_nobody_counts_twice(self, asked, approvers):
        approve(asked, approvers[0])

        with pytest.raises(PromptError, match=r"approved .* already"):
            approve(asked, approvers[0])

    def test_not_who_asks(self, asked, asker):
        with pytest.raises(NotPermitted, match="You asked"):
            approve(asked, asker)

    def test_not_who_wrote_it(self, asked, engineer):
        engineer.is_superuser = True
        engineer.save()

        with pytest.raises(NotPermitted, match="You wrote"):
            approve(asked, engineer)

    def test_not_without_the_permission(self, asked):
        with pytest.raises(NotPermitted, match="release_protected"):
            approve(asked, person("passer-by"))

    @pytest.mark.parametrize("who", ["asker", "engineer"])
    def test_the_database_refuses_them_too(self, asked, who, request):
        approver = request.getfixturevalue(who)

        with pytest.raises(DatabaseError, match="Nobody approves"), transaction.atomic():
            Approval.objects.create(request=asked, approver=approver, at=NOW)

    def test_an_approval_stays(self, asked, approvers):
        approve(asked, approvers[0])

        for write in (
            lambda: Approval.objects.all().update(comment="x"),
            lambda: Approval.objects.all().delete(),
            lambda: ReleaseRequest.objects.update(needed=0),
            lambda: ReleaseRequest.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                write()


class TestVoid:
    """What was approved was: this content, after that release."""

    def test_another_release_in_between(self, asked, approvers, prompt, guarded):
        approve(asked, approvers[0])
        go_live(make_sealed(prompt, saying("Third")))

        asked.refresh_from_db()
        assert (asked.state, asked.outcome) == (
            "void",
            f"{live(guarded).version} went live meanwhile.",
        )
        with pytest.raises(PromptError, match="is void"):
            approve(asked, approvers[1])

    def test_a_rollback_in_between(self, version, guarded, asker, prompt):
        go_live(make_sealed(prompt, saying("Older")))
        asked = ask(version, guarded, asker)
        services.rollback(prompt=prompt, channel=guarded, reason="Bad", by=None, now=NOW)

        asked.refresh_from_db()
        assert asked.state == "void"

    def test_its_version_was_retired(self, asked, version):
        services.retire_version(version=version)

        asked.refresh_from_db()
        assert (asked.state, asked.outcome) == ("void", f"{version} was retired.")

    def test_only_those_of_the_same_channel(self, asked, prompt, staging):
        go_live(make_sealed(prompt, saying("Third")), channel="staging")

        asked.refresh_from_db()
        assert asked.state == "waiting"

    def test_nobody_decided(self, asked, approvers):
        late = NOW + timedelta(days=30)

        with pytest.raises(PromptError, match="has expired"):
            approve(asked, approvers[0], now=late)
        services.release_due(now=late)
        asked.refresh_from_db()
        assert (asked.state, asked.outcome) == ("void", "Nobody decided in time.")


class TestDoors:
    def test_a_direct_release_is_refused(self, version, guarded, asker):
        with pytest.raises(PromptError, match="2 people must approve"):
            release(version, guarded, asker)

    def test_a_freeze_stops_releases_but_not_rollbacks(self, version, production, asker, prompt):
        release(version, production, asker)
        freeze(production)

        with pytest.raises(PromptError, match=r"is frozen until .* Black Friday"):
            release(make_sealed(prompt, saying("Third")), production, asker)
        back = services.rollback(prompt=prompt, channel=production, reason="Bad", by=asker, now=NOW)
        assert back.version != version

    def test_without_approvals_somebody_who_may_release_must_agree(
        self, version, production, asker
    ):
        asked = ask(version, production, person("passer-by"))
        assert (asked.state, asked.needed) == ("waiting", 1)

        assert approve(asked, asker).state == "released"
        assert live(production).version == version

    def test_without_approvals_it_goes_live_at_once(self, version, production, asker):
        assert ask(version, production, asker).state == "released"
        assert live(production).version == version

    def test_all_faults_of_a_request_at_once(self, guarded, asker, version):
        other = make_sealed(make_prompt("other"))

        with pytest.raises(PromptError) as caught:
            services.request_release(
                prompt=version.prompt,
                channel=guarded,
                version=other,
                reason="",
                by=asker,
                now=NOW,
                go_live_at=NOW,
            )
        assert {fault.pointer for fault in caught.value.faults} == {
            "/reason",
            "/version",
            "/go_live_at",
        }

    def test_not_the_same_twice(self, asked, version, guarded, asker):
        with pytest.raises(PromptError, match="asked for already"):
            ask(version, guarded, asker)

    def test_rejected_and_withdrawn_stay_so(self, asked, approvers, asker, version, guarded):
        services.reject_request(request=asked, by=approvers[0], reason="Too loud", now=NOW)
        asked.refresh_from_db()
        assert (asked.state, asked.outcome) == ("rejected", "approver-0: Too loud")

        again = ask(version, guarded, asker)
        with pytest.raises(NotPermitted, match="Only asker"):
            services.withdraw_request(request=again, by=approvers[0], now=NOW)
        services.withdraw_request(request=again, by=asker, now=NOW)
        for ended in (asked, again):
            with pytest.raises(PromptError, match=r"is (rejected|withdrawn)"):
                approve(ended, approvers[1])


def release(version, channel, by):
    return services.release(
        prompt=version.prompt, channel=channel, version=version, reason="Why", by=by, now=NOW
    )


class TestExperimentsOnGuardedChannels:
    @pytest.fixture
    def planned(self, version, guarded):
        planned = Experiment.objects.create(
            slug="tone", name="Tone", prompt=version.prompt, channel=guarded
        )
        arms = (("control", live(guarded).version), ("new", version))
        for position, (slug, arm) in enumerate(arms, 1):
            Arm.objects.create(
                experiment=planned, slug=slug, version=arm, weight=5000, position=position
            )
        return planned

    def test_a_new_version_must_be_approved_for_it(self, planned, version, asker, approvers):
        with pytest.raises(PromptError, match="never live on production") as caught:
            services.start_experiment(experiment=planned, by=asker, now=NOW)
        assert [fault.pointer for fault in caught.value.faults] == ["/arms/new/version"]

        asked = ask(version, planned.channel, asker, kind=RequestKind.EXPERIMENT)
        for approver in approvers[:2]:
            approve(asked, approver)
        assert live(planned.channel).version != version
        assert services.start_experiment(experiment=planned, by=asker, now=NOW).status == "running"

    def test_it_stands_beside_whatever_is_live(self, planned, version, asker, approvers, prompt):
        asked = ask(version, planned.channel, asker, kind=RequestKind.EXPERIMENT)
        go_live(make_sealed(prompt, saying("Third")))

        for approver in approvers[:2]:
            asked = approve(asked, approver)
        assert asked.state == "approved"

    def test_once_approved_it_stays_so_and_else_it_ends(self, planned, version, asker, approvers):
        late = NOW + timedelta(days=31)
        asked = ask(version, planned.channel, asker, kind=RequestKind.EXPERIMENT)
        for approver in approvers[:2]:
            approve(asked, approver)
        assert services.release_due(now=late) == []

        other = make_sealed(version.prompt, saying("Fourth"))
        waiting = ask(other, planned.channel, asker, kind=RequestKind.EXPERIMENT)
        assert [row.pk for row in services.release_due(now=late)] == [waiting.pk]


@pytest.mark.django_db(transaction=True)
def test_the_last_two_approve_at_the_same_moment(version, guarded, asker, approvers):
    """It goes live once, and neither approval is lost."""
    guarded.approvals = 3
    guarded.save()
    asked = ask(version, guarded, asker)
    barrier = threading.Barrier(3)

    def vote(who):
        barrier.wait()
        approve(asked, who)
        connection.close()

    threads = [threading.Thread(target=vote, args=(who,)) for who in approvers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    asked.refresh_from_db()
    assert (asked.state, asked.approvals.count()) == ("released", 3)
    assert Release.objects.filter(channel=guarded, version=version).count() == 1


def test_production_needs_no_approvals_until_somebody_says_so(db):
    assert Channel.objects.get(slug="production").approvals == 0
