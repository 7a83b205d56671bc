"""Experiments: fair shares, the same arm for the same subject, few subjects moved."""

import math
from collections import Counter

import pytest

from apps.prompts import services
from apps.prompts.assignment import BUCKETS, arm_of, assign, bucket
from apps.prompts.errors import NotPermitted, PromptError
from apps.prompts.models import Arm, Experiment
from apps.prompts.types import ArmFacts, ExperimentFacts
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


def experiment(*weights, salt="fixed"):
    return ExperimentFacts(slug="tone", salt=salt, arms=arms(*weights))


class TestAssignment:
    @pytest.mark.parametrize("weights", [(5000, 5000), (9000, 1000), (2000, 3000, 5000)])
    def test_shares_are_within_sampling_error(self, weights):
        counts = Counter(assign(experiment=experiment(*weights), subject=s).slug for s in SUBJECTS)

        for index, weight in enumerate(weights):
            share = weight / BUCKETS
            error = math.sqrt(len(SUBJECTS) * share * (1 - share))
            assert abs(counts[f"arm-{index}"] - len(SUBJECTS) * share) <= 3 * error

    def test_a_subject_keeps_its_arm(self):
        first = [assign(experiment=experiment(5000, 5000), subject=s) for s in SUBJECTS]
        second = [assign(experiment=experiment(5000, 5000), subject=s) for s in SUBJECTS]

        assert first == second

    def test_the_buckets_are_the_same_for_ever(self):
        assert [bucket(salt="fixed", subject=s) for s in ("a", "b", "", "ü")] == GOLDEN

    def test_experiments_split_independently(self):
        one = [assign(experiment=experiment(5000, 5000), subject=s).slug for s in SUBJECTS]
        two = [
            assign(experiment=experiment(5000, 5000, salt="other"), subject=s).slug
            for s in SUBJECTS
        ]
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

    def test_one_runs_at_a_time(self, planned, staging):
        start(planned)
        second = Experiment.objects.create(
            slug="second", name="Second", prompt=planned.prompt, channel=staging
        )
        for arm in planned.arms.all():
            Arm.objects.create(
                experiment=second,
                slug=arm.slug,
                version=arm.version,
                weight=arm.weight,
                position=arm.position,
            )

        with pytest.raises(PromptError, match="tone runs on staging already"):
            start(second)

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
