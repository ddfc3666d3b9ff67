"""Makes clusters and sessions on them, and ends them with the test's workspace."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

from brickyard.workspace.clusters import ClusterRecord
from brickyard.workspace.identity import Principal
from tests.support import wait_for
from tests.workspace.compute.compute_support import Lab

__all__ = ["SIZE", "ClusterLab"]

SIZE: dict[str, Any] = {"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 0}


class ClusterLab:
    """A workspace in this process whose clusters are real."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.workspace = lab.workspace
        self.clusters = lab.workspace.clusters
        self.owner = lab.workspace.identity.owner
        self._numbers = itertools.count(1)
        self._sessions: list[Any] = []

    def __enter__(self) -> ClusterLab:
        return self

    def __exit__(self, *error: object) -> None:
        self.clusters.close()
        self.lab.close()

    def create(self, **more: Any) -> str:
        """Make a cluster."""
        body = {**SIZE, "cluster_name": f"cluster{next(self._numbers)}", **more}
        return self.clusters.create(body, self.owner).id

    def running(self, **more: Any) -> str:
        """Make a cluster and wait until it runs."""
        made = self.create(**more)
        self.wait(made, "RUNNING")
        return made

    def wait(self, cluster_id: str, state: str) -> ClusterRecord:
        """Wait until a cluster is in a state."""
        wait_for(lambda: self.clusters.get(cluster_id).state == state)
        return self.clusters.get(cluster_id)

    def pid(self, cluster_id: str) -> int:
        """The process of a cluster's engine."""
        running = self.clusters.lifecycle.get(cluster_id)
        assert running is not None and running.engine is not None
        return running.engine.pid

    def robot(self) -> tuple[Principal, str]:
        """Somebody who is no administrator, and a token."""
        from databricks.sdk import WorkspaceClient

        w = WorkspaceClient(host=self.workspace.url, token=self.lab.token)
        name = w.service_principals.create(display_name=f"robot{next(self._numbers)}").application_id or ""
        principal = self.workspace.identity.principal_named(name)
        return principal, self.workspace.identity.issue_token(principal, "test")

    def session(self, cluster_id: str, token: str = "") -> Any:
        """A session of a client from outside."""
        from pyspark.sql.connect.session import SparkSession

        port = self.lab.listener.getsockname()[1]
        given = f"token={token or self.lab.token};x-databricks-cluster-id={cluster_id}"
        made = SparkSession.builder.remote(f"sc://localhost:{port}/;{given}").create()
        self._sessions.append(made)
        return made

    def end_sessions(self) -> None:
        """Stop the sessions that a test has made: the first one would go on as the active one of others."""
        while self._sessions:
            with contextlib.suppress(Exception):  # it was refused, or its engine has ended
                self._sessions.pop().stop()

    def events(self, cluster_id: str) -> list[str]:
        """The types of what happened, in order."""
        span = (0, 2**62)
        store = self.clusters.store
        _, found = store.events(cluster_id, types=[], span=span, newest_first=False, offset=0, limit=500)
        return [one.type for one in found]
