"""Reads of datasets and runs that more than one edge needs."""

from collections.abc import Mapping

from apps.prompts.models import Prompt, PromptVersion, VersionStatus
from apps.prompts.services import validate_version
from apps.prompts.snapshot import variable_of
from apps.prompts.types import Variable


def declared_variables(prompt: Prompt) -> Mapping[str, Variable]:
    """Those of the newest sealed version; while there is none, of the newest sound draft."""
    rows = PromptVersion.objects.filter(prompt=prompt).order_by("-number")
    version = rows.filter(status=VersionStatus.SEALED).first() or rows.first()
    if version is None or (not version.content_hash and validate_version(version).faults):
        return {}
    return variables_of(version)


def variables_of(version: PromptVersion) -> Mapping[str, Variable]:
    return {name: variable_of(name, given) for name, given in version.variables.items()}
