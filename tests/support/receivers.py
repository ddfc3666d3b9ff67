"""Servers of this machine that keep what they are sent: one for webhooks, one for mails."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import wait_for

__all__ = ["MailReceiver", "WebhookReceiver", "mail_receiver", "webhook_receiver"]


class WebhookReceiver:
    """Keeps bodies and logins; answers with the statuses that it is given, then with 200."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.logins: list[str | None] = []
        self.statuses: list[int] = []
        self.url = ""

    def events(self, count: int) -> list[str]:
        """The types of the first events, once so many are there."""
        wait_for(lambda: len(self.bodies) >= count)
        return [body["event_type"] for body in self.bodies]


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            login = self.headers.get("Authorization")
            receiver.logins.append(login and base64.b64decode(login.removeprefix("Basic ")).decode())
            receiver.bodies.append(body)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook/secret-path"
        try:
            yield receiver
        finally:
            server.shutdown()


class MailReceiver:
    """Keeps mails."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.url = ""

    def subjects(self, count: int) -> list[str]:
        """The subjects of the first mails, once so many are there."""
        wait_for(lambda: len(self.mails) >= count)
        return [str(mail["Subject"]) for mail in self.mails]


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    receiver = MailReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    self._keep()
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    return

        def _keep(self) -> None:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line.removeprefix(b"."))
            mail = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            receiver.mails.append(mail)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        receiver.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        try:
            yield receiver
        finally:
            server.shutdown()
