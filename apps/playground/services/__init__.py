"""Live preview of drafts."""

from apps.playground.services.previews import live_preview

__all__ = ["live_preview"]
