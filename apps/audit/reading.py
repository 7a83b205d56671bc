"""What a row of the history says: who, why, and what was there before and after."""

from typing import Any

from django.contrib.auth import get_user_model

from apps.core.admin.cells import Kind

KINDS: dict[str, Kind] = {"insert": "ok", "update": "info", "delete": "bad"}
_NOT_NEWS = {"updated_at"}
_LONGEST = 80  # characters of a value in a list


def context_of(event: Any) -> dict[str, Any]:
    return event.pgh_context or {}


def who(event: Any, username: str) -> str:
    """A person, else the service whose key it was."""
    service = context_of(event).get("service")
    return username or (f"service {service}" if service else "the system")


def usernames(events: list[Any]) -> dict[Any, str]:
    """Number → name, of those who did these."""
    wanted = {user for event in events if (user := context_of(event).get("user")) is not None}
    users = get_user_model()._default_manager.filter(pk__in=wanted)
    return dict(users.values_list("pk", "username"))


def diff_of(event: Any) -> list[tuple[str, Any, Any]]:
    """Column, before, after: what a change changed."""
    changed = event.pgh_diff or {}
    if event.pgh_label != "update":
        return []
    return [(name, *pair) for name, pair in sorted(changed.items()) if name not in _NOT_NEWS]


def whole_of(event: Any) -> list[tuple[str, Any, Any]]:
    """All fields of a row that came (nothing before) or went (nothing after)."""
    data = sorted((event.pgh_data or {}).items())
    if event.pgh_label == "delete":
        return [(name, value, "") for name, value in data]
    return [(name, "", value) for name, value in data]


def cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
