"""The ASGI application: checks who calls, finds the family, turns errors into the vendor's answers."""

from __future__ import annotations

import contextlib
import errno
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from brickyard.workspace.api.audited import described, error_code
from brickyard.workspace.api.base import Family, json_response
from brickyard.workspace.api.errors import (
    ApiError,
    InternalError,
    InvalidParameterValue,
    PermissionDenied,
    StorageFull,
    TemporarilyUnavailable,
)
from brickyard.workspace.api.surface import not_implemented
from brickyard.workspace.store import Failure, failure
from brickyard.workspace.workspace import Workspace, loaded

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["App"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Prefix:
    path: str
    module: str
    public: bool = False
    exact: bool = False

    def holds(self, path: str) -> bool:
        """Whether a request's path belongs here."""
        return path == self.path if self.exact else path.startswith(self.path)


# The longest prefix wins. A family's module is imported by its first request, so that the server starts fast.
_PREFIXES = (
    _Prefix("/.well-known/", "discovery", public=True),
    _Prefix("/health", "discovery", public=True),
    _Prefix("/api/2.0/preview/scim/", "scim"),
    _Prefix("/oidc/", "oauth", public=True),
    _Prefix("/api/2.0/token/", "tokens"),
    _Prefix("/api/2.0/token-management/", "token_management"),
    _Prefix("/api/2.0/accounts/servicePrincipals/", "service_principal_secrets"),
    _Prefix("/api/2.0/workspace-conf", "workspace_conf", exact=True),
    _Prefix("/api/2.0/settings/types/default_namespace_ws/", "workspace_settings"),
    _Prefix("/api/2.0/workspace/", "workspace_tree"),
    _Prefix("/api/2.0/workspace-files/", "workspace_tree"),
    _Prefix("/api/2.0/fs/", "files"),
    _Prefix("/api/2.0/fs/abandoned-uploads", "files", public=True),
    _Prefix("/api/2.0/dbfs/", "dbfs"),
    _Prefix("/api/2.0/repos", "repos"),
    _Prefix("/api/2.0/git-credentials", "git_credentials"),
    _Prefix("/api/2.0/notification-destinations", "notification_destinations"),
    _Prefix("/api/2.0/permissions/", "permissions"),
    _Prefix("/api/2.0/secrets/", "secrets"),
    _Prefix("/api/2.0/policies/clusters/", "cluster_policies"),
    _Prefix("/api/2.0/policies/clusters/get-compliance", "policy_compliance", exact=True),
    _Prefix("/api/2.0/policies/clusters/list-compliance", "policy_compliance", exact=True),
    _Prefix("/api/2.0/policies/clusters/enforce-compliance", "policy_compliance", exact=True),
    _Prefix("/api/2.0/policies/clusters:", "policy_compliance"),
    _Prefix("/api/2.0/policies/jobs/", "policy_compliance"),
    _Prefix("/api/2.0/policy-families", "cluster_policies"),
    _Prefix("/api/2.0/instance-pools/", "instance_pools"),
    _Prefix("/api/2.0/libraries/", "libraries"),
    _Prefix("/api/2.0/global-init-scripts", "global_init_scripts"),
    _Prefix("/api/2.1/unity-catalog/", "unity_catalog"),
    _Prefix("/api/2.0/unity-catalog/", "unity_catalog"),
    _Prefix("/api/2.2/jobs/", "jobs"),
    _Prefix("/api/2.1/jobs/", "jobs"),
    _Prefix("/api/2.0/jobs/", "jobs"),
    _Prefix("/api/2.1/clusters/", "clusters"),
    _Prefix("/api/1.2/", "command_execution"),
    _Prefix("/api/2.0/clusters/", "clusters"),
    _Prefix("/api/2.0/jobs/dbt-artifacts/", "dbt_artifacts", public=True),
    _Prefix("/api/2.0/jobs/notebook-runs/", "notebook_runs"),
    _Prefix("/api/2.0/serving-endpoints", "serving_endpoints"),
    _Prefix("/serving-endpoints/", "serving_endpoints"),
    _Prefix("/api/2.0/sql/warehouses", "warehouses"),
    _Prefix("/api/2.0/sql/config/warehouses", "warehouses", exact=True),
    _Prefix("/api/2.0/sql/statements", "statements"),
    _Prefix("/api/2.0/sql/result-files/", "statements", public=True),
    _Prefix("/api/2.0/sql/history/queries", "query_history", exact=True),
    _Prefix("/api/2.0/sql/sessions", "sql_sessions"),
    _Prefix("/api/warehouses/v1/", "default_warehouses"),
    _Prefix("/sql/1.0/", "connectors"),
    _Prefix("/sql/protocolv1/", "connectors"),
    _Prefix("/api/2.0/connector-service/", "connectors"),
    _Prefix("/telemetry-ext", "connectors", exact=True),
    _Prefix("/api/2.0/sql/queries", "queries"),
    _Prefix("/api/2.0/sql/visualizations", "visualizations"),
    _Prefix("/api/2.0/preview/sql/data_sources", "queries", exact=True),
    _Prefix("/api/2.0/mlflow", "mlflow"),
    _Prefix("/api/2.0/mlflow/unity-catalog/", "mlflow_registry"),
    _Prefix("/api/2.0/mlflow/registered-models/create", "workspace_models", exact=True),
    _Prefix("/api/2.0/mlflow/registered-models/rename", "workspace_models", exact=True),
    _Prefix("/api/2.0/mlflow/registered-models/delete", "workspace_models", exact=True),
    _Prefix("/api/2.0/mlflow/model-versions/list-artifacts", "workspace_models", exact=True),
    _Prefix("/api/2.0/mlflow/model-versions/get-signed-download-uri", "workspace_models", exact=True),
    _Prefix("/api/2.0/mlflow/model-versions/signed-files/", "workspace_models", public=True),
    _Prefix("/api/2.0/mlflow/databricks/registered-models/get", "workspace_models", exact=True),
    _Prefix("/api/2.0/mlflow/databricks/model-versions/transition-stage", "workspace_models", exact=True),
    _Prefix("/api/2.1/unity-catalog/models", "registered_models"),
    _Prefix("/api/2.1/unity-catalog/securable-tags/", "registered_models"),
    _Prefix("/api/2.1/unity-catalog/subentity-tags/", "registered_models"),
    _Prefix("/api/3.0/mlflow", "mlflow"),
    _Prefix("/api/4.0/mlflow", "mlflow"),
    _Prefix("/ajax-api/", "mlflow"),
    _Prefix("/graphql", "mlflow"),
    # Public here: a browser is asked to sign in by the pages themselves, and its cookie opens nothing else.
    _Prefix("/", "pages", public=True, exact=True),
    _Prefix("/login", "pages", public=True, exact=True),
    _Prefix("/logout", "pages", public=True, exact=True),
    _Prefix("/jobs", "pages", public=True),
    _Prefix("/compute/", "pages", public=True),
    _Prefix("/ml/", "pages", public=True),
    _Prefix("/explore/", "pages", public=True),
    _Prefix("/sql/", "pages", public=True),
)
_LONGEST_FIRST = sorted(_PREFIXES, key=lambda prefix: -len(prefix.path))


class App:
    """Serves one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._families: dict[str, Family] = {}
        self._org_id = str(workspace.workspace_id).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; the server is run without lifespan and web sockets."""
        tagged = self._tag(send)
        scope.setdefault("state", {})
        try:
            response = await self._dispatch(scope, receive, tagged)
        except ApiError as error:
            response = _refusal(scope, error)
            await self._record(scope, response.status_code, error.code)
        except ClientDisconnect:
            _log.info("the client left during %s %s", scope["method"], scope["path"])
            return
        except Exception as error:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            failure = _failure(error, f"{scope['method']} {scope['path']}")
            response = _refusal(scope, failure)
            await self._record(scope, response.status_code, failure.code)
        if response is not None:
            with contextlib.suppress(ClientDisconnect):
                await response(scope, receive, tagged)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """The answer; nothing where a mounted application has sent its own."""
        request = Request(scope, receive)
        _check_host(request, self._workspace.hosts)
        prefix = next((p for p in _LONGEST_FIRST if p.holds(scope["path"])), None)
        principal = self._workspace.identity.owner
        if prefix is None or not prefix.public:
            principal = self._workspace.identity.authenticate(_authorization(request))
        if prefix is None:
            raise not_implemented(scope["method"], scope["path"])
        family = self._families.get(prefix.module)
        if family is None:
            family = await anyio.to_thread.run_sync(self._load, prefix.module)
        scope["state"] |= {"principal": None if prefix.public else principal, "family": prefix.module}
        if family.asgi is not None:
            app = await anyio.to_thread.run_sync(family.asgi, self._workspace)
            scope["state"]["changes"] = scope["method"] not in ("GET", "HEAD")
            await app(scope, receive, self._recorded(scope, send))
            return None
        response: Response = await family.handle(self._workspace, principal, request)
        await self._record(scope, response.status_code, error_code(response))
        return response

    def _recorded(self, scope: Scope, send: Send) -> Send:
        """What a mounted application answers, after the audit record has it."""

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._record(scope, message["status"])
            await send(message)

        return recorded

    async def _record(self, scope: Scope, status: int, error_code: str = "") -> None:
        """Keep changes and refusals, before they are answered."""
        event = described(scope, status, error_code)
        if event is None:
            return
        try:
            await anyio.to_thread.run_sync(self._workspace.identity.audit.record, event)
        except SQLAlchemyError:  # what was done is done: the caller is told the truth about it
            _log.exception("the audit record lacks: %s", event)

    def _load(self, module: str) -> Family:
        family: Family = loaded(f"api.{module}").family
        self._families[module] = family
        return family

    def _tag(self, send: Send) -> Send:
        """Every answer names the workspace, as the vendor's do (`X-Databricks-Org-Id`)."""

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-databricks-org-id", self._org_id)]
            await send(message)

        return tagged


def _refusal(scope: Scope, error: ApiError) -> Response:
    """An error in the shape of the API's version."""
    old = scope["path"].startswith("/api/1.2/")
    response = json_response({"error": error.message} if old else error.body(), error.status)
    if error.retry_after is not None:
        response.headers["retry-after"] = str(error.retry_after)
    return response


def _failure(error: Exception, where: str) -> ApiError:
    """What a caller is told of an error that no family expected."""
    kind = failure(error)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if full or kind is Failure.FULL:
        return StorageFull(f"the workspace's disk is full: {where} changed nothing; make room and try again")
    if kind is Failure.UNAVAILABLE:
        return TemporarilyUnavailable(f"the workspace's database cannot be reached in {where}; try again")
    if kind is Failure.UNFIT:
        return InvalidParameterValue(f"{where} has a value that cannot be stored, such as text with a NUL character")
    if kind is Failure.DAMAGED:
        return InternalError(f"the workspace's database is damaged, seen in {where}; stop it, and restore a copy")
    return InternalError(f"{type(error).__name__} in {where}; see the workspace's log")


def _authorization(request: Request) -> str | None:
    """The credential of a request; from browsers no password, which they repeat on behalf of any site."""
    found = request.headers.get("authorization")
    if found is None or found[:5].lower() != "basic":
        return found
    return None if "origin" in request.headers or "sec-fetch-site" in request.headers else found


def _check_host(request: Request, served: frozenset[str]) -> None:
    """Refuse a page of another site that resolves to this machine (DNS rebinding)."""
    given = request.headers.get("host", "")
    try:
        host = (urlsplit(f"//{given}").hostname or "").rstrip(".")
    except ValueError:  # no address, such as `[::1`
        host = ""
    if len(request.headers.getlist("host")) != 1 or host not in served:
        raise PermissionDenied(f"the host {given[:200]!r} is not served here; use {' or '.join(sorted(served))}")
