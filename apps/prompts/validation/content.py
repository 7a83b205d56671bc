"""The content of a version: what its hash covers and what is checked."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from apps.core import strict_json


@dataclass(frozen=True, slots=True)
class Content:
    """As stored, possibly faulty: JSON values of any shape."""

    messages: Any
    variables: Any
    model: str
    parameters: Any
    response_schema: Any = None
    fit: Any = field(default_factory=dict)
    tools: Any = field(default_factory=list)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal. Raises `TypeError` where JSON can't be.

        Empty, `fit` and `tools` are no part of it: versions that were sealed before there were any
        keep theirs.
        """
        content = self.as_json()
        for name in ("fit", "tools"):
            if not content[name]:
                del content[name]
        return hashlib.sha256(strict_json.canonical(content)).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "variables": self.variables,
            "model": self.model,
            "parameters": self.parameters,
            "response_schema": self.response_schema,
            "fit": self.fit,
            "tools": self.tools,
        }
