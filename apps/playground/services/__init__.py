"""Live preview of drafts, what two versions would send, and runs of prompts."""

from apps.playground.services.examples import compare_examples
from apps.playground.services.previews import declared, live_preview

__all__ = ["compare_examples", "declared", "live_preview"]
