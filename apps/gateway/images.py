"""Images in messages: who can read them, and from where."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apps.core.faults import Fault
from apps.registry.types import DeploymentFacts


def image_urls(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, Mapping) and part.get("type") not in {"text", "refusal"}:
                image = part.get("image_url")
                yield str(image.get("url")) if isinstance(image, Mapping) else ""


def image_faults(messages: Sequence[Mapping[str, Any]], deployment: DeploymentFacts) -> list[Fault]:
    """A server of one's own that fetched an address which a caller names would be a way into the
    own network, so it gets images as data only."""
    urls = list(image_urls(messages))
    if urls and not deployment.model.supports_images:
        return [Fault("/messages", f"“{deployment.model.slug}” cannot read images.")]
    if deployment.vendor == "compatible" and not all(url.startswith("data:") for url in urls):
        text = "This server gets images as data: URLs only; put the image into the message."
        return [Fault("/messages", text)]
    return []
