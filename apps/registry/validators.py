"""What the registry accepts as an address and as a reference to a secret."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from apps.registry.secrets import check_ref


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


def check_secret_ref(ref: str) -> None:
    """Raises `ValidationError` unless it has the shape of a reference."""
    try:
        check_ref(ref)
    except ValueError as error:
        raise ValidationError(str(error)) from error
