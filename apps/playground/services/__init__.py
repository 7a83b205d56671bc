"""Live preview of drafts, and what two versions would send."""

from apps.playground.services.examples import compare_examples
from apps.playground.services.previews import live_preview

__all__ = ["compare_examples", "live_preview"]
