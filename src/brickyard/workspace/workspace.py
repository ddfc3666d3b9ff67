"""One local workspace: where its data is, and the services behind its API, built when first used."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brickyard.workspace.catalog import Catalog
    from brickyard.workspace.clusters import Clusters
    from brickyard.workspace.commands import Commands
    from brickyard.workspace.compute import Compute
    from brickyard.workspace.files import Files
    from brickyard.workspace.global_scripts import GlobalScripts
    from brickyard.workspace.identity import Identity
    from brickyard.workspace.jobs import Jobs
    from brickyard.workspace.libraries.service import Libraries
    from brickyard.workspace.notifications import Notifications
    from brickyard.workspace.policies import Policies
    from brickyard.workspace.pools import Pools
    from brickyard.workspace.registry import Registry
    from brickyard.workspace.secrets import Secrets
    from brickyard.workspace.serving import Serving
    from brickyard.workspace.sql import Sql
    from brickyard.workspace.store import Store

__all__ = ["AT_START", "Workspace", "loaded"]

#: What is built when a workspace starts. "commands" and "sql" then end what processes of a killed server have left.
AT_START = ("compute", "clusters", "jobs", "notifications", "serving", "commands", "sql")

_log = logging.getLogger(__name__)
_loading = threading.RLock()


def loaded(module: str) -> ModuleType:
    """A module of the workspace, imported when it is first needed; by one thread at a time.

    While a package is imported, Python takes it out of `sys.modules` for an instant: another thread that imports a
    module of that package then fails with a KeyError.
    """
    with _loading:
        return importlib.import_module(f"brickyard.workspace.{module}")


class Workspace:
    """What every API family is given.

    Attributes:
        name: The workspace's name, as in `brickyard workspace start NAME`.
        root: The directory that holds everything of this workspace.
        data: Tables, volumes, files, models and artifacts; below `root`, unless the user has named another place.
        url: Where clients are told to reach it, for example `http://127.0.0.1:8700`.
        local_url: Where its own tasks reach it.
        hosts: What a request's `Host` may name, without a port.
        workspace_id: The number that the vendor calls workspace or organisation id.
        store: The database.
        engine: The Spark engine of clusters that name none: `sail`, `jvm` or a Spark Connect URL.
    """

    def __init__(
        self,
        *,
        name: str,
        root: Path,
        url: str,
        workspace_id: int,
        store: Store,
        data: Path | None = None,
        local_url: str | None = None,
        hosts: frozenset[str] = frozenset({"127.0.0.1", "::1", "localhost"}),
        engine: str = "sail",
    ) -> None:
        self.name = name
        self.root = root
        self.data = data or root / "data"
        self.url = url
        self.local_url = local_url or url
        self.hosts = hosts
        self.workspace_id = workspace_id
        self.store = store
        self.engine = engine
        self._services: dict[str, Any] = {}
        self._lock = threading.RLock()

    def _service(self, package: str) -> Any:
        service = self._services.get(package)
        if service is None:
            with self._lock:
                service = self._services.get(package)
                if service is None:
                    service = self._services[package] = loaded(package).build(self)
        return service

    @property
    def identity(self) -> Identity:
        """Principals and tokens."""
        service: Identity = self._service("identity")
        return service

    @property
    def secrets(self) -> Secrets:
        """Secret scopes and values."""
        service: Secrets = self._service("secrets")
        return service

    @property
    def files(self) -> Files:
        """The workspace tree, DBFS, volumes, model and run artifacts."""
        service: Files = self._service("files")
        return service

    @property
    def catalog(self) -> Catalog:
        """Unity Catalog objects."""
        service: Catalog = self._service("catalog")
        return service

    @property
    def compute(self) -> Compute:
        """What executes tasks."""
        service: Compute = self._service("compute")
        return service

    @property
    def clusters(self) -> Clusters:
        """Clusters, and their engines."""
        service: Clusters = self._service("clusters")
        return service

    @property
    def commands(self) -> Commands:
        """Execution contexts on clusters."""
        service: Commands = self._service("commands")
        return service

    @property
    def jobs(self) -> Jobs:
        """Jobs and runs."""
        service: Jobs = self._service("jobs")
        return service

    @property
    def libraries(self) -> Libraries:
        """The libraries of clusters."""
        service: Libraries = self._service("libraries")
        return service

    @property
    def policies(self) -> Policies:
        """Cluster policies."""
        service: Policies = self._service("policies")
        return service

    @property
    def pools(self) -> Pools:
        """Instance pools."""
        service: Pools = self._service("pools")
        return service

    @property
    def global_scripts(self) -> GlobalScripts:
        """Global init scripts."""
        service: GlobalScripts = self._service("global_scripts")
        return service

    @property
    def notifications(self) -> Notifications:
        """Notifications of what runs do."""
        service: Notifications = self._service("notifications")
        return service

    @property
    def registry(self) -> Registry:
        """MLflow tracking and model registry."""
        service: Registry = self._service("registry")
        return service

    @property
    def serving(self) -> Serving:
        """Serving endpoints."""
        service: Serving = self._service("serving")
        return service

    @property
    def sql(self) -> Sql:
        """SQL warehouses, statements and saved queries."""
        service: Sql = self._service("sql")
        return service

    def names_engines(self) -> bool:
        """Whether clients from outside may name a cluster whose engine they mean."""
        return self.clusters.there_are

    def spark_socket(self, lost: str, headers: Mapping[str, str]) -> str:
        """Where a Spark engine of clients from outside listens: their cluster's, or else the one of everybody.

        Args:
            lost: Where it was found not to listen any more; empty at first.
            headers: Those of the first call on the connection, where they were read.

        Raises:
            EngineUnavailable: It does not start.
        """
        found = self.clusters.connected(headers, lost)
        if found is not None:
            return found
        from brickyard.workspace.compute.interactive import EngineFailed
        from brickyard.workspace.tunnel import EngineUnavailable

        try:
            return self.compute.interactive.socket(lost)
        except EngineFailed as error:
            raise EngineUnavailable(f"the engine did not start: {error}") from error

    def recover(self) -> None:
        """Bring back what was active when the workspace last ended."""
        for name in AT_START:
            try:
                service = self._service(name)
                if hasattr(service, "recover"):
                    service.recover()
            except Exception:
                _log.exception("%s could not be recovered", name)
                raise

    def close(self) -> None:
        """Stop what the services run, last built first, then close the database."""
        for name, service in reversed(list(self._services.items())):
            close = getattr(service, "close", None)
            if close is not None:
                _log.info("closing %s", name)
                close()
        self.store.close()
