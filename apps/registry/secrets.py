"""Where provider keys are: references that are resolved at use, never values in the database."""

import os
from pathlib import Path

# Whoever may edit a provider chooses where its key is sent, so a reference must never lead to a
# secret of the platform itself, nor to a process's environment.
_OWN_VARIABLES = frozenset(
    {"SECRET_KEY", "API_KEY_PEPPER", "DATABASE_URL", "REDIS_URL", "BROKER_URL"}
)
_OWN_FOLDERS = ("/proc/", "/sys/", "/dev/")
_MAX_BYTES = 65_536


class SecretMissing(Exception):
    """The reference leads nowhere. Retrying helps only after an operator has mended it."""

    def __init__(self, ref: str, reason: str) -> None:
        super().__init__(f"The secret {ref!r} {reason}.")
        self.ref = ref


def check_ref(ref: str) -> None:
    """Raise `ValueError` unless it has the shape of a reference that may be used.

    The text never repeats `ref`: what is no reference is most likely a pasted key.
    """
    scheme, _, name = ref.partition(":")
    if ref and (scheme not in {"env", "file"} or not name):
        raise ValueError("A secret is given as env:NAME or file:/path, never as the key itself.")
    if scheme == "file" and not name.startswith("/"):
        raise ValueError("The path of a file: secret must be absolute.")
    if scheme == "env" and name in _OWN_VARIABLES:
        raise ValueError("The platform's own secrets are not for providers.")
    if scheme == "file" and f"{os.path.realpath(name)}/".startswith(_OWN_FOLDERS):
        raise ValueError("The system's own files are not for providers.")


def resolve_secret(ref: str) -> str:
    """The value behind `env:NAME` or `file:/path`, without white space around it; `''` for `''`.

    Raises `SecretMissing` (names the reference, never a value).
    """
    try:
        check_ref(ref)
    except ValueError as error:
        raise SecretMissing("(withheld)", f"cannot be used: {error}") from error
    scheme, _, name = ref.partition(":")
    value = _read(ref, name) if scheme == "file" else os.environ.get(name, "")
    if ref and not value.strip():
        raise SecretMissing(ref, "is not set or empty")
    return value.strip()


def _read(ref: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MAX_BYTES).decode()
    except (OSError, ValueError) as error:
        # `from None`: a UnicodeDecodeError carries the bytes that it could not decode.
        raise SecretMissing(ref, f"cannot be read ({type(error).__name__})") from None
