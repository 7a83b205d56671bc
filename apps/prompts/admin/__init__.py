"""Admin pages of prompts."""

from apps.prompts.admin import channels, experiments, prompts, requests, versions  # noqa: F401
