"""The places of the safety stages. Until the safety app is built they let everything pass, and
say so: each returns a verdict with no findings."""

from dataclasses import dataclass

from apps.gateway.prepare import Prepared
from apps.gateway.types import CallOutcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard decided. `blocked` holds the reason shown to the caller, or `''`."""

    blocked: str = ""
    findings: tuple[str, ...] = ()


def guard_input(prepared: Prepared) -> Verdict:
    """Stage 4: personal data, injection, size. Passes everything."""
    return Verdict()


def guard_output(outcome: CallOutcome) -> Verdict:
    """Stage 9: schema, personal data, policy. Passes everything."""
    return Verdict()
