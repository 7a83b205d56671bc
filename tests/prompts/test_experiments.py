"""Experiments: fair shares, the same arm for the same subject, few subjects moved."""

import math
from collections import Counter

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.prompts import services
from apps.prompts.assignment import BUCKETS, arm_of, assign, bucket
from apps.prompts.errors import NotPermitted, PromptError
from apps.prompts.models import Arm, Experiment
from apps.prompts.snapshot import read_prompts
from apps.prompts.types import ArmFacts, ExperimentFacts, PhaseFacts
from tests.prompts.conftest import (
    NOW,
    go_live,
    make_draft,
    make_prompt,
    make_sealed,
    saying,
)

SUBJECTS = [f"customer-{number}" for number in range(1000)]


def arms(*weights):
    return tuple(ArmFacts(f"arm-{index}", index, weight) for index, weight in enumerate(weights))


def experiment(*weights, salt="fixed", **given):
    return ExperimentFacts(slug="tone", salt=salt, arms=arms(*weights), **given)


def arm_for(subject, *experiments):
    chosen = assign(experiments=experiments, layer="prompt/production", subject=subject)
    return chosen and chosen[1]


class TestAssignment:
    @pytest.mark.parametrize("weights", [(5000, 5000), (9000, 1000), (2000, 3000, 5000)])
    def test_shares_are_within_sampling_error(self, weights):
        counts = Counter(arm_for(s, experiment(*weights)).slug for s in SUBJECTS)

        for index, weight in enumerate(weights):
            share = weight / BUCKETS
            error = math.sqrt(len(SUBJECTS) * share * (1 - share))
            assert abs(counts[f"arm-{index}"] - len(SUBJECTS) * share) <= 3 * error

    def test_a_subject_keeps_its_arm(self):
        first = [arm_for(s, experiment(5000, 5000)) for s in SUBJECTS]
        second = [arm_for(s, experiment(5000, 5000)) for s in SUBJECTS]

        assert first == second

    def test_the_buckets_are_the_same_for_ever(self):
        assert [bucket(salt="fixed", subject=s) for s in ("a", "b", "", "ü")] == GOLDEN

    def test_experiments_split_independently(self):
        one = [arm_for(s, experiment(5000, 5000)).slug for s in SUBJECTS]
        two = [arm_for(s, experiment(5000, 5000, salt="other")).slug for s in SUBJECTS]
        both = Counter(zip(one, two, strict=True))

        # Each of the four pairs is a quarter, within three standard errors.
        assert all(abs(count - 250) <= 3 * math.sqrt(1000 * 0.25 * 0.75) for count in both.values())

    def test_growing_a_share_moves_only_the_buckets_it_gains(self):
        before, after = arms(9000, 1000), arms(6000, 4000)
        moved = [
            number
            for number in range(BUCKETS)
            if arm_of(before, number).slug != arm_of(after, number).slug
        ]

        assert moved == list(range(6000, 9000))

    def test_only_its_share_takes_part(self):
        tenth = experiment(5000, 5000, share=1000)
        inside = [s for s in SUBJECTS if arm_for(s, tenth)]

        assert abs(len(inside) - 100) <= 3 * math.sqrt(1000 * 0.1 * 0.9)

    def test_a_grown_share_moves_no_exposed_subject(self):
        tenth, half = (experiment(5000, 5000, share=share) for share in (1000, 5000))
        subjects = [f"customer-{number}" for number in range(20_000)]
        before = {s: arm for s in subjects if (arm := arm_for(s, tenth))}

        assert 1800 < len(before) < 2200
        assert {s: arm_for(s, half) for s in before} == before
        assert sum(arm_for(s, half) is not None for s in subjects) > 9500

    def test_nobody_takes_part_in_two(self):
        first = experiment(5000, 5000, share=3000)
        second = experiment(10_000, salt="other", share_from=3000, share=3000)
        both = [(arm_for(s, first), arm_for(s, second)) for s in SUBJECTS]

        assert not any(one and two for one, two in both)
        assert [arm_for(s, first, second) for s in SUBJECTS] == [one or two for one, two in both]

    def test_arms_are_independent_of_who_takes_part(self):
        """Else the first tenth would all get the first arm."""
        tenth = experiment(5000, 5000, share=1000)
        counts = Counter(arm.slug for n in range(10_000) if (arm := arm_for(f"c{n}", tenth)))

        assert abs(counts["arm-0"] - counts["arm-1"]) <= 3 * math.sqrt(sum(counts.values()))

    def test_a_tester_gets_the_arm_of_choice(self):
        nobody = experiment(5000, 5000, share=1, testers={"ann": "arm-1", "bob": "arm-0"})

        assert [arm_for(s, nobody).slug for s in ("ann", "bob")] == ["arm-1", "arm-0"]

    def test_every_bucket_has_an_owner_and_no_more(self):
        assert arm_of(arms(1, 9999), 0).slug == "arm-0"
        assert arm_of(arms(1, 9999), 9999).slug == "arm-1"
        assert arm_of(arms(0, 10_000), 0).slug == "arm-1"
        with pytest.raises(ValueError, match="belongs to nobody"):
            arm_of(arms(10, 10), 20)


GOLDEN = [5588, 7836, 7773, 5822]


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


def assign_one(one, subject):
    chosen = assign(experiments=(one,), layer="prompt/production", subject=subject)
    return chosen and (chosen.arm.slug, chosen.phase, chosen.counts)
