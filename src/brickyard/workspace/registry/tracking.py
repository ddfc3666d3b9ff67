"""The real MLflow server inside the workspace's process: loaded when first needed, with a database of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread
from sqlalchemy import NullPool, create_engine, inspect
from starlette.responses import Response

from brickyard.workspace.api.errors import ApiError, InternalError, InvalidParameterValue
from brickyard.workspace.api.surface import not_implemented
from brickyard.workspace.identity.permissions import Securable, tree_object
from brickyard.workspace.registry.experiments import MAKING
from brickyard.workspace.registry.misfits import Sent, misfit
from brickyard.workspace.registry.reading import Reading, read
from brickyard.workspace.registry.tables import make_tables
from brickyard.workspace.registry.trash import original_path

if TYPE_CHECKING:
    from flask import Flask
    from starlette.requests import Request

    from brickyard.workspace.store import Store

__all__ = ["Check", "Tracking", "experiment_securable"]

_log = logging.getLogger(__name__)

# The client maps this root to the Files API; an `mlflow-artifacts:` root fails with the tracking URI `databricks`.
ARTIFACT_ROOT = "dbfs:/databricks/mlflow-tracking"
# Background jobs would start processes of their own; telemetry would call the vendor.
_SETTINGS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
# The server sets these for its own workers; here they would reach the tasks of users.
_NOT_FOR_CHILDREN = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_DEFAULT_EXPERIMENT = "0"
_MOST_REMEMBERED = 100_000
_HOP_BY_HOP = {"content-length", "transfer-encoding", "connection"}

T = TypeVar("T")
Check = Callable[[Reading], None]


@dataclass(frozen=True)
class _Server:
    app: Flask
    store: Any  # MLflow's SqlAlchemyStore, whose methods have no types
    models: Any  # and its store of registered models


class Tracking:
    """Answers MLflow's REST calls with MLflow's own server.

    Only its Flask application is used: the FastAPI one around it adds an assistant that runs commands, a gateway
    and a job runner, which the vendor's workspaces do not offer at these addresses.

    Args:
        directory: Where its database is, unless that is beside the workspace's.
        database: The workspace's database.
    """

    def __init__(self, directory: Path, database: Store) -> None:
        self._directory = directory
        self._database = database
        self._lock = threading.Lock()
        self._loading: asyncio.Future[_Server] | None = None
        self._server: _Server | None = None
        self._experiments: dict[tuple[str, str], str] = {}  # of runs and logged models, which never move

    async def forward(
        self, request: Request, body: bytes | None = None, query: str | None = None, check: Check | None = None
    ) -> Response:
        """Answer a request, with another body or query where one is given.

        Args:
            request: The request.
            body: In the place of its body.
            query: In the place of its query.
            check: Called with what the server will read from it, before the server does; may refuse.

        Raises:
            NotImplementedByWorkspace: MLflow's server has no such operation, and the vendor has.
            EndpointNotFound: Neither has it.
        """
        server = await self._ready()
        data = await request.body() if body is None else body
        text = request.url.query if query is None else query
        return await anyio.to_thread.run_sync(_answer, server.app, request, data, text, check)

    async def ask(self, question: Callable[[Any], T]) -> T:
        """The answer of a function that uses MLflow's own store, called in a thread.

        Raises:
            ApiError: What the store refused.
        """
        server = await self._ready()
        return await anyio.to_thread.run_sync(_translated, question, server.store)

    def ask_now(self, question: Callable[[Any], T]) -> T:
        """As `ask`, for callers in a thread of their own.

        Raises:
            ApiError: What the store refused.
        """
        return _translated(question, self._load().store)

    def ask_models(self, question: Callable[[Any], T]) -> T:
        """As `ask_now`, of the store of registered models.

        Raises:
            ApiError: What the store refused.
        """
        return _translated(question, self._load().models)

    def securable(self, experiment_id: str) -> Securable:
        """An experiment as permissions know it; it inherits from its folder, and a notebook's from the notebook.

        Raises:
            ApiError: There is no such experiment.
        """
        if not (experiment_id.isascii() and experiment_id.isdecimal()):  # MLflow would read other digits as well
            raise InvalidParameterValue(f"experiment_id must be the number of an experiment, not {experiment_id!r}")
        found = self.ask_now(lambda store: store.get_experiment(experiment_id))
        return experiment_securable(str(found.experiment_id), found.name)

    def experiment_of(self, kind: str, owned: str) -> str:
        """The id of the experiment of a run (`run`) or of a logged model (`model`).

        Raises:
            ApiError: There is no such run or model.
        """
        found = self._experiments.get((kind, owned))
        if found is None:
            found = self.ask_now(lambda store: _experiment_of(store, kind, owned))
            if len(self._experiments) >= _MOST_REMEMBERED:
                self._experiments.clear()
            self._experiments[(kind, owned)] = found
        return found

    def close(self) -> None:
        """Give the database's connections back."""
        if self._server is not None:
            self._server.store.engine.dispose()

    async def _ready(self) -> _Server:
        """The server, loaded in one thread however many requests wait for it; the event loop goes on."""
        if self._server is not None:
            return self._server
        if self._loading is None:
            self._loading = asyncio.ensure_future(anyio.to_thread.run_sync(self._load))
        loading = self._loading
        try:
            return await asyncio.shield(loading)
        finally:
            if loading.done() and self._loading is loading:
                self._loading = None  # after a failure, the next request tries again

    def _load(self) -> _Server:
        with self._lock:
            if self._server is not None:
                return self._server
            os.environ.update(_SETTINGS)
            before = {name: os.environ.get(name) for name in _NOT_FOR_CHILDREN}
            from mlflow.server import app, handlers

            with first_time(self._database, self._directory) as uri:
                make_tables(uri)
                handlers.initialize_backend_stores(uri, uri, ARTIFACT_ROOT)
            _restore(before)
            self._server = _Server(app, _tuned(handlers._get_tracking_store()), handlers._get_model_registry_store())
            _log.info("the MLflow server is loaded")
            return self._server


@contextmanager
def first_time(database: Store, directory: Path) -> Iterator[str]:
    """The address of MLflow's database, which is made whole: until it is, a mark says that it holds nothing yet.

    MLflow makes its tables one by one. In a file, it cannot go on where a killed process stopped: that is made again.
    """
    mark = directory / MAKING
    if mark.exists():
        for suffix in ("", "-wal", "-shm"):
            (directory / f"mlflow.db{suffix}").unlink(missing_ok=True)
    uri = database.address("mlflow", directory)
    new = mark.exists() or _has_no_tables(uri)
    if new:
        directory.mkdir(parents=True, exist_ok=True)
        mark.touch()
    yield uri
    if new:
        mark.unlink(missing_ok=True)


def _has_no_tables(uri: str) -> bool:
    engine = create_engine(uri, poolclass=NullPool)
    return not inspect(engine).get_table_names()


def _translated(question: Callable[[Any], T], store: Any) -> T:
    from mlflow.exceptions import MlflowException

    try:
        return question(store)
    except MlflowException as error:
        refused: Any = error  # its methods have no types
        answer = ApiError(refused.message)
        answer.status, answer.code = refused.get_http_status_code(), refused.error_code
        if answer.code == "INVALID_STATE":
            answer.status = 400  # MLflow says 500, at which clients try again
        raise answer from error


def _experiment_of(store: Any, kind: str, owned: str) -> str:
    found = store.get_run(owned).info if kind == "run" else store.get_logged_model(owned)
    return str(found.experiment_id)


def experiment_securable(experiment_id: str, name: str) -> Securable:
    """An experiment of that id and name as permissions know it, also one in the trash."""
    original = original_path(experiment_id, name)
    return Securable("experiments", experiment_id, tree_object(original) if original.startswith("/") else None)


def _answer(app: Flask, request: Request, body: bytes, query: str, check: Check | None) -> Response:
    from werkzeug.test import run_wsgi_app

    if check is not None:
        check(_translated(lambda _: read(app, _environ(request, body, query)), None))
    content, status, headers = run_wsgi_app(app, _environ(request, body, query), buffered=True)
    code = int(status.split(" ", 1)[0])
    kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
    method, path = request.method, request.url.path
    if code >= 500 and (wrong := misfit(app, Sent(method, path, query, body))):
        raise InvalidParameterValue(f"{method} {path}: {wrong}")
    if code >= 400 and "json" not in kept.get("Content-Type", ""):
        raise _failure(code, method, path)
    return Response(b"".join(content), code, kept)


def _environ(request: Request, body: bytes, query: str) -> Any:
    """The request for MLflow's server, to be read once."""
    from werkzeug.test import EnvironBuilder

    builder = EnvironBuilder(
        method=request.method,
        path=request.url.path,
        query_string=query,
        headers=[(name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP],
        data=body,
    )
    return builder.get_environ()


def _failure(code: int, method: str, path: str) -> ApiError:
    """MLflow answers its own errors in JSON; a page of HTML comes from Flask: no such route, or a crash."""
    if code in (404, 405):
        return not_implemented(method, path)
    return InternalError(f"MLflow's server failed in {method} {path} with status {code}; see the workspace's log")


def _tuned(store: Any) -> Any:
    """What MLflow lacks as a workspace: no wait for the disk at each commit, no experiment called Default."""
    from sqlalchemy import event

    if store.engine.dialect.name == "sqlite":
        event.listen(store.engine, "connect", _configure)
        store.engine.dispose()
    if store.get_experiment(_DEFAULT_EXPERIMENT).lifecycle_stage == "active":
        store.delete_experiment(_DEFAULT_EXPERIMENT)
    return store


def _configure(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL").close()


def _restore(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
