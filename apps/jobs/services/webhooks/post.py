"""One POST to an address that a stranger chose: to the very address that was judged, within a time,
reading little, following nothing."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from apps.providers.outbound import OutboundRefused, Target, find_target

TIMEOUT = 15.0  # seconds for all of it; the specification asks for 15 to 30
KEPT = 500  # bytes of an answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is None when nothing did; then `error` says why."""

    status: int | None
    duration: float
    """Seconds."""
    text: str = ""
    retry_after: str = ""
    error: str = ""


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    allowlist: list[str],
    timeout: float = TIMEOUT,
) -> Answer:
    """Send `body`; never raises for what an address or its server does wrong."""
    started = time.monotonic()
    try:
        target = usable_target(url, allowlist=allowlist)
        return _send(_Pinned(target, timeout), url, body, headers, started, timeout)
    except (OSError, http.client.HTTPException, OutboundRefused) as error:
        lasted = time.monotonic() - started
        text = f"no answer within {timeout:g} s" if lasted >= timeout else _in_words(error)
        return Answer(None, lasted, error=text[:200])


def usable_target(url: str, *, allowlist: list[str]) -> Target:
    """Where `url` leads to. Raises `OutboundRefused` for what must not or cannot be called."""
    target = find_target(url, allowlist=allowlist)
    if not url.isascii():
        raise OutboundRefused("write the URL in ASCII: punycode in the name, %xx behind it")
    if target.scheme != "https" and not target.trusted:
        raise OutboundRefused("use https; http is for hosts on the allow-list only")
    return target


def _send(
    connection: "_Pinned",
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    started: float,
    timeout: float,
) -> Answer:
    # Time-outs of a socket begin anew with every byte, so a clock of our own ends it as a whole.
    watchdog = threading.Timer(timeout, connection.abort)
    watchdog.daemon = True
    watchdog.start()
    try:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        text, retry_after = _beginning(answer), answer.headers.get("Retry-After", "")
        lasted = time.monotonic() - started
        return Answer(answer.status, lasted, text=text, retry_after=retry_after)
    finally:
        watchdog.cancel()
        connection.close()


def _beginning(answer: http.client.HTTPResponse) -> str:
    """What it says, for the log. The status has come, so a broken rest changes nothing."""
    try:
        said = answer.read(KEPT)
    except (OSError, http.client.HTTPException):
        return ""
    return said.decode("utf-8", "replace").replace("\0", "")


class _Pinned(http.client.HTTPConnection):
    """Connects to the addresses of its target; the name only stands in `Host` and in TLS."""

    def __init__(self, target: Target, timeout: float) -> None:
        super().__init__(target.host, target.port)
        self._target, self._seconds = target, timeout
        self._aborted = False
        self._dialled: socket.socket | None = None
        if target.scheme == "https":
            self.default_port = 443  # leaves the port out of `Host`, as everybody does

    def connect(self) -> None:
        self.sock = self._dialled = self._dial()
        self.sock.settimeout(self._seconds)
        if self._target.scheme == "https":
            # The handshake comes after `sock` is set, so that `abort` can end it too.
            secured = _tls().wrap_socket(
                self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            self.sock = self._dialled = secured
            secured.do_handshake()
        if self._aborted:
            raise TimeoutError("aborted")

    def abort(self) -> None:
        """End a running exchange from another thread."""
        self._aborted = True
        # Not `sock`: it is None while an answer is read that ends with its connection.
        if self._dialled is not None:
            # Not SSLSocket.shutdown, which would take the TLS state from under the reading thread.
            with suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(self._dialled, socket.SHUT_RDWR)

    def _dial(self) -> socket.socket:
        error: OSError = OSError("the name has no address")
        for address in self._target.addresses:
            if self._aborted:
                break
            try:
                return socket.create_connection(
                    (address, self._target.port), self._seconds / len(self._target.addresses)
                )
            except OSError as failed:
                error = failed
        raise error


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _in_words(error: Exception) -> str:
    text = str(error).replace("\0", "")  # may quote what a server sent; Postgres stores no NUL
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
