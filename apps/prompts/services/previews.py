"""Render without calling anyone: what a service would get."""

from collections.abc import Mapping
from typing import Any

from apps.prompts.rendering import check_variables, render
from apps.prompts.resolve import resolve
from apps.prompts.snapshot import load_version, read_prompts
from apps.prompts.types import Resolved, VersionNotLoaded


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
