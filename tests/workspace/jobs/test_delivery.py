"""Who delivers notices can always be woken and ended, and slow targets leave room for others; without a network."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from brickyard.workspace.jobs.triggers import Watch
from brickyard.workspace.notifications.delivery import Delivery
from tests.support import wait_for
from tests.workspace.jobs.lab import Lab, task
from tests.workspace.jobs.test_notifications import waiting

HOOK = {"config": {"generic_webhook": {"url": "http://127.0.0.1:1/"}}}


class Slow:
    """Deliveries that go on until the test ends them."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        self.over = threading.Event()
        self.begun: list[str] = []
        self._lab, self._made = lab, 0
        monkeypatch.setattr(Delivery, "_deliver", lambda delivery, message: self._deliver(message))

    def _deliver(self, message: dict[str, Any]) -> None:
        to = message["to"]
        self.begun.append(to.get("destination") or ", ".join(to["addresses"]))
        self.over.wait(30)

    def under_way(self) -> Counter[str]:
        return Counter(self.begun)

    def hook(self) -> str:
        self._made += 1
        wanted = HOOK | {"display_name": f"hook {self._made}"}
        return self._lab.workspace.notifications.destinations.create(wanted).id


@pytest.fixture
def slow(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Slow(lab, monkeypatch)
    yield made
    made.over.set()
    wait_for(lambda: waiting(lab) == 0)


def run_that_tells(lab: Lab, times: int, **notifications: Any) -> None:
    tasks = [task(f"t{number}", **notifications) for number in range(times)]
    lab.done(*tasks)


def test_slow_destinations_leave_a_place_for_each_other_one(lab: Lab, slow: Slow) -> None:
    several = [slow.hook() for _ in range(4)]
    for one in several:
        run_that_tells(lab, 5, webhook_notifications={"on_success": [{"id": one}]})
    wait_for(lambda: slow.under_way() == dict.fromkeys(several, 4))
    others = [slow.hook() for _ in range(3)]
    for one in others:
        run_that_tells(lab, 2, webhook_notifications={"on_success": [{"id": one}]})
    run_that_tells(lab, 2, email_notifications={"on_success": ["a@example.net"]})
    single = [*others, "a@example.net"]
    wait_for(lambda: slow.under_way() == {**dict.fromkeys(several, 4), **dict.fromkeys(single, 1)})


def test_slow_mails_to_some_hold_up_no_mail_to_others(lab: Lab, slow: Slow) -> None:
    run_that_tells(lab, 5, email_notifications={"on_success": ["slow@example.net"]})
    wait_for(lambda: slow.begun)
    people = [f"{name}@example.net" for name in "abcd"]
    for one in people:
        run_that_tells(lab, 1, email_notifications={"on_success": [one]})
    wait_for(lambda: len(slow.begun) == 4)  # as many as a mail server is given at once
    assert slow.begun == ["slow@example.net", *people[:3]]


class Late(threading.Event):
    """Set by somebody else at the very moment at which it is cleared."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._meanwhile = [meanwhile]

    def clear(self) -> None:
        if self._meanwhile:
            self._meanwhile.pop()()
            self.set()
        super().clear()


@pytest.mark.parametrize("kind", ["delivery", "watch"])
def test_a_close_while_the_event_is_cleared_is_heard(lab: Lab, kind: str) -> None:
    owner: Delivery | Watch = lab.workspace.notifications.delivery if kind == "delivery" else lab.jobs.triggers
    owner._woken = Late(lambda: setattr(owner, "_closing", True))
    if isinstance(owner, Delivery):
        owner.wake()
    else:
        owner.start()
    thread = owner._thread
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()


def test_a_run_ends_well_though_nobody_can_be_told_as_there_are_no_more_threads(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if thread.name == "notifications":
            raise RuntimeError("can't start new thread")
        start(thread)

    told = {"webhook_notifications": {"on_success": [{"id": Slow(lab, monkeypatch).hook()}]}}
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", limited)
        run, _ = lab.done(task("a"), **told)
        assert run.state.result == "SUCCESS" and waiting(lab) == 1
    monkeypatch.setattr(Delivery, "_deliver", lambda delivery, message: None)
    lab.workspace.notifications.delivery.wake()
    wait_for(lambda: waiting(lab) == 0)
