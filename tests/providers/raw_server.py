"""A server that answers with given bytes, for what the fake upstream is too well-behaved to do."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class RawServer:
    """Reads one request on each connection it accepts, writes `answer`, and closes when told."""

    def __init__(self, answer: bytes, tls: ssl.SSLContext | None) -> None:
        self._answer, self._tls = answer, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # the listener was closed
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        self._open.append(connection)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while received := connection.recv(2**20):
                if b'"messages"' in received:
                    self.requests += 1
                    connection.sendall(self._answer)
                    if b"content-length" not in self._answer.lower():
                        connection.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def hang_up(self) -> None:
        """End every open connection, as a server does that has waited long enough."""
        for connection in self._open:
            with suppress(OSError):  # it has ended already
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self.hang_up()


@contextmanager
def raw_server(answer: bytes, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    server = RawServer(answer, tls)
    try:
        yield server
    finally:
        server.close()
