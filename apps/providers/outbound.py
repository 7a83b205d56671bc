"""Which addresses we are willing to call: public ones, and those that an operator allowed.

The name is resolved and every address behind it is judged, because a name or an odd spelling
(`2130706433`, `0x7f.1`, `::ffff:10.0.0.1`) can stand for a machine inside our own network.
After `check_base_url` the later connection resolves anew, so a name server that changes its answer
in between isn't stopped by it; whoever can connects to the addresses that `find_target` judged.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = IPv6Network("::/96")
# Not routed on the Internet, though `is_global` of Python 3.11 says yes.
_NOT_PUBLIC = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"), IPv6Network("2001::/32"))


class OutboundRefused(ValueError):
    """This address must not be called. `permanent` is False when only its name didn't resolve."""

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL leads to: connect to one of `addresses`, and to nothing else."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]
    trusted: bool
    """An operator put it on the allow-list."""


def check_base_url(url: str, *, allowlist: Iterable[str]) -> None:
    """Raise `OutboundRefused` unless `url` is a plain http(s) address that we may call.

    `allowlist` holds `host` (any port) or `host:port`; what is on it may be private.
    Blocks while the name is resolved.
    """
    parts = _split(url)
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise OutboundRefused("a base URL has no query and no fragment")
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    if not _is_allowed(host, port, allowlist):
        _judge(host, _resolve(host, port))


def find_target(url: str, *, allowlist: Iterable[str]) -> Target:
    """Where `url`, which may have a query, leads to by now. Raises `OutboundRefused`; blocks."""
    parts = _split(url)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    trusted = _is_allowed(host, port, allowlist)
    addresses = _resolve(host, port)
    if not trusted:
        _judge(host, addresses)
    return Target(parts.scheme, host, port, tuple(map(str, addresses)), trusted)


def _judge(host: str, addresses: Iterable[IPv4Address | IPv6Address]) -> None:
    if not all(map(is_public, addresses)):
        raise OutboundRefused(
            f"{host} is not a public address and not on the allow-list of an operator "
            "(OUTBOUND_ALLOWED_HOSTS)"
        )


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is reachable on the Internet, judged by the IPv4 address inside, if any."""
    inner = _inner_ipv4(address) if isinstance(address, IPv6Address) else None
    address = inner or address
    if isinstance(address, IPv6Address) and any(address in net for net in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _split(url: str) -> SplitResult:
    if not url.isprintable() or any(character in url for character in " \\"):
        raise OutboundRefused("the URL holds white space, control characters or a backslash")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises on a port that is none
    except ValueError as error:
        raise OutboundRefused(f"not a URL: {error}") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise OutboundRefused("the URL must begin with http:// or https://")
    if not parts.hostname or parts.port == 0:
        raise OutboundRefused("the URL names no host")
    if "@" in parts.netloc:
        raise OutboundRefused("the URL must not hold a user name or password")
    return parts


def _is_allowed(host: str, port: int, allowlist: Iterable[str]) -> bool:
    entries = (urlsplit(f"//{entry.strip()}") for entry in allowlist)
    return any(entry.hostname == host and entry.port in (None, port) for entry in entries)


def _resolve(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutboundRefused(f"{host} cannot be resolved", permanent=False) from None
    return [ip_address(entry[4][0]) for entry in found]


def _inner_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
