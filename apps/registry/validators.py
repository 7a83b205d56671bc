"""What the registry accepts as an address and as a reference to a secret."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from apps.registry.secrets import check_ref
from apps.registry.tiers import tier_fault


def check_address(url: str) -> None:
    """The shape of a base URL. Whether we may connect to it is judged when a client is made,
    after the name was resolved (`apps.providers.outbound`).

    Raises: `ValidationError`.
    """
    if not url.isprintable() or set(" \\") & set(url):
        raise ValidationError("An address holds no white space, backslash or control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValidationError("This is not an address.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValidationError("An address begins with http:// or https:// and names a host.")
    if "@" in parts.netloc:
        raise ValidationError("Put no user name or password into the address; use a secret.")
    if "?" in url or "#" in url:
        raise ValidationError("A base address has no query and no fragment.")


_PARAMETER = re.compile("[a-z][a-z0-9_]{0,63}")
_OURS = {"best_of", "input", "messages", "model", "n", "stream", "stream_options"}
_OURS |= {"max_tokens", "max_completion_tokens"}


def check_parameter_names(names: str) -> None:
    """Raises `ValidationError` unless they are names, separated by commas, of parameters that
    cannot change where a call goes or how much of an answer is billed."""
    for name in parameter_names(names):
        if not _PARAMETER.fullmatch(name):
            raise ValidationError(f"“{name[:64]}” is not the name of a parameter.")
        if name in _OURS:
            raise ValidationError(f"“{name}” is set by the gateway and cannot be passed on.")


def parameter_names(names: str) -> frozenset[str]:
    return frozenset(name.strip() for name in names.split(",") if name.strip())


def check_service_tier(word: str) -> None:
    """Raises `ValidationError` unless answers can name a tier so that has prices of its own."""
    if fault := tier_fault(word):
        raise ValidationError(fault)


def check_secret_ref(ref: str) -> None:
    """Raises `ValidationError` unless it has the shape of a reference."""
    try:
        check_ref(ref)
    except ValueError as error:
        raise ValidationError(str(error)) from error
