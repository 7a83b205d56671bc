"""Requests: exactly what others looked at goes live, when enough of them approved."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import DatabaseError, connection, transaction

from apps.prompts import services
from apps.prompts.errors import NotPermitted, PromptError
from apps.prompts.models import (
    Approval,
    Arm,
    Channel,
    Experiment,
    Freeze,
    Release,
    ReleaseRequest,
    RequestKind,
)
from tests.prompts.conftest import NOW, go_live, make_prompt, make_sealed, saying

HOUR = timedelta(hours=1)


def person(name, *permissions):
    user = User.objects.create_user(name)
    codenames = [each.rpartition(".")[2] for each in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.fixture
def guarded(production):
    production.approvals = 2
    production.save()
    return production


@pytest.fixture
def approvers(db):
    return [person(f"approver-{n}", "prompts.release_protected") for n in range(3)]


@pytest.fixture
def version(prompt, engineer):
    go_live(make_sealed(prompt, saying("Old")))
    return make_sealed(prompt, saying("New"), by=engineer)


@pytest.fixture
def asker(db):
    return person("asker", "prompts.release_protected")


@pytest.fixture
def asked(version, guarded, asker):
    return ask(version, guarded, asker)


def ask(version, channel, by, *, now=NOW, **given):
    return services.request_release(
        prompt=version.prompt,
        channel=channel,
        version=version,
        reason="Sounds better",
        by=by,
        now=now,
        **given,
    )


def approve(asked, by, *, now=NOW):
    return services.approve_request(request=asked, by=by, now=now)


def live(channel):
    return Release.objects.get(channel=channel, ended_at=None)


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


def freeze(channel):
    return Freeze.objects.create(
        channel=channel, starts_at=NOW - HOUR, ends_at=NOW + HOUR, reason="Black Friday"
    )


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
