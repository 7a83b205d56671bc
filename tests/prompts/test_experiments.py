"""Experiments start, grow and go through phases; what may not be, is refused."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.prompts import services
from apps.prompts.assignment import BUCKETS
from apps.prompts.errors import NotPermitted, PromptError
from apps.prompts.models import Arm, Experiment
from apps.prompts.snapshot import read_prompts
from apps.prompts.types import PhaseFacts
from tests.prompts.conftest import (
    NOW,
    go_live,
    make_draft,
    make_prompt,
    make_sealed,
    saying,
)
from tests.prompts.experiment_facts import SUBJECTS, assign_one, experiment


@pytest.fixture
def planned(prompt, staging):
    """Two arms of 50 % on staging, ready to start."""
    control, variant = (
        make_sealed(prompt, saying("Describe")),
        make_sealed(prompt, saying("Praise")),
    )
    go_live(control, channel="staging")
    planned = Experiment.objects.create(slug="tone", name="Tone", prompt=prompt, channel=staging)
    for position, (slug, version) in enumerate([("control", control), ("variant", variant)], 1):
        Arm.objects.create(
            experiment=planned, slug=slug, version=version, weight=5000, position=position
        )
    return planned


def start(planned, by=None):
    return services.start_experiment(experiment=planned, by=by, now=NOW)


def another(planned, *, slug="second", share):
    """Of the same prompt, channel and arms."""
    copy = Experiment.objects.create(
        slug=slug, name=slug, prompt=planned.prompt, channel=planned.channel, share=share
    )
    for arm in planned.arms.all():
        Arm.objects.create(
            experiment=copy,
            slug=arm.slug,
            version=arm.version,
            weight=arm.weight,
            position=arm.position,
        )
    return copy


def grow(planned, share, *, reason="Nothing broke", by=None):
    return services.grow_experiment(experiment=planned, share=share, reason=reason, by=by, now=NOW)


class TestGrow:
    @pytest.fixture
    def running(self, planned):
        planned.share = 1000
        planned.save()
        return start(planned)

    def test_each_share_is_on_record(self, running, engineer):
        grow(running, 5000, by=engineer)

        phases = running.phases.values_list("share", "reason", "actor")
        assert list(phases) == [(1000, "", None), (5000, "Nothing broke", engineer.pk)]

    def test_calls_notice(self, running):
        grow(running, 5000)

        found = read_prompts().experiments[(running.prompt.slug, "staging")]
        assert [(facts.share_from, facts.share) for facts in found] == [(0, 5000)]

    @pytest.mark.parametrize(("share", "says"), [(1000, "has 10 % already"), (999, "only grow")])
    def test_it_never_shrinks(self, running, share, says):
        with pytest.raises(PromptError, match=says):
            grow(running, share)

    def test_it_stops_at_the_next_and_at_all(self, running):
        start(another(running, share=4000))

        with pytest.raises(PromptError, match="At most 10 %: what follows"):
            grow(running, 1001)
        second = Experiment.objects.get(slug="second")
        with pytest.raises(PromptError, match="At most 90 %"):
            grow(second, 9001)
        assert grow(second, 9000).share == 9000

    def test_all_faults_at_once(self, running):
        with pytest.raises(PromptError) as caught:
            grow(running, 500, reason=" ")

        assert {fault.pointer for fault in caught.value.faults} == {"/reason", "/share"}

    def test_only_a_running_one(self, planned):
        with pytest.raises(PromptError, match="is not running"):
            grow(planned, 10_000)

    def test_a_protected_channel_needs_the_permission(self, running, staging, engineer):
        staging.protected = True
        staging.save()

        with pytest.raises(NotPermitted):
            grow(running, 2000, by=engineer)

    def test_what_was_is_not_rewritten(self, running):
        with pytest.raises(DatabaseError), transaction.atomic():
            running.phases.update(share=7)


class TestStart:
    def test_it_runs_with_a_salt_of_its_own(self, planned):
        running = start(planned)

        assert (running.status, running.started_at, len(running.salt)) == ("running", NOW, 32)

    def test_all_faults_are_told_at_once(self, planned):
        arm = planned.arms.get(slug="variant")
        arm.version, arm.weight = make_draft(planned.prompt, saying("New")), 4000
        arm.save()
        foreign = make_sealed(make_prompt("other"))
        Arm.objects.create(
            experiment=planned, slug="third", version=foreign, weight=500, position=3
        )

        with pytest.raises(PromptError) as caught:
            start(planned)

        assert {(fault.pointer, fault.code) for fault in caught.value.faults} == {
            ("/arms/variant/version", "not_sealed"),
            ("/arms/third/version", "other_prompt"),
            ("/arms", "bad_sum"),
        }
        planned.refresh_from_db()
        assert planned.status == "draft"

    def test_one_arm_is_no_experiment(self, planned):
        planned.arms.get(slug="variant").delete()
        planned.arms.update(weight=10_000)

        with pytest.raises(PromptError, match="at least two arms"):
            start(planned)

    def test_no_two_share_a_subject(self, planned, staging):
        start(planned)

        with pytest.raises(PromptError, match=r"40 % .* not free on staging: tone \(100 %\)"):
            start(another(planned, share=4000))

    def test_a_second_takes_what_is_free(self, planned):
        planned.share = 3000
        planned.save()
        start(planned)

        assert start(another(planned, share=7000)).share_from == 3000

    def test_a_gap_is_found(self, planned):
        running = [start(another(planned, slug=slug, share=2000)) for slug in ("a", "b", "c")]
        services.stop_experiment(experiment=running[1], now=NOW)

        assert start(another(planned, slug="d", share=2000)).share_from == 2000
        assert start(another(planned, slug="e", share=4000)).share_from == 6000

    def test_the_database_refuses_an_overlap_too(self, planned):
        start(planned)
        second = another(planned, share=1)

        with pytest.raises(IntegrityError), transaction.atomic():
            Experiment.objects.filter(pk=second.pk).update(status="running", share_from=5)

    def test_testers_need_an_arm_that_exists(self, planned):
        planned.testers = {"ann": "variant", "bob": "missing"}
        planned.save()

        with pytest.raises(PromptError, match="There is no arm “missing”"):
            start(planned)

    def test_a_channel_without_a_release_is_refused(self, planned, production):
        planned.channel = production
        planned.save()

        with pytest.raises(PromptError, match="Release a version to production first"):
            start(planned)

    def test_a_protected_channel_needs_the_permission(self, planned, production, engineer):
        go_live(planned.arms.get(slug="control").version)
        planned.channel = production
        planned.save()

        with pytest.raises(NotPermitted):
            start(planned, by=engineer)

    def test_a_stopped_one_does_not_start_again(self, planned):
        start(planned)
        services.stop_experiment(experiment=planned, now=NOW)

        with pytest.raises(PromptError, match="starts once"):
            start(planned)
        with pytest.raises(PromptError, match="is not running"):
            services.stop_experiment(experiment=planned, now=NOW)

    def test_a_version_in_a_running_experiment_is_not_retired(self, planned):
        start(planned)

        with pytest.raises(PromptError, match="running experiment"):
            services.retire_version(version=planned.arms.get(slug="variant").version)


class TestPhases:
    @settings(max_examples=60)
    @given(data=st.data())
    def test_no_phase_moves_anybody_who_takes_part(self, data):
        """Whatever the shares and weights of later phases are."""
        shares = sorted(data.draw(st.sets(st.integers(1, BUCKETS), min_size=2, max_size=5)))
        cuts = st.tuples(st.integers(0, BUCKETS), st.integers(0, BUCKETS)).map(sorted)
        weights = [(a, b - a, BUCKETS - b) for a, b in (data.draw(cuts) for _ in shares)]
        phases = tuple(
            PhaseFacts(number, share, weight)
            for number, (share, weight) in enumerate(zip(shares, weights, strict=True), 1)
        )
        subjects = SUBJECTS[:200]

        seen: dict = {}
        for number, share in enumerate(shares, 1):
            now = experiment(3000, 3000, 4000, share=share, phases=phases[:number])
            found = {s: a for s in subjects if (a := assign_one(now, s))}
            assert {s: found[s] for s in seen} == seen
            seen = found

    def test_a_share_raised_from_10_to_50_per_cent_moves_nobody(self):
        first, second = PhaseFacts(1, 1000), PhaseFacts(2, 5000, (2000, 8000))
        subjects = [f"customer-{number}" for number in range(20_000)]
        before = {
            s: a
            for s in subjects
            if (a := assign_one(experiment(5000, 5000, share=1000, phases=(first,)), s))
        }
        grown = experiment(5000, 5000, share=5000, phases=(first, second))

        assert 1800 < len(before) < 2200
        assert {s: assign_one(grown, s) for s in before} == before
