"""What is known of an answer, however it came; who only reads one needs no HTTP client."""

from collections.abc import Mapping
from typing import Any

from apps.providers import faults
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.usage import Reported


class Answer:
    """An answer's status, headers and what it has said of its usage."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.request_id = faults.request_id(headers)
        self.reported = Reported()
        """What it has reported so far, for the bill of an answer that fails later."""

    def failed(self, error: ProviderError) -> ProviderError:
        """Add what is known about the answer to what is known about the error."""
        error.status = self.status
        error.provider_request_id = self.request_id
        error.usage, error.contested = self.reported.usage, self.reported.contested
        if error.usage or error.contested:
            error.outcome = Outcome.BILLED
        return error

    def error(self, kind: ErrorKind, message: str, **options: Any) -> ProviderError:
        return self.failed(ProviderError(kind, message, **options))
