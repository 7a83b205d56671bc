"""Whether anybody answers under the model that a version names."""

from apps.prompts.models import Channel, Prompt, PromptVersion
from apps.prompts.services.gates import GateFinding, GateOutcome
from apps.registry.models import Model
from apps.routing.models import Route

NAMED = 20  # of what is known


def model_gate(
    *, prompt: Prompt, channel: Channel, version: PromptVersion, base: PromptVersion | None
) -> list[GateFinding]:
    """Fails for a name that is neither route nor model: every call would be refused before it is
    sent, where no guardrail sees it. Silent while no model is set up at all, since prompts may
    come first."""
    models = set(Model.objects.values_list("slug", flat=True))
    known = {*models, *Route.objects.filter(active=True).values_list("slug", flat=True)}
    if not models or version.model in known:
        return []
    names = ", ".join(sorted(known)[:NAMED])
    detail = (
        f"No route or model is called “{version.model}”, so every call would be refused. "
        f"Name one of these in a new draft, or add it: {names}."
    )
    return [GateFinding("Model", GateOutcome.FAIL, detail)]
