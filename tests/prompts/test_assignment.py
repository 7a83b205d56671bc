"""Subjects to arms: fair shares, the same arm for the same subject, few subjects moved."""

import math
from collections import Counter

import pytest

from apps.prompts.assignment import BUCKETS, arm_of, bucket
from tests.prompts.experiment_facts import SUBJECTS, arm_for, arms, experiment

GOLDEN = [5588, 7836, 7773, 5822]


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
