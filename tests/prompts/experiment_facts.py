"""Experiments as facts, and whom they assign; no database."""

from apps.prompts.assignment import assign
from apps.prompts.types import ArmFacts, ExperimentFacts

SUBJECTS = [f"customer-{number}" for number in range(1000)]


def arms(*weights):
    return tuple(ArmFacts(f"arm-{index}", index, weight) for index, weight in enumerate(weights))


def experiment(*weights, salt="fixed", **given):
    return ExperimentFacts(slug="tone", salt=salt, arms=arms(*weights), **given)


def arm_for(subject, *experiments):
    chosen = assign(experiments=experiments, layer="prompt/production", subject=subject)
    return chosen and chosen[1]


def assign_one(one, subject):
    chosen = assign(experiments=(one,), layer="prompt/production", subject=subject)
    return chosen and (chosen.arm.slug, chosen.phase, chosen.counts)
