"""One lock per prompt: all writes that depend on its versions or releases take it first."""

from collections.abc import Collection

from apps.prompts.models import Prompt


def lock_prompt(prompt_id: int) -> Prompt:
    """Held until the transaction ends; must run inside one."""
    return Prompt.objects.select_for_update().get(pk=prompt_id)


def lock_prompts(slugs: Collection[str]) -> None:
    """The same of several, by who writes them in one transaction, before the first write.

    A write also holds the configuration epoch, for which whoever has locked the next of them may
    be waiting.
    """
    list(Prompt.objects.select_for_update().filter(slug__in=slugs).order_by("pk"))
