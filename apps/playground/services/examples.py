"""What two versions would send for the same values, beside each other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.core.money import Pico, short_usd
from apps.gateway.config import Config
from apps.playground.services.previews import live_preview
from apps.playground.types import Figures, LivePreview
from apps.prompts.comparison import Setting, Text, compare_messages
from apps.prompts.edits import Work
from apps.prompts.validation import Content


@dataclass(frozen=True, slots=True)
class Example:
    """`faults`: why a side cannot be shown. `missing`: required variables without a value."""

    messages: tuple[Text, ...]
    figures: tuple[Setting, ...]
    faults: tuple[str, ...]
    missing: tuple[str, ...]


def compare_examples(
    *,
    old: Content,
    new: Content,
    config: Config,
    now: datetime,
    kind: str,
    values: Mapping[str, Any] | None,
    work: Work,
    everything: bool,
) -> Example:
    """Without `values` the samples of both sides; those of the new side where they differ."""
    given = {**_samples(old), **_samples(new)} if values is None else values
    sides = before, after = [
        live_preview(content=content, config=config, now=now, kind=kind, values=given)
        for content in (old, new)
    ]
    messages = compare_messages(_messages(before), _messages(after), work, everything=everything)
    return Example(
        messages=messages,
        figures=tuple(_figures(before.figures, after.figures)),
        faults=tuple(dict.fromkeys(fault for side in sides for fault in _faults(side))),
        missing=tuple(dict.fromkeys(name for side in sides for name in side.missing)),
    )


def _samples(content: Content) -> dict[str, Any]:
    declared = content.variables if isinstance(content.variables, Mapping) else {}
    return {
        name: given["sample"]
        for name, given in declared.items()
        if isinstance(given, Mapping) and given.get("sample") is not None
    }


def _messages(side: LivePreview) -> list[dict[str, str]]:
    return [{"role": part.role, "content": part.text} for part in side.parts if not part.fault]


def _faults(side: LivePreview) -> Iterator[str]:
    yield from (f"{part.role}: {part.fault}" for part in side.parts if part.fault)
    if not side.parts:
        yield from (fault.detail for fault in side.findings.faults)


def _figures(old: Figures | None, new: Figures | None) -> Iterator[Setting]:
    """Of the deployments that calls would try first."""
    if old is None and new is None:
        return
    yield Setting("Deployment", *(one.deployment if one else None for one in (old, new)))
    yield Setting("Input tokens", *map(_tokens, (old, new)))
    yield Setting("Input cost", *(_usd(one.input_pico) if one else None for one in (old, new)))
    yield Setting("At most", *(_usd(one.at_most_pico) if one else None for one in (old, new)))


def _tokens(found: Figures | None) -> str | None:
    return f"{'' if found.exact else '≈ '}{found.tokens:,}" if found else None


def _usd(pico: Pico | None) -> str | None:
    return None if pico is None else short_usd(pico)
