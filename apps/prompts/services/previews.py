"""Render without calling anyone: of a draft from its samples, or of what a service would get."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from apps.core.problems import Fault
from apps.prompts.models import PromptVersion
from apps.prompts.rendering import check_variables, render
from apps.prompts.resolve import resolve
from apps.prompts.services.drafts import content_of, validate_version, whole_content
from apps.prompts.snapshot import facts_of, load_version, read_prompts
from apps.prompts.types import Resolved, VariableFaults, VersionFacts, VersionNotLoaded


@dataclass(frozen=True, slots=True)
class Preview:
    """Messages, or why there are none."""

    messages: tuple[Mapping[str, Any], ...] = ()
    faults: tuple[Fault, ...] = ()


def preview(*, version: PromptVersion) -> Preview:
    """The version rendered with its own sample values. Never raises for faulty content."""
    faults = () if version.content_hash else validate_version(version).faults
    if faults:
        return Preview(faults=(Fault("", "Mend the faults to see an example.", "faulty"),))
    facts = facts_of(version)
    if not version.content_hash:
        facts = replace(facts, messages=tuple(whole_content(content_of(version)).messages))
    try:
        return Preview(messages=render(facts, check_variables(facts, samples(facts))))
    except VariableFaults as error:
        return Preview(faults=error.faults)


def samples(facts: VersionFacts) -> dict[str, Any]:
    return {
        variable.name: variable.sample
        for variable in facts.variables
        if variable.sample is not None
    }


def dry_run(
    *,
    prompt: str,
    channel: str,
    version: int | None,
    variables: Mapping[str, Any],
    subject: str,
    request_id: str,
) -> tuple[Resolved, tuple[Mapping[str, Any], ...]]:
    """What a call would send. Raises `PromptNotFound` and `VariableFaults`."""
    resolved = _resolve(prompt, channel, version, subject, request_id)
    values = check_variables(resolved.version, variables)
    return resolved, render(resolved.version, values)


def _resolve(
    prompt: str, channel: str, version: int | None, subject: str, request_id: str
) -> Resolved:
    snapshot = read_prompts(prompt=prompt)

    def attempt() -> Resolved:
        return resolve(
            snapshot,
            prompt=prompt,
            channel=channel,
            version=version,
            subject=subject,
            request_id=request_id,
        )

    try:
        return attempt()
    except VersionNotLoaded as error:
        return Resolved(load_version(error.version_id))
