"""Can this content be sealed? Every fault and warning at once, each with its place."""

from apps.prompts.validation.content import Content
from apps.prompts.validation.findings import examine

__all__ = ["Content", "examine"]
