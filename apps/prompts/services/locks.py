"""One lock per prompt: all writes that depend on its versions or releases take it first."""

from apps.prompts.models import Prompt


def lock_prompt(prompt_id: int) -> Prompt:
    """Held until the transaction ends; must run inside one."""
    return Prompt.objects.select_for_update().get(pk=prompt_id)
