"""Delivers what is due, beside the runs: they neither wait for it nor fail with it.

What could not be delivered is tried again, four times in three quarters of an hour. After that the workspace's log says
so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import smtplib
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from brickyard.workspace.api.errors import ResourceDoesNotExist
from brickyard.workspace.clock import now
from brickyard.workspace.notifications import outbox
from brickyard.workspace.notifications.destinations import Destination, Destinations
from brickyard.workspace.notifications.mail import SMTP_URL, Mailer
from brickyard.workspace.notifications.messages import slack_text, subject_of, teams_card, text_of, webhook_body
from brickyard.workspace.store.jobs import runs, task_runs

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["Delivery"]

_AGAIN_SECONDS = (10, 60, 600, 1800)
_SECONDS = 10
_AT_ONCE = 16  # so many are under way, of which more than one may go to the same target
_OF_ONE = 4  # and so many of them to one destination, or to the mail server
_MOST = 128  # and so many where each of the others is the only one to its target
_LONGEST_WAIT = 3600.0
_TRANSIENT = (408, 425, 429)

_log = logging.getLogger(__name__)


class _Failed(Exception):
    """It was not delivered.

    Attributes:
        final: Whether it is not worth trying again.
    """

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Delivery:
    """Delivers notices, on threads of its own.

    Args:
        workspace: Whose runs they tell of.
        destinations: Where they go.
        mailer: Sends mails; without it, that they are not sent is in the log.
    """

    def __init__(self, workspace: Workspace, destinations: Destinations, mailer: Mailer | None) -> None:
        self._workspace = workspace
        self._destinations = destinations
        #: Sends mails.
        self.mailer = mailer
        #: When what could not be delivered is tried again, in seconds from then.
        self.again = _AGAIN_SECONDS
        #: How long one delivery to a webhook may take, as a whole.
        self.seconds: float = _SECONDS
        self._under_way: dict[int, outbox.Target] = {}
        self._outcomes: dict[int, float | None] = {}
        self._woken = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Look at what is due, as there may be something new."""
        with self._lock:
            self._woken.set()
            if self._thread is None and not self._closing:
                thread = threading.Thread(target=self._run, name="notifications", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # there are no more threads; a run does not fail with that
                    _log.exception("notifications cannot be looked at; trying again with the next one")
                    return
                self._thread = thread

    def close(self) -> None:
        """Deliver no more; what is under way is not waited for, and comes again after the next start."""
        with self._lock:
            self._closing = True
            self._woken.set()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=2)

    def _run(self) -> None:
        while True:
            self._woken.clear()
            if self._closing:  # read after that, as it is set before the event
                break
            self._woken.wait(self._guarded(self._pass, 30.0))
        self._guarded(self._keep, 0.0)  # lest what was delivered comes again

    def _guarded(self, step: Callable[[], float], otherwise: float) -> float:
        try:
            return step()
        except Exception:  # a full disk, no more threads: the thread goes on, whatever it is
            _log.exception("notifications cannot be looked at; trying again")
            return otherwise

    def _pass(self) -> float:
        """Begin to deliver what is due; answers how long to wait for more, unless a delivery ends before."""
        self._keep()
        at = now()
        with self._workspace.store.read() as connection:
            entries = self._chosen(outbox.due(connection, at))
            following = outbox.next_due(connection, at)
        for entry in entries:
            self._under_way[entry.id] = entry.target
            try:
                threading.Thread(target=self._try, args=(entry,), name="notification", daemon=True).start()
            except RuntimeError:  # there are no more threads
                del self._under_way[entry.id]
                raise
        return _LONGEST_WAIT if following is None else min(max(0.0, (following - now()) / 1000), _LONGEST_WAIT)

    def _chosen(self, entries: Iterable[outbox.Entry]) -> list[outbox.Entry]:
        """Those for which there is room: slow targets take that of no other, as each may always have one."""
        chosen: list[outbox.Entry] = []
        busy = Counter(self._under_way.values())
        for entry in entries:
            if busy.total() >= _MOST:
                break
            if entry.id not in self._under_way and _has_room(entry.target, busy):
                busy[entry.target] += 1
                chosen.append(entry)
        return chosen

    def _keep(self) -> float:
        """Write what became of deliveries; what cannot be written now is under way until it is."""
        outcomes = dict(self._outcomes)
        if outcomes:
            later = {number: now() + int(seconds * 1000) for number, seconds in outcomes.items() if seconds is not None}
            with self._workspace.store.write() as connection:
                outbox.keep(connection, later, outcomes.keys() - later.keys())
            for number in outcomes:
                del self._outcomes[number], self._under_way[number]
        return 0.0

    def _try(self, entry: outbox.Entry) -> None:
        """Deliver one."""
        self._outcomes[entry.id] = self._tried(entry)
        self._woken.set()

    def _tried(self, entry: outbox.Entry) -> float | None:
        """Deliver one; answers when to try again, where that is to be."""
        try:
            self._deliver(entry.message)
        except _Failed as failed:
            if not failed.final and entry.tries < len(self.again):
                _log.warning("%s; trying again", failed)
                return self.again[entry.tries]
            _log.error("%s. It is not sent: %s", failed, subject_of(entry.message))
        except SQLAlchemyError:  # a locked database, for one
            _log.exception("a notification could not be sent; trying again: %s", subject_of(entry.message))
            return self.again[min(entry.tries, len(self.again) - 1)]
        except Exception:  # of one notice, not of the others
            _log.exception("a notification could not be sent: %s", subject_of(entry.message))
        return None

    def _deliver(self, message: Mapping[str, Any]) -> None:
        if "watch" in message and not self._still_runs(message):
            return
        if "addresses" in message["to"]:
            self._mail(message["to"]["addresses"], message)
            return
        try:
            found = self._destinations.get(message["to"]["destination"])
        except ResourceDoesNotExist as error:
            raise _Failed(error.message, final=True) from error
        _CHANNELS[found.kind](self, found, message)

    def _still_runs(self, message: Mapping[str, Any]) -> bool:
        """Whether what has a time limit is still under way when that is over."""
        watched = message["run_id"]
        with self._workspace.store.read() as connection:
            if message.get("task_key"):
                task = connection.execute(select(task_runs.c.state).where(task_runs.c.run_id == watched)).first()
                return task is not None and json.loads(task.state)["life_cycle"] in ("RUNNING", "TERMINATING")
            query = select(runs.c.active, runs.c.repairs).where(runs.c.run_id == watched)
            run = connection.execute(query).first()
        return run is not None and run.active and len(json.loads(run.repairs or "[]")) == message["watch"]

    def _mail(self, addresses: list[str], message: Mapping[str, Any]) -> None:
        if self.mailer is None:
            what = f"No mail to {', '.join(addresses)}, as no mail server is set ({SMTP_URL})"
            raise _Failed(what, final=True)
        try:
            self.mailer.send(addresses, subject_of(message), text_of(message, self._workspace.url))
        except (OSError, smtplib.SMTPException) as error:
            final = isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
            said = type(error).__name__ if isinstance(error, smtplib.SMTPAuthenticationError) else str(error)
            raise _Failed(f"The mail server {self.mailer.host} did not take a mail ({said})", final=final) from error

    def _to_mail(self, destination: Destination, message: Mapping[str, Any]) -> None:
        self._mail(destination.config["addresses"], message)

    def _to_webhook(self, destination: Destination, message: Mapping[str, Any]) -> None:
        config = destination.config
        login = (config.get("username", ""), config.get("password", ""))
        self._post(destination, webhook_body(message, self._workspace.workspace_id), login if any(login) else None)

    def _to_slack(self, destination: Destination, message: Mapping[str, Any]) -> None:
        self._post(destination, {"text": slack_text(message, self._workspace.url)})

    def _to_teams(self, destination: Destination, message: Mapping[str, Any]) -> None:
        self._post(destination, teams_card(message, self._workspace.url))

    def _post(self, destination: Destination, body: Any, login: tuple[str, str] | None = None) -> None:
        import httpx

        name = f"The notification destination {destination.display_name!r}"
        try:
            status = asyncio.run(self._answer(destination.config["url"], body, login))
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            OSError,
            ValueError,
        ) as error:  # whose text has the address, a secret
            raise _Failed(f"{name} cannot be reached ({type(error).__name__})") from error
        if not 200 <= status < 300:
            raise _Failed(f"{name} answered {status}", final=status < 500 and status not in _TRANSIENT)

    async def _answer(self, url: str, body: Any, login: tuple[str, str] | None) -> int:
        """The status of an answer, which has to be here in time as a whole, however steadily it drips."""
        import httpx

        logging.getLogger("httpx").setLevel(logging.WARNING)  # which logs addresses
        bundle = os.environ.get("REQUESTS_CA_BUNDLE")
        verify = ssl.create_default_context(cafile=bundle) if bundle else True
        async with (
            asyncio.timeout(self.seconds),
            httpx.AsyncClient(timeout=self.seconds, verify=verify) as client,
            client.stream("POST", url, json=body, auth=login) as answer,
        ):
            return answer.status_code


def _has_room(target: outbox.Target, busy: Counter[outbox.Target]) -> bool:
    """Whether one more can go to a target.

    The mail server has to take all mails, so it is given no more than it can, and one at a time for the same people.
    """
    if target.addresses:
        return not busy[target] and sum(count for one, count in busy.items() if one.addresses) < _OF_ONE
    return not busy[target] or (busy[target] < _OF_ONE and busy.total() < _AT_ONCE)


_CHANNELS: dict[str, Callable[[Delivery, Destination, Mapping[str, Any]], None]] = {
    "email": Delivery._to_mail,
    "generic_webhook": Delivery._to_webhook,
    "slack": Delivery._to_slack,
    "microsoft_teams": Delivery._to_teams,
}
