"""Which experiment and arm a subject belongs to: decided by two hashes, so nothing is stored.

The first, the same for all experiments of a prompt on a channel, says who takes part in which:
each owns a range of buckets and no two overlap. The second, salted by the experiment, chooses the
arm. So a range can grow and nobody who is in it changes arms.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from apps.prompts.types import ArmFacts, ExperimentFacts, PhaseFacts

BUCKETS = 10_000


def bucket(*, salt: str, subject: str) -> int:
    """A number from 0 to 9,999 that is always the same for one salt and subject.

    HMAC-SHA-256 keyed with the salt, so that experiments split independently of each other; its
    first 64 bits are scaled to the buckets (bias below 10⁻¹⁵).
    """
    digest = hmac.digest(salt.encode(), subject.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) * BUCKETS >> 64


class Assigned(NamedTuple):
    """`counts`: the arm is the one that the hash chose, so the subject belongs in the results."""

    experiment: ExperimentFacts
    arm: ArmFacts
    phase: int = 0
    counts: bool = True


def percent(share: int) -> str:
    """Basis points in words."""
    return f"{share / 100:g} %"


def assign(*, experiments: Sequence[ExperimentFacts], layer: str, subject: str) -> Assigned | None:
    """Deterministic, whichever process asks. None: the subject takes part in none of them.

    `layer` names what the experiments divide between them: their prompt and channel.
    """
    place = bucket(salt=layer, subject=subject) if experiments else 0
    for experiment in experiments:
        if subject in experiment.testers:
            return Assigned(
                experiment, _named(experiment, experiment.testers[subject]), counts=False
            )
    for experiment in experiments:
        if experiment.share_from <= place < experiment.share_from + experiment.share:
            return _chosen(experiment, place, bucket(salt=experiment.salt, subject=subject))
    return None


def _chosen(experiment: ExperimentFacts, place: int, number: int) -> Assigned:
    phase = _phase_of(experiment, place)
    arm = arm_of(_weighted(experiment.arms, phase), number)
    if arm.paused:
        return Assigned(experiment, experiment.arms[0], phase.id if phase else 0, counts=False)
    return Assigned(experiment, arm, phase.id if phase else 0)


def _phase_of(experiment: ExperimentFacts, place: int) -> PhaseFacts | None:
    """The one that added the subject's place: a later one never changes its weights."""
    within = place - experiment.share_from
    return next((phase for phase in experiment.phases if within < phase.share), None)


def _weighted(arms: Sequence[ArmFacts], phase: PhaseFacts | None) -> Iterable[ArmFacts]:
    if phase is None or not phase.weights:
        return arms
    pairs = zip(arms, phase.weights, strict=True)
    return (replace(arm, weight=weight) for arm, weight in pairs)


def _named(experiment: ExperimentFacts, slug: str) -> ArmFacts:
    return next(arm for arm in experiment.arms if arm.slug == slug)


def arm_of(arms: Iterable[ArmFacts], number: int) -> ArmFacts:
    """Arms own consecutive ranges in order of position.

    Moving a share between neighbours moves only the buckets between their old and new border.
    Raises `ValueError` when the weights don't reach the bucket.
    """
    end = 0
    for arm in arms:
        end += arm.weight
        if number < end:
            return arm
    raise ValueError(f"Arms reach only bucket {end}; {number} belongs to nobody.")
