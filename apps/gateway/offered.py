"""The tools of a prompt, and what a caller may say about them (docs/adr/0150)."""

from apps.core.problems import Fault
from apps.gateway.types import CallSpec
from apps.prompts.types import VersionFacts
from apps.prompts.validation.tools import chosen

OF_A_CALLER = ("tools", "functions", "function_call")


def tool_faults(spec: CallSpec, version: VersionFacts | None) -> list[Fault]:
    """A prompt that declares tools is called with these and no others; which of them may or must
    be called is the caller's choice."""
    if version is None or not version.tools:
        return []
    names = [tool["function"]["name"] for tool in version.tools]
    known = ", ".join(names)
    detail = f"The prompt “{version.prompt}” declares its own tools ({known}). Leave this out."
    faults = [
        Fault(f"/parameters/{name}", detail, "tools_of_prompt")
        for name in OF_A_CALLER
        if spec.parameters.get(name) is not None
    ]
    wanted = chosen(spec.parameters.get("tool_choice"))
    if wanted is not None and wanted not in names:
        detail = f"The prompt has no tool “{wanted[:64]}”. It has: {known}."
        faults.append(Fault("/parameters/tool_choice/function/name", detail, "no_tool"))
    return faults
