"""Mail by the SMTP server that the workspace was started with."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import unquote, urlsplit

from brickyard.errors import UsageError

__all__ = ["SMTP_FROM", "SMTP_URL", "Mailer"]

#: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` where TLS begins at once; and the sender's address.
SMTP_URL, SMTP_FROM = "BRICKYARD_SMTP_URL", "BRICKYARD_SMTP_FROM"
_SECONDS, _ALL_SECONDS = 20, 60
_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True)
class Mailer:
    """A mail server.

    Attributes:
        host: Its name.
        port: Its port.
        tls: Whether TLS begins at once; otherwise as soon as the server offers it.
        user: Who logs in; nobody where it is empty.
        password: Their password; it is sent over TLS only.
        sender: From whom mails are.
    """

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    sender: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Mailer | None:
        """The server that the environment names; none where it names none.

        Raises:
            UsageError: What it names is no address of a mail server.
        """
        if not environ.get(SMTP_URL):
            return None
        try:
            parts = urlsplit(environ[SMTP_URL])
            host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            host, port = None, 0
        if not host or not port or parts.scheme not in _PORTS:
            raise UsageError(
                "this is not the address of a mail server", where=SMTP_URL, next="smtp://USER:PASSWORD@HOST:PORT"
            )
        sender = environ.get(SMTP_FROM) or f"jobs@{socket.gethostname()}"
        return cls(
            host, port, parts.scheme == "smtps", unquote(parts.username or ""), unquote(parts.password or ""), sender
        )

    def send(self, to: Sequence[str], subject: str, text: str) -> None:
        """Send a mail.

        Raises:
            OSError: It could not be sent.
            smtplib.SMTPException: The server refused.
        """
        message = EmailMessage()
        message["From"], message["To"] = self.sender, ", ".join(to)
        message["Subject"] = " ".join(subject.split())
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=self.sender.rpartition("@")[2])
        message.set_content(text)
        with self._connected() as server:
            server.send_message(message, to_addrs=list(to))

    def _connected(self) -> smtplib.SMTP:
        if self.tls:
            server: smtplib.SMTP = _TlsServer(
                self.host, self.port, timeout=_SECONDS, context=ssl.create_default_context()
            )
        else:
            server = _Deadline(self.host, self.port, timeout=_SECONDS)
        server.ehlo()
        secure = self.tls
        if not secure and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            secure = True
        if self.user:
            if not secure:
                raise smtplib.SMTPNotSupportedError("the server offers no TLS, so the password is not sent")
            server.login(self.user, self.password)
        return server


class _Deadline(smtplib.SMTP):
    """A server that is left when it has not taken a mail in time, however steadily its answers drip."""

    _timer: threading.Timer | None = None

    def connect(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        self._timer = threading.Timer(_ALL_SECONDS, self._leave)
        self._timer.daemon = True
        self._timer.start()
        return super().connect(*args, **options)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().close()

    def _leave(self) -> None:
        with contextlib.suppress(OSError):
            if self.sock is not None:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _TlsServer(_Deadline, smtplib.SMTP_SSL):
    """With TLS from the beginning."""
