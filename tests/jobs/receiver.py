"""A receiver of webhooks on loopback: answers as it is told and keeps what arrived."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: dict[str, Any] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/hook"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def behave(
        self,
        status: int = 204,
        *,
        body: bytes = b"",
        slow: bool = False,
        raw: bytes = b"",
        **headers: str,
    ):
        """`slow`: a byte now and then, for ever, after `raw`, which stands for all the rest;
        `headers` with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = {"status": status, "body": body, "slow": slow, "raw": raw, "headers": named}

    def close(self) -> None:
        self.stopped.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self
        self.stopped = threading.Event()
        self.behave()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                answer = receiver.answer
                self.wfile.write(answer["raw"])
                if answer["slow"]:
                    self._drip()
                if answer["slow"] or answer["raw"]:
                    self.close_connection = True
                    return
                self.send_response(answer["status"])
                for name, value in answer["headers"].items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer["body"])))
                self.end_headers()
                self.wfile.write(answer["body"])

            do_GET = do_POST

            def _drip(self) -> None:
                try:
                    while not receiver.stopped.wait(0.05):
                        self.wfile.write(b"H")
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
