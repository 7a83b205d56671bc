"""Which arm of an experiment a subject belongs to: decided by a hash, so nothing is stored."""

import hashlib
import hmac
from collections.abc import Iterable

from apps.prompts.types import ArmFacts, ExperimentFacts

BUCKETS = 10_000


def bucket(*, salt: str, subject: str) -> int:
    """A number from 0 to 9,999 that is always the same for one salt and subject.

    HMAC-SHA-256 keyed with the salt, so that experiments split independently of each other; its
    first 64 bits are scaled to the buckets (bias below 10⁻¹⁵).
    """
    digest = hmac.digest(salt.encode(), subject.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) * BUCKETS >> 64


def assign(*, experiment: ExperimentFacts, subject: str) -> ArmFacts:
    """The arm that owns the subject's bucket. Deterministic, whichever process asks."""
    return arm_of(experiment.arms, bucket(salt=experiment.salt, subject=subject))


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
