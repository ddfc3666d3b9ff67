"""Delivers what is due, beside the runs: they neither wait for it nor fail with it.

What could not be delivered is tried again, four times in three quarters of an hour. After that the workspace's log says
so.
"""

from __future__ import annotations

import json
import logging
import smtplib
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from brickyard.workspace.api.errors import ApiError, ResourceDoesNotExist
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
_LOOK_SECONDS = 0.5
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
        self._woken = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Look at what is due, as there may be something new."""
        with self._lock:
            self._woken.set()
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Deliver no more; what is under way is not waited for, and comes again after the next start."""
        with self._lock:
            self._closing = True
            self._woken.set()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=2)

    def _run(self) -> None:
        while not self._closing:
            self._woken.clear()
            try:
                wait = self._pass()
            except (SQLAlchemyError, ApiError, OSError):
                _log.exception("notifications cannot be looked at; trying again")
                wait = 30.0
            self._woken.wait(wait)

    def _pass(self) -> float:
        """Deliver what is due; answers how long to wait for more."""
        from brickyard.workspace.jobs.records import now

        with self._workspace.store.read() as connection:
            entries = outbox.due(connection, now())
            following = outbox.next_due(connection)
        if not entries:
            return _LONGEST_WAIT if following is None else min(max(0.0, (following - now()) / 1000), _LONGEST_WAIT)
        outcomes = self._tried(entries)
        later = {number: now() + int(seconds * 1000) for number, seconds in outcomes.items() if seconds is not None}
        with self._workspace.store.write() as connection:  # also at the end, lest what was delivered comes again
            outbox.keep(connection, later, outcomes.keys() - later.keys())
        return 0.0

    def _tried(self, entries: list[outbox.Entry]) -> dict[int, float | None]:
        """Deliver these at once; answers when each is to be tried again. A stop of the workspace waits for none."""
        outcomes: dict[int, float | None] = {}
        threads = [
            threading.Thread(target=lambda one=entry: outcomes.update({one.id: self._try(one)}), daemon=True)
            for entry in entries
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not self._closing:
                thread.join(_LOOK_SECONDS)
        return dict(outcomes)

    def _try(self, entry: outbox.Entry) -> float | None:
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
        import requests

        name = f"The notification destination {destination.display_name!r}"
        try:
            answer = requests.post(
                destination.config["url"],
                json=body,
                auth=login or _nobody,
                timeout=_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            answer.close()
        except (requests.RequestException, ValueError) as error:  # whose text has the address, which is a secret
            raise _Failed(f"{name} cannot be reached ({type(error).__name__})") from error
        if not answer.ok or answer.is_redirect:
            transient = answer.status_code >= 500 or answer.status_code in _TRANSIENT
            raise _Failed(f"{name} answered {answer.status_code}", final=not transient)


def _nobody(request: Any) -> Any:
    """No login, also not one that this machine has for the host."""
    return request


_CHANNELS: dict[str, Callable[[Delivery, Destination, Mapping[str, Any]], None]] = {
    "email": Delivery._to_mail,
    "generic_webhook": Delivery._to_webhook,
    "slack": Delivery._to_slack,
    "microsoft_teams": Delivery._to_teams,
}
