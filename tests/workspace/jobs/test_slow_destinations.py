"""Destinations that answer slowly: a drip of letters, for ever."""

from __future__ import annotations

import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from brickyard.workspace.notifications import mail
from brickyard.workspace.notifications.mail import Mailer
from tests.support import wait_for
from tests.support.receivers import WebhookReceiver, webhook_receiver
from tests.workspace.jobs.lab import Lab, task
from tests.workspace.jobs.test_notifications import waiting


class Drip:
    """A server that sends a letter whenever it may, and never a whole answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked = 0
        self.over = threading.Event()


@contextmanager
def dripping(first: bytes, pause: float = 0.05) -> Iterator[Drip]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            drip.asked += 1
            try:
                self.request.sendall(first)
                while not drip.over.wait(pause):
                    self.request.sendall(b"a")
            except OSError:  # the other side has left
                return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        drip = Drip(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield drip
        finally:
            drip.over.set()
            server.shutdown()


@pytest.fixture
def make(lab: Lab) -> Callable[[str, str], str]:
    def made(name: str, url: str) -> str:
        wanted = {"display_name": name, "config": {"generic_webhook": {"url": url}}}
        return lab.workspace.notifications.destinations.create(wanted).id

    return made


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    with webhook_receiver() as receiver:
        yield receiver


def test_a_slow_destination_holds_up_no_other(lab: Lab, hook: WebhookReceiver, make: Callable[[str, str], str]) -> None:
    lab.workspace.notifications.delivery.seconds = 600
    with dripping(b"HTTP/1.1 200 OK\r\nx: ") as drip:
        slow = {"id": make("slow", f"http://127.0.0.1:{drip.port}/")}
        job = lab.job(task("a"), webhook_notifications={"on_start": [slow], "on_success": [slow]})
        for _ in range(12):  # more than there is room for
            lab.ended(lab.run(job))
        wait_for(lambda: drip.asked)
        fast = {"id": make("fast", hook.url)}
        lab.done(task("a"), webhook_notifications={"on_success": [slow, fast]})
        assert hook.events(1) == ["jobs.on_success"]


def test_the_address_is_in_no_log(
    lab: Lab, hook: WebhookReceiver, make: Callable[[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lab.done(task("a"), webhook_notifications={"on_success": [{"id": make("hook", hook.url)}]})
    wait_for(lambda: waiting(lab) == 0)
    assert len(hook.bodies) == 1 and "secret-path" not in caplog.text


def test_a_drip_is_no_answer(lab: Lab, make: Callable[[str, str], str], caplog: pytest.LogCaptureFixture) -> None:
    delivery = lab.workspace.notifications.delivery
    delivery.seconds, delivery.again = 0.3, ()
    with dripping(b"HTTP/1.1 200 OK\r\nx: ") as drip:
        slow = {"id": make("slow", f"http://127.0.0.1:{drip.port}/")}
        lab.done(task("a"), webhook_notifications={"on_success": [slow]})
        wait_for(lambda: "'slow' cannot be reached (TimeoutError)" in caplog.text)
        wait_for(lambda: waiting(lab) == 0)


def test_a_mail_server_that_drips_is_left(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mail, "_ALL_SECONDS", 0.3)
    delivery = lab.workspace.notifications.delivery
    delivery.again = ()
    with dripping(b"220 ") as drip:
        delivery.mailer = Mailer.of({"BRICKYARD_SMTP_URL": f"smtp://127.0.0.1:{drip.port}"})
        lab.done(task("a"), email_notifications={"on_success": ["a@example.net"]})
        wait_for(lambda: "did not take a mail" in caplog.text)
        wait_for(lambda: waiting(lab) == 0)
