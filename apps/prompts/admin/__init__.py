"""Admin pages of prompts."""

from apps.prompts.admin import channels, experiments, prompts, versions  # noqa: F401
