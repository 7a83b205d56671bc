"""Which vendors there are, and the adapter for each."""

import functools
import sys
from importlib import import_module

from apps.providers.base import Adapter

VENDORS = {
    "openai": "OpenAI",
    "azure": "Azure OpenAI",
    "compatible": "OpenAI-compatible server (vLLM, llama.cpp, Ollama, …)",
}
"""Stored name and label. The stored name is also the vendor's folder."""


class UnknownVendor(LookupError):
    """No adapter has this name. Trying again can't help."""


@functools.cache
def get_adapter(vendor: str) -> Adapter:
    """The adapter of this process: one for each vendor, so that connections are shared.

    Imported when first asked for, because a process that calls no provider has no use for the
    vendor's package.
    """
    if vendor not in VENDORS:
        raise UnknownVendor(f"no adapter for vendor {vendor!r}")
    adapter: Adapter = import_module(f"apps.providers.{vendor}.adapter").ADAPTER
    return adapter


async def close_adapters() -> None:
    """Close this event loop's idle connections: the last thing a process does on its loop."""
    for vendor in VENDORS:
        if f"apps.providers.{vendor}.adapter" in sys.modules:
            await get_adapter(vendor).close()
