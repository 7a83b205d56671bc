"""The content of a version: what its hash covers and what is checked."""

import hashlib
from dataclasses import dataclass
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

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal. Raises `TypeError` where JSON can't be."""
        return hashlib.sha256(strict_json.canonical(self.as_json())).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "variables": self.variables,
            "model": self.model,
            "parameters": self.parameters,
            "response_schema": self.response_schema,
        }
