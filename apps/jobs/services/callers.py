"""Whether those who call a prompt today could call its next version: asked before a release."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from apps.core.clock import db_now
from apps.core.faults import Fault
from apps.gateway.offered import TOOLS_OF_PROMPT, tool_faults
from apps.jobs.models import Job
from apps.ledger.models import DayCost, Purpose
from apps.prompts.models import Channel, Prompt, PromptVersion
from apps.prompts.rendering import check_variables
from apps.prompts.services.gates import GateFinding, GateOutcome
from apps.prompts.snapshot import facts_of
from apps.prompts.types import VariableFaults, VersionFacts
from apps.prompts.validation.tools import functions_of
from apps.results.sent import Sent as Names
from apps.results.sent import still_sent

PERIOD = timedelta(days=30)
LOOKED_AT = 10  # newest jobs of each service; what came before is what they no longer send
SERVICES = 200
CHECK = "Callers"
WAY_OUT = "Give new variables a default, and keep those that are sent; tools are the prompt's own."

NamesSent = Mapping[str, Sequence[Names]]
"""Service → sets of names that it sends through the gateway."""

_NEWEST = """
    SELECT service.slug, payload.request -> 'variables', payload.request -> 'parameters'
    FROM access_service service, LATERAL (
        SELECT id FROM jobs_job job
        WHERE job.service_id = service.id AND job.prompt = %(prompt)s
          AND job.created_at >= %(since)s AND job.channel = %(channel)s
        ORDER BY job.created_at DESC LIMIT %(looked_at)s
    ) newest JOIN jobs_jobpayload payload ON payload.job_id = newest.id
    ORDER BY service.slug LIMIT %(most)s
"""


def callers_gate(
    *, prompt: Prompt, channel: Channel, version: PromptVersion, base: PromptVersion | None
) -> Sequence[GateFinding]:
    """Registered with `apps.prompts.services.gates`. Nothing to say where variables and tools stay
    as they are. Jobs tell what is sent; of calls through the gateway only the names are kept."""
    if base is None or (base.variables == version.variables and base.tools == version.tools):
        return []
    since = db_now() - PERIOD
    sent = _sent(prompt, channel, since)
    named = still_sent(prompt=prompt.slug, channel=channel.slug, since=since)
    refused = _refused(facts_of(version), sent, named)
    if refused:
        who = "; ".join(f"{service} {', '.join(sorted(what))}" for service, what in refused.items())
        detail = f"Calls as they were made in the last 30 days would be refused: {who}. {WAY_OUT}"
        return [GateFinding(CHECK, GateOutcome.FAIL, detail)]
    if unsure := _unsure(prompt, base, version, named, since):
        return [GateFinding(CHECK, GateOutcome.UNSURE, f"{unsure} Ask them. {WAY_OUT}")]
    return [GateFinding(CHECK, GateOutcome.PASS, _fine(sorted({*sent, *named})))]


def _unsure(
    prompt: Prompt,
    base: PromptVersion,
    version: PromptVersion,
    named: NamesSent,
    since: datetime,
) -> str:
    """What cannot be known: values that came through the gateway, and calls from before names were
    kept."""
    if narrow := _narrowed(base, version, named):
        who = "; ".join(f"{service} “{', '.join(names)}”" for service, names in narrow.items())
        return f"Less fits than before, and nobody keeps values sent through the gateway: {who}."
    unknown = _unknown(prompt, named, since) if _could_refuse(base, version) else []
    who = ", ".join(unknown)
    return f"Nobody keeps what these send through the gateway: {who}." if unknown else ""


def _fine(services: Sequence[str]) -> str:
    if not services:
        return "Nobody who called in the last 30 days would be refused."
    return f"What {', '.join(services)} sent in the last 30 days fits."


@dataclass(frozen=True, slots=True)
class Sent:
    """What a job said beside its prompt."""

    variables: Mapping[str, Any]
    parameters: Mapping[str, Any]


def _sent(prompt: Prompt, channel: Channel, since: datetime) -> dict[str, list[Sent]]:
    """Service → its newest jobs; one probe of an index for each service."""
    values: dict[str, Any] = {"prompt": prompt.slug, "channel": channel.slug, "since": since}
    found: dict[str, list[Sent]] = {}
    with connection.cursor() as cursor:
        bounds = {"looked_at": LOOKED_AT, "most": LOOKED_AT * SERVICES}
        cursor.execute(_NEWEST, values | bounds)
        for service, *said in cursor.fetchall():
            found.setdefault(service, []).append(Sent(*(json.loads(one or "{}") for one in said)))
    return found


def _refused(
    version: VersionFacts, sent: Mapping[str, Sequence[Sent]], named: NamesSent
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for service, calls in sent.items():
        for call in calls:
            found.setdefault(service, set()).update(_faults(version, call))
    for service, sets in named.items():
        for names in sets:
            found.setdefault(service, set()).update(_faults_of_names(version, names))
    return {service: found[service] for service in sorted(found) if found[service]}


def _faults_of_names(version: VersionFacts, sent: Names) -> Iterator[str]:
    """As of a call whose every value fits."""
    required = {variable.name for variable in version.variables if variable.required}
    known = {variable.name for variable in version.variables}
    yield from (f"sends no “{name}”" for name in required - {*sent.variables})
    yield from (f"sends “{name}”, which is gone" for name in {*sent.variables} - known)
    brought: dict[str, Any] = dict.fromkeys(sent.parameters, True)
    if sent.tool:
        brought["tool_choice"] = {"function": {"name": sent.tool}}
    yield from _faults_of_tools(version, brought)


def _faults(version: VersionFacts, call: Sent) -> Iterator[str]:
    try:
        check_variables(version, call.variables)
    except VariableFaults as error:
        yield from map(_said, error.faults)
    yield from _faults_of_tools(version, call.parameters)


def _faults_of_tools(version: VersionFacts, parameters: Mapping[str, Any]) -> Iterator[str]:
    for fault in tool_faults(parameters, version):
        name = fault.pointer.split("/")[2]
        yield f"sends “{name}”" if fault.code == TOOLS_OF_PROMPT else "calls a tool that is gone"


def _said(fault: Fault) -> str:
    """By names only: what callers sent is not for everybody's eyes."""
    name = fault.pointer.split("/")[2]
    if fault.code == "missing":
        return f"sends no “{name}”"
    if fault.code == "unknown_variable":
        return f"sends “{name}”, which is gone"
    return f"sends a “{name}” that no longer fits"


def _could_refuse(base: PromptVersion, version: PromptVersion) -> bool:
    """Whether any call that the base takes might not be taken."""
    if version.tools and (not base.tools or _names(base) - _names(version)):
        return True
    old = {variable.name: variable for variable in facts_of(base).variables}
    new = {variable.name: variable for variable in facts_of(version).variables}
    if old.keys() - new.keys():
        return True
    return any(
        (variable.required and (name not in old or not old[name].required))
        or (name in old and _narrower(old[name], variable))
        for name, variable in new.items()
    )


def _narrowed(
    base: PromptVersion, version: PromptVersion, named: NamesSent
) -> dict[str, list[str]]:
    """Service → variables that it sends through the gateway, and that take less than before."""
    old = {variable.name: variable for variable in facts_of(base).variables}
    less = {
        variable.name
        for variable in facts_of(version).variables
        if variable.name in old and _narrower(old[variable.name], variable)
    }
    found = {
        service: sorted(less & {name for names in sets for name in names.variables})
        for service, sets in named.items()
    }
    return {service: names for service, names in sorted(found.items()) if names}


def _names(version: PromptVersion) -> set[str]:
    """Of its tools: a caller may say that one must be called."""
    return {function["name"] for _, function in functions_of(version.tools)}


def _narrower(old: Any, new: Any) -> bool:
    """An integer is a number too."""
    kind = old.type != new.type and (old.type, new.type) != ("integer", "number")
    return kind or (new.max_length or 10**9) < (old.max_length or 10**9)


def _unknown(prompt: Prompt, named: NamesSent, since: datetime) -> list[str]:
    """Services that called, but neither by jobs nor since names are kept."""
    days = DayCost.objects.filter(prompt=prompt.slug, day__gte=since.date())
    serving = days.exclude(
        Q(purpose=Purpose.EVALUATION) | Q(purpose=Purpose.PLAYGROUND) | Q(purpose=Purpose.SHADOW)
    )
    called = set(serving.order_by().values_list("service", flat=True).distinct())
    jobs = Job.objects.filter(prompt=prompt.slug, service__slug__in=called, created_at__gte=since)
    known = {*named, *jobs.order_by().values_list("service__slug", flat=True).distinct()}
    return sorted(called - known)
