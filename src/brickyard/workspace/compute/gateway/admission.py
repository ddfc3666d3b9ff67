"""Who may use an engine: the task that it belongs to, or everybody whom the workspace knows."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from brickyard.workspace.compute.gateway.places import Places
from brickyard.workspace.compute.gateway.unity import UnityCatalog

__all__ = [
    "TOKEN_HEADER",
    "Admission",
    "Caller",
    "Everybody",
    "NotAdmitted",
    "OneTask",
    "admitted",
    "may_attach",
    "token_of",
]

#: pyspark sends unknown parameters of its connection string as metadata; `token=` makes it ask for TLS, unless the
#: host is `localhost`.
TOKEN_HEADER = "x-brickyard-token"
#: By which Databricks Connect says whose engine it means.
CLUSTER_HEADER = "x-databricks-cluster-id"
#: How long the workspace's word on a token counts; a revoked one is refused after that.
FRESH_SECONDS = 3.0
#: After this long without a call a token is forgotten, with the connections that it had.
KEPT_SECONDS = 600.0


class NotAdmitted(Exception):
    """The call has no token, or one that the workspace does not accept."""


@dataclass(frozen=True)
class Caller:
    """Who calls, and what that principal may see.

    Attributes:
        name: The user's or service principal's name.
        catalog: Unity Catalog, with the caller's rights.
        places: From the caller's paths to local places.
    """

    name: str
    catalog: UnityCatalog
    places: Places


class Admission(Protocol):
    """Says who calls.

    Attributes:
        cluster_id: The cluster whose engine this is; empty where it is of none.
    """

    cluster_id: str

    def admit(self, token: str) -> Caller:
        """The caller with that token; empty where none was sent.

        Raises:
            NotAdmitted: It is not to be served.
        """
        ...


class OneTask:
    """Admits the task that the engine belongs to."""

    cluster_id = ""

    def __init__(self, token: str, caller: Caller) -> None:
        self._token = token.encode()
        self._caller = caller

    def admit(self, token: str) -> Caller:
        """See `Admission`."""
        if not hmac.compare_digest(token.encode(), self._token):
            raise NotAdmitted(f"This Spark session needs the task's token (metadata {TOKEN_HEADER}).")
        return self._caller


@dataclass
class _Known:
    caller: Caller
    checked_at: float


class Everybody:
    """Admits whom the workspace knows, and asks it again every few seconds.

    Args:
        caller: Makes the caller of a token; raises NotAdmitted where the workspace refuses the token.
        clock: Seconds, monotonic.
        allowed: Raises NotAdmitted where a caller whom the workspace knows may nevertheless not come in.
        cluster_id: The cluster whose engine this is.
    """

    def __init__(
        self,
        caller: Callable[[str], Caller],
        clock: Callable[[], float] = time.monotonic,
        allowed: Callable[[Caller], None] = lambda caller: None,
        cluster_id: str = "",
    ) -> None:
        self.cluster_id = cluster_id
        self._caller = caller
        self._allowed = allowed
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def admit(self, token: str) -> Caller:
        """See `Admission`."""
        if not token:
            raise NotAdmitted(
                "No token was sent. Give one of the workspace's: SPARK_REMOTE='sc://localhost:PORT/;token=TOKEN' "
                f"(with ;use_ssl=true over TLS), or ;{TOKEN_HEADER}=TOKEN."
            )
        known = self._known.get(token)
        if known is not None and self._clock() - known.checked_at < FRESH_SECONDS:
            return known.caller
        return self._check(token, known)

    def _check(self, token: str, known: _Known | None) -> Caller:
        now = self._clock()
        try:
            caller = self._caller(token) if known is None else _still(known.caller)
            self._allowed(caller)
        except NotAdmitted:
            with self._lock:
                self._known.pop(token, None)
            raise
        with self._lock:
            self._known = {key: one for key, one in self._known.items() if now - one.checked_at < KEPT_SECONDS}
            self._known[token] = _Known(caller, now)
        return caller


def _still(caller: Caller) -> Caller:
    named(caller.catalog)
    return caller


def named(catalog: UnityCatalog) -> str:
    """Whose token the catalog is asked with.

    Raises:
        NotAdmitted: The workspace refuses it.
        SparkError: The workspace does not answer.
    """
    found = catalog.user_name()
    if found is None:
        raise NotAdmitted(
            "The workspace does not accept the token: it is unknown, expired or revoked. Create a new one."
        )
    return found


def may_attach(caller: Caller, cluster_id: str) -> None:
    """Ask the workspace whether a caller may attach to a cluster, which is what it takes to see it.

    Raises:
        NotAdmitted: It may not.
    """
    status, _ = caller.catalog.send("GET", f"/api/2.1/clusters/get?cluster_id={cluster_id}")
    if status != 200:
        raise NotAdmitted(f"{caller.name} does not have Attach To permissions on cluster {cluster_id}.")


def admitted(admission: Admission, metadata: Iterable[Any]) -> Caller:
    """Who makes a call.

    Raises:
        NotAdmitted: The call is not to be served, or is for the engine of another cluster.
    """
    given = list(metadata)
    named = next((value for key, value in given if key == CLUSTER_HEADER), "")
    if admission.cluster_id and named != admission.cluster_id:
        raise NotAdmitted(
            f"This connection goes to the cluster {admission.cluster_id}, and the session is for {named or 'none'}:"
            " gRPC shares a connection between sessions with one address. Give the token as token=TOKEN with the host"
            " localhost or over TLS, for which it does not, or connect from another process."
        )
    return admission.admit(token_of(given))


def token_of(metadata: Iterable[Any]) -> str:
    """The token in a call's metadata; empty where there is none."""
    values = {key: value for key, value in metadata if isinstance(value, str)}
    scheme, _, bearer = values.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer:
        return bearer.strip()
    return values.get(TOKEN_HEADER, "").strip()
