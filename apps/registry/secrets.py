"""Where provider keys are: references that are resolved at use, never values in the database."""

import os
from pathlib import Path


class SecretMissing(Exception):
    """The reference leads nowhere. Retrying helps only after an operator has mended it."""

    def __init__(self, ref: str, reason: str) -> None:
        super().__init__(f"The secret {ref!r} {reason}.")
        self.ref = ref


def check_ref(ref: str) -> None:
    """Raise `ValueError` unless it has the shape of a reference.

    The text never repeats `ref`: what is no reference is most likely a pasted key.
    """
    scheme, _, name = ref.partition(":")
    if ref and (scheme not in {"env", "file"} or not name):
        raise ValueError("A secret is given as env:NAME or file:/path, never as the key itself.")
    if scheme == "file" and not name.startswith("/"):
        raise ValueError("The path of a file: secret must be absolute.")


def resolve_secret(ref: str) -> str:
    """The value behind `env:NAME` or `file:/path`, without white space around it; `''` for `''`.

    Raises `SecretMissing` (names the reference, never a value).
    """
    try:
        check_ref(ref)
    except ValueError as error:
        raise SecretMissing("(not a reference)", "is neither env:NAME nor file:/path") from error
    scheme, _, name = ref.partition(":")
    value = _read(ref, name) if scheme == "file" else os.environ.get(name, "")
    if ref and not value.strip():
        raise SecretMissing(ref, "is not set or empty")
    return value.strip()


def _read(ref: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        # `from None`: a UnicodeDecodeError carries the bytes that it could not decode.
        raise SecretMissing(ref, f"cannot be read ({type(error).__name__})") from None
