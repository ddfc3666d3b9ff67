"""Connects to a workspace; every other module gets its client here."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from brickyard import __version__, sdk
from brickyard.errors import BrickyardError, ConnectionFailed, WorkspaceRefused
from brickyard.plan.profiles import Profile, address_of, default_profile, find_profile, profile_of_host
from brickyard.project.project import WorkspaceSettings

if TYPE_CHECKING:
    from databricks.sdk.core import ApiClient, Config

__all__ = ["Connection", "calling", "connect", "connect_to"]

# How long a call is tried again when the network fails or the workspace asks to wait.
_RETRY_SECONDS = 30
_PROBE_SECONDS = 10


@dataclass(frozen=True)
class Connection:
    """A workspace that answered, and who we are there.

    Args:
        host: The workspace's address, without a slash at its end.
        user_name: The signed-in user or service principal.
        config: The SDK's configuration; `Config.authenticate()` gives the headers of a call.
        api: The SDK's client; `JobsAPI(connection.api)` and its like build on it.
        profile: The profile's name, if one was used.
    """

    host: str
    user_name: str
    config: Config = field(repr=False)
    api: ApiClient = field(repr=False)
    profile: str | None = None

    def call(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the workspace for JSON, by the SDK's client.

        Raises:
            databricks.sdk.errors.DatabricksError: The workspace answered with an error; see `calling`.
        """
        from requests.exceptions import ChunkedEncodingError

        headers = {"Accept": "application/json"}
        if self.config.workspace_id:
            headers["X-Databricks-Workspace-Id"] = self.config.workspace_id

        def done() -> Any:
            sent = None if body is None else dict(body)
            return self.api.do(method, path, query=dict(query) if query else None, body=sent, headers=headers)

        try:
            answer = done()
        except ChunkedEncodingError:  # the answer broke off, which the SDK does not try again
            if method != "GET":
                raise
            answer = done()
        return answer if isinstance(answer, dict) else {}

    def token(self) -> str:
        """A bearer token that is valid now, for clients that take no header (the MLflow client)."""
        return self.config.authenticate()["Authorization"].removeprefix("Bearer ")


def connect_to(settings: WorkspaceSettings, environ: Mapping[str, str] | None = None) -> Connection:
    """Connect to the workspace of a project's target; see `connect`."""
    return connect(host=settings.host, profile=settings.profile, auth=settings.auth, environ=environ)


def connect(
    *,
    host: str | None = None,
    profile: str | None = None,
    auth: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Connection:
    """Connect to a workspace.

    A profile that is named wins over the environment, so that a target never deploys to the workspace that
    happens to be exported. A host takes its credentials from the environment if that is about the same host, else
    from the profile with that host, else from what the SDK finds (Azure CLI, managed identity, ...).

    Args:
        host: The workspace's address.
        profile: The profile's name.
        auth: Further settings of the SDK's `Config`.
        environ: The environment; the process's own by default.

    Raises:
        ConnectionFailed: The workspace cannot be reached, or refuses the credentials.
    """
    environ = os.environ if environ is None else environ
    found = _profile(host, profile, environ)
    settings = dict(auth or {})
    if found is not None:
        settings |= found.settings
    address = host or settings.get("host") or environ.get("DATABRICKS_HOST")
    if not address:
        raise ConnectionFailed(
            "it is not known which workspace to connect to",
            next="set `workspace.profile` or `workspace.host` of the target, or DATABRICKS_HOST and DATABRICKS_TOKEN",
        )
    settings["host"] = address_of(address)
    where = settings["host"] + (f" (profile {found.name} of {found.file})" if found else "")
    if "token" in settings:
        settings.setdefault("auth_type", "pat")
    return _signed_in(settings, where, found.name if found else None)


def _profile(host: str | None, profile: str | None, environ: Mapping[str, str]) -> Profile | None:
    if profile:
        return find_profile(profile, environ)
    exported = address_of(environ.get("DATABRICKS_HOST", ""))
    if host:
        found = None if exported == address_of(host) else profile_of_host(host, environ)
        if found is None and exported not in ("", address_of(host)):
            # The SDK would send the exported token to a host that it was not made for.
            raise ConnectionFailed(
                f"the target's host has no profile, and DATABRICKS_HOST is about {exported}",
                where=host,
                next="add a profile with that host, or export DATABRICKS_HOST and DATABRICKS_TOKEN for it",
            )
        return found
    if exported:
        return None
    named = environ.get("DATABRICKS_CONFIG_PROFILE")
    return find_profile(named, environ) if named else default_profile(environ)


def _signed_in(settings: dict[str, str], where: str, profile: str | None) -> Connection:
    sdk.install()
    from databricks.sdk.core import ApiClient, Config

    _probe(settings["host"], where)
    # The SDK logs at this level what is raised here anyway.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    try:
        options: dict[str, Any] = {**settings, "retry_timeout_seconds": _RETRY_SECONDS}
        config = Config(product="brickyard", product_version=__version__, **options)
    except ValueError as error:
        raise ConnectionFailed(
            f"no credentials for the workspace: {_brief(str(error))}",
            where=where,
            next="name a profile with `workspace.profile`, or set DATABRICKS_TOKEN",
        ) from error
    api = ApiClient(config)
    with calling("sign in", where):
        me = api.do("GET", "/api/2.0/preview/scim/v2/Me")
    name = me.get("userName") if isinstance(me, dict) else None
    if not name:
        raise ConnectionFailed(
            "the address answers, but not as a workspace: it does not say who is signed in", where=where
        )
    return Connection(settings["host"], str(name), config, api, profile)


def _probe(host: str, where: str) -> None:
    """Fail at once where nobody listens; the SDK would try again for minutes."""
    import requests

    try:
        requests.get(f"{host}/.well-known/databricks-config", timeout=_PROBE_SECONDS)
    except requests.RequestException as error:
        reason = _reason(error)
        raise ConnectionFailed(f"the workspace cannot be reached: {reason}", where=where, next=_next(reason)) from error


_UNTRUSTED, _NO_TLS = "its certificate is not trusted here", "it does not speak TLS"
# What errors of the network say, and what it means; the first that is found counts.
_REASONS = (
    ("Hostname mismatch", "its certificate is for another name"),
    ("IP address mismatch", "its certificate is for another name"),
    ("CERTIFICATE_VERIFY_FAILED", _UNTRUSTED),
    ("WRONG_VERSION_NUMBER", _NO_TLS),
    ("Connection refused", "connection refused"),
    ("Name or service not known", "the host name is not known"),
    ("Temporary failure in name resolution", "the host name is not known"),
    ("Remote end closed", "the connection was closed"),
    ("Connection reset", "the connection was reset"),
    ("timed out", "no answer in time"),
)
_START = "check the address and the network; a local workspace is started with `brickyard workspace start NAME`"
_NEXT = {
    _UNTRUSTED: "name a file with its authority in REQUESTS_CA_BUNDLE; `brickyard workspace env NAME` prints that of a "
    "local workspace",
    _NO_TLS: "write the address with http://, if it is meant to be in the clear",
}


def _next(reason: str) -> str:
    return _NEXT.get(reason, _START)


_REFUSALS = {
    "PermissionDenied": "ask an owner for the permission, or sign in as somebody who has it",
    "NotImplemented": "this workspace does not offer that operation",
}


@contextmanager
def calling(what: str, where: str | None = None) -> Iterator[None]:
    """Turn the SDK's errors into those of the user's situation.

    Args:
        what: What was being done, as a verb phrase ("create the job 'train'").
        where: The resource or file it is about.

    Raises:
        ConnectionFailed: The network failed, or the credentials were refused.
        WorkspaceRefused: The workspace answered with an error.
    """
    import requests
    from databricks.sdk.errors.base import DatabricksError
    from databricks.sdk.errors.platform import Unauthenticated

    try:
        yield
    except BrickyardError:
        raise
    except Unauthenticated as error:
        message = f"the workspace refuses the credentials: {_brief(str(error))}"
        raise ConnectionFailed(
            message, where=where, next="renew the token of the profile, or DATABRICKS_TOKEN"
        ) from error
    except DatabricksError as error:
        hint = _REFUSALS.get(type(error).__name__)
        code = f" ({error.error_code})" if error.error_code else ""
        raise WorkspaceRefused(f"could not {what}: {_brief(str(error))}{code}", where=where, next=hint) from error
    except (requests.RequestException, TimeoutError) as error:
        reason = _reason(error.__cause__ or error)
        raise ConnectionFailed(f"could not {what}: {reason}", where=where, next=_next(reason)) from error


def _brief(message: str) -> str:
    """A message of the SDK without the configuration that it appends."""
    return message.partition(". Config: ")[0].rstrip(".") or "no reason given"


def _reason(error: BaseException) -> str:
    """The innermost reason of a network error, in one line."""
    text = str(error)
    for known, plain in _REASONS:
        if known in text:
            return plain
    return text.splitlines()[0] if text else type(error).__name__
