"""A mail server of the loopback: speaks SMTP as far as senders need it, and keeps what it took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any


@dataclass
class Mailbox:
    """`refusal`: what the server answers to a recipient in place of taking the message. `taken`
    is called after a message was kept, before its sender hears so."""

    port: int = 0
    refusal: str = ""
    taken: Callable[[], None] = lambda: None
    messages: list[EmailMessage] = field(default_factory=list)

    def keep(self, data: bytes) -> None:
        message = message_from_bytes(data, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.taken()


class _Session(StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        self.say("220 mail ready")
        for line in self.rfile:
            word = line.decode().upper().split(maxsplit=1)[0]
            if word == "DATA":
                self.say("354 go on")
                self.server.box.keep(self.data())
                self.say("250 taken")
            elif word == "RCPT" and self.server.box.refusal:
                self.say(self.server.box.refusal)
            else:
                self.say("221 bye" if word == "QUIT" else "250 mail")
                if word == "QUIT":
                    return

    def data(self) -> bytes:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        return b"".join(line.removeprefix(b".") if line[:2] == b".." else line for line in lines)

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, box: Mailbox) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.box = box
        box.port = self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that dies in the middle is nobody's fault here."""


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    box = Mailbox()
    with _Server(box) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield box
        server.shutdown()
        thread.join()
