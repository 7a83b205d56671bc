"""What apps above have to say about a release, without prompts knowing them.

An app registers a check when it is ready; whoever decides about a release asks all of them. So
evidence from evaluations, callers' compatibility or budgets can stand in a release's way while
prompts stays below all that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from apps.core.faults import Fault
from apps.prompts.models import Channel, Prompt, PromptVersion


class GateOutcome(StrEnum):
    PASS = "pass"  # noqa: S105 -- nothing stands against it
    FAIL = "fail"
    UNSURE = "unsure"  # there is too little evidence to say


@dataclass(frozen=True, slots=True)
class GateFinding:
    """What one check says. `detail` is one sentence with the reason and the way out; `url` is the
    admin page that shows the evidence, empty without one."""

    check: str
    outcome: GateOutcome
    detail: str
    url: str = ""


class GateCheck(Protocol):
    """Reads only, and never raises for what it finds. `base` is what is live now, None for
    nothing. No finding: it has nothing to say about this channel."""

    def __call__(
        self,
        *,
        prompt: Prompt,
        channel: Channel,
        version: PromptVersion,
        base: PromptVersion | None,
    ) -> Sequence[GateFinding]: ...


_checks: dict[str, GateCheck] = {}
_checks_of_arms: dict[str, GateCheck] = {}


def register_gate(name: str, check: GateCheck, *, also_of_arms: bool = False) -> None:
    """From an app's `ready`. The same name again replaces the check. `also_of_arms`: it is asked
    for the versions of an experiment as well, which gather the evidence that others ask for."""
    _checks[name] = check
    if also_of_arms:
        _checks_of_arms[name] = check


def gate_findings(
    *, prompt: Prompt, channel: Channel, version: PromptVersion, base: PromptVersion | None
) -> list[GateFinding]:
    """What every registered check says about making `version` live, in order of their names."""
    return [
        finding
        for _, check in sorted(_checks.items())
        for finding in check(prompt=prompt, channel=channel, version=version, base=base)
    ]


def arm_findings(*, prompt: Prompt, channel: Channel, version: PromptVersion) -> list[GateFinding]:
    """What stands against letting `version` answer some of the channel's subjects."""
    return [
        finding
        for _, check in sorted(_checks_of_arms.items())
        for finding in check(prompt=prompt, channel=channel, version=version, base=None)
        if finding.outcome == GateOutcome.FAIL
    ]


def gate_faults(
    *,
    prompt: Prompt,
    channel: Channel,
    version: PromptVersion,
    base: PromptVersion | None,
    unsure_is_fine: bool = False,
) -> list[Fault]:
    """What stands in the way of making `version` live, each with its reason and the way out.

    `unsure_is_fine` where people decide who see what is missing.
    """
    fine = {GateOutcome.PASS, GateOutcome.UNSURE} if unsure_is_fine else {GateOutcome.PASS}
    found = gate_findings(prompt=prompt, channel=channel, version=version, base=base)
    return [
        Fault("/version", f"{finding.check}: {finding.detail}", f"gate_{finding.outcome}")
        for finding in found
        if finding.outcome not in fine
    ]
