"""The channels that every installation has."""

from typing import Any

from django.apps import apps as current_apps

CHANNELS = (("production", "Production", True), ("staging", "Staging", False))


def ensure_channels(*, using: str, apps: Any = current_apps, **_: Any) -> None:
    """After each `migrate` (and each flush of a test database): make what is missing, change
    nothing that somebody edited."""
    try:
        channel = apps.get_model("prompts", "Channel")
    except LookupError:
        return  # migrated backwards to before this app
    for slug, name, protected in CHANNELS:
        channel.objects.using(using).get_or_create(
            slug=slug, defaults={"name": name, "protected": protected}
        )
