"""What costs can be grouped and filtered by.

The rollups carry all of these but tags other than the project, of which callers may have as many as
they like: a row for each would be a second ledger. Such questions are read from the entries
themselves, so for fewer days.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, LiteralString

from psycopg import sql

from apps.ledger.models import Purpose

TAG = "tag:"
_TAG_KEY = re.compile(r"[\w.-]{1,50}")


@dataclass(frozen=True, slots=True)
class Dimension:
    """`column` is an expression over an entry's columns, `rolled` over those of rollups that have
    `key`; empty text: unattributed. `next`: what a row of it is opened by."""

    name: str
    label: str
    column: sql.Composable
    next: str = ""
    key: str = ""
    nothing: str = "(none)"
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def rolled(self) -> sql.Composable:
        return sql.Identifier("project") if self.key == "project" else self.column

    def label_of(self, value: str) -> str:
        return self.labels.get(value, value) or self.nothing


# Of a version alone, “3” says nothing: its prompt belongs to it.
_VERSION = sql.SQL("CASE WHEN prompt = '' THEN '' ELSE prompt || '@' || prompt_version END")


def _of(name: str, label: str, opens: str = "", **values: Any) -> Dimension:
    return Dimension(name, label, sql.Identifier(name), opens, name, **values)


DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        _of("cost_center", "Cost centre", "team"),
        _of("team", "Team", "service"),
        _of("service", "Service", "prompt"),
        _of("prompt", "Prompt", "prompt_version"),
        Dimension("prompt_version", "Prompt version", _VERSION, "arm", "prompt_version"),
        _of("arm", "Experiment arm", "model"),
        _of("provider", "Provider", "model"),
        _of("model", "Model", "deployment"),
        _of("deployment", "Deployment", "service"),
        _of(
            "purpose",
            "Purpose",
            "service",
            nothing="(no provider called)",
            labels={value: str(label) for value, label in Purpose.choices},
        ),
        _of("channel", "Channel (environment)", "service"),
    )
}


def dimension_of(name: str) -> Dimension | None:
    """One of `DIMENSIONS`, or `tag:KEY`: what follows “KEY:” in the first tag, by the alphabet,
    that begins so."""
    if not name.startswith(TAG):
        return DIMENSIONS.get(name)
    key = name.removeprefix(TAG)
    if not _TAG_KEY.fullmatch(key):
        return None
    rolled_up = key if key == "project" else ""
    return Dimension(name, f"Tag {key}", _tag_value(f"{key}:"), "service", rolled_up)


def _tag_value(prefix: str) -> sql.Composable:
    text: LiteralString = """coalesce((
        SELECT min(substr(tag, length({prefix}) + 1)) FROM jsonb_array_elements_text(tags) tag
        WHERE starts_with(tag, {prefix})), '')"""
    return sql.SQL(text).format(prefix=sql.Literal(prefix))
