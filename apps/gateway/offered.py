"""The tools of a prompt, and what a caller may say about them (docs/adr/0150)."""

from collections.abc import Mapping
from typing import Any

from apps.core.faults import Fault
from apps.prompts.types import VersionFacts
from apps.prompts.validation.tools import chosen

TOOLS_OF_PROMPT = "tools_of_prompt"  # the code of a fault
OF_A_CALLER = ("tools", "functions", "function_call")


def tool_faults(parameters: Mapping[str, Any], version: VersionFacts | None) -> list[Fault]:
    """What of a caller's `parameters` the prompt does not take: one that declares tools is called
    with these and no others; which of them may or must be called is the caller's choice."""
    if version is None or not version.tools:
        return []
    names = [tool["function"]["name"] for tool in version.tools]
    known = ", ".join(names)
    detail = f"The prompt “{version.prompt}” declares its own tools ({known}). Leave this out."
    faults = [
        Fault(f"/parameters/{name}", detail, TOOLS_OF_PROMPT)
        for name in OF_A_CALLER
        if parameters.get(name) is not None
    ]
    wanted = chosen(parameters.get("tool_choice"))
    if wanted is not None and wanted not in names:
        detail = f"The prompt has no tool “{wanted[:64]}”. It has: {known}."
        faults.append(Fault("/parameters/tool_choice/function/name", detail, "no_tool"))
    return faults
