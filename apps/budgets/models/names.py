"""Names that a budget holds of what other apps know."""

from django.apps import apps

# Routing and budgets stand beside each other and share nothing but such names.
_ANSWERING = ("routing.Route", "registry.Model")


def is_callable_name(slug: str) -> bool:
    """Whether a call may name it as its model."""
    return any(
        apps.get_model(label)._default_manager.filter(slug=slug).exists() for label in _ANSWERING
    )
