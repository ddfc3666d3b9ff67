"""The libraries of one workspace's clusters: installed when they start and while they run, and what became of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.runtime.redaction import without_passwords
from brickyard.workspace.api.errors import ApiError, InvalidParameterValue, PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.compute.environments import LibraryError
from brickyard.workspace.compute.installers import InstallationStopped, Installers
from brickyard.workspace.libraries.access import unreadable
from brickyard.workspace.libraries.installation import install
from brickyard.workspace.libraries.kinds import check_library, label_of, name_of, uninstallable, words_of
from brickyard.workspace.libraries.records import LibraryRecord, LibraryStore

if TYPE_CHECKING:
    from brickyard.workspace.clusters.records import ClusterRecord
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Libraries"]

_log = logging.getLogger(__name__)
_LIVE = ("PENDING", "RUNNING", "RESTARTING", "RESIZING")
_MOST = 500
Library = Mapping[str, Any]


class Libraries:
    """What each cluster is to have is in the database; what became of it belongs to the cluster's life, and is not."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._store = LibraryStore(workspace.store)
        self._statuses: dict[str, dict[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._installers: dict[str, Installers] = {}  # of clusters that are not ended

    def install(self, cluster: ClusterRecord, libraries: Any, by: Principal) -> None:
        """Give libraries to a cluster: at once where it runs, else when it starts. Returns before they are there.

        Raises:
            InvalidParameterValue: There are none, or one that cannot be installed here.
            PermissionDenied: The principal may not read a file.
        """
        wanted = self._checked(cluster, libraries)
        for library in wanted:
            self._require_files(library, by)
        self._store.add(cluster.id, wanted, by.id)
        if cluster.state in _LIVE:
            threading.Thread(target=self._install_now, args=[cluster], name="cluster-libraries", daemon=True).start()

    def uninstall(self, cluster: ClusterRecord, libraries: Any) -> None:
        """Take libraries from a cluster: with its next restart where they are installed, else at once.

        Raises:
            InvalidParameterValue: There are none.
        """
        kept, asked = self._store.of(cluster.id), self._checked(cluster, libraries)
        names = {one.name for one in kept} & {name_of(one) for one in asked}
        # The others may be named as the statuses show them, without passwords.
        shown = {_shown_name(one) for one in asked if name_of(one) not in names}
        names |= {one.name for one in kept if _shown_name(one.library) in shown}
        if cluster.state == "TERMINATED":
            self._store.remove(cluster.id, names)
        else:
            self._store.leave(cluster.id, names)

    def statuses(self, cluster: ClusterRecord) -> list[dict[str, Any]]:
        """The vendor's `LibraryFullStatus` of each: those of the cluster, its policy's, those that leave.

        Passwords in the addresses of package indexes are not shown: who may use a cluster may read its statuses.
        """
        with self._lock:
            current = {} if cluster.state == "TERMINATED" else dict(self._statuses.get(cluster.id, {}))
        records = self._store.of(cluster.id)
        found = [self._status(one.library, current) for one in records if not one.leaving]
        names = {one.name for one in records}
        found += [dict(one) for name, one in current.items() if name not in names]
        leaving = [one for one in records if one.leaving]
        found += [{**self._status(one.library, current), "status": "UNINSTALL_ON_RESTART"} for one in leaving]
        return [without_passwords(one) for one in found]

    def told(self, cluster: ClusterRecord) -> list[tuple[str, str]]:
        """The status of each library, and a line that says it with its messages."""
        found = [(one["status"], label_of(one["library"]), one["messages"]) for one in self.statuses(cluster)]
        return [(status, " ".join([f"library {label}: {status}", *messages])) for status, label, messages in found]

    def clusters(self) -> list[str]:
        """The clusters for which there are statuses."""
        return sorted({*self._store.clusters(), *self._statuses})

    def at_start(self, cluster: ClusterRecord) -> list[str]:
        """Install what a cluster is to have, now that it starts; where that is.

        What cannot be installed does not keep the cluster from starting, as on the service; its status says so.
        """
        self._store.remove(cluster.id)
        with self._lock:
            self._statuses[cluster.id] = {}
        return self._installed(cluster)

    def begin(self, cluster_id: str) -> None:
        """A cluster's life begins: libraries can be installed for it, until `stop`."""
        with self._lock:
            self._installers[cluster_id] = Installers()

    def stop(self, cluster_id: str) -> None:
        """The cluster's life is over: what is still being installed for it ends."""
        with self._lock:
            installers = self._installers.pop(cluster_id, None)
        if installers is not None:
            installers.stop()

    def forget(self, cluster_id: str) -> None:
        """Remove what is known of a cluster that is gone."""
        self._store.forget(cluster_id)
        with self._lock:
            self._statuses.pop(cluster_id, None)
            self._turns.pop(cluster_id, None)

    def _install_now(self, cluster: ClusterRecord) -> None:
        for directory in reversed(self._installed(cluster)):
            self._workspace.clusters.add_search_path(cluster.id, directory)

    def _installed(self, cluster: ClusterRecord) -> list[str]:
        """Install all that a cluster is to have; one installation of a cluster follows the other."""
        with self._lock:
            turn = self._turns.setdefault(cluster.id, threading.Lock())
            installers = self._installers.get(cluster.id)
        if installers is None:  # it has ended just now
            return []
        with turn:
            wanted = self._wanted(cluster)
            try:
                with installers.here():
                    directory = self._install(cluster.id, wanted)
            except InstallationStopped:
                return []
            except Exception as error:  # the cluster starts without them, and their statuses say why
                _log.exception("libraries of cluster %s could not be installed", cluster.id)
                self._tell(cluster.id, wanted, "FAILED", f"{type(error).__name__}: {error}")
                return []
        return [] if directory is None else [str(directory)]

    def _install(self, cluster_id: str, wanted: Sequence[Library]) -> Path | None:
        fresh = [one for one in wanted if self._state(cluster_id, one) != "INSTALLED"]
        self._tell(cluster_id, fresh, "RESOLVING")
        readable = [one for one in wanted if self._can_be_tried(cluster_id, one)]
        self._tell(cluster_id, [one for one in fresh if one in readable], "INSTALLING")
        done = install(readable, self._workspace.compute.library_environment)
        for library in readable:
            why = done.failures.get(name_of(library))
            if why is None:
                self._tell(cluster_id, [library], "INSTALLED")
            else:
                self._tell(cluster_id, [library], "FAILED", _failed(cluster_id, why))
        return done.directory

    def _wanted(self, cluster: ClusterRecord) -> list[Library]:
        """The cluster's own, then those of its policy."""
        found: list[Library] = [one.library for one in self._store.of(cluster.id)]
        policy_id = cluster.definition.get("policy_id")
        if policy_id:
            try:
                found += self._workspace.policies.get(policy_id).libraries
            except ResourceDoesNotExist:
                _log.info("the policy of cluster %s is gone, and its libraries with it", cluster.id)
        return list({name_of(one): one for one in found}.values())

    def _can_be_tried(self, cluster_id: str, library: Library) -> bool:
        """Whether such libraries can be installed, and who added it may read its files still; else its status says."""
        why = uninstallable(library)
        if why is not None:
            self._tell(cluster_id, [library], "FAILED", _failed(cluster_id, why))
            return False
        record = next((one for one in self._store.of(cluster_id) if one.name == name_of(library)), None)
        if record is None:  # a policy's: an administrator wrote it
            return True
        try:
            self._require_files(library, self._adder(record))
        except (ApiError, LibraryError) as error:
            self._tell(cluster_id, [library], "FAILED", _failed(cluster_id, str(error)))
            return False
        return True

    def _adder(self, record: LibraryRecord) -> Principal:
        try:
            return self._workspace.identity.principals.get(record.added_by)
        except ResourceDoesNotExist as error:
            raise LibraryError("who added the library is no principal of the workspace any more") from error

    def _require_files(self, library: Library, by: Principal) -> None:
        path = unreadable(self._workspace, words_of(library), by)
        if path is not None:
            raise PermissionDenied(f"{by.user_name} may not read {path}, from which a library would be installed")

    def _checked(self, cluster: ClusterRecord, libraries: Any) -> list[dict[str, Any]]:
        from databricks.sdk.service.compute import Policy

        check_shape(Policy, {"libraries": libraries})  # the SDK has no type for this body; a policy has such a list
        if not libraries:
            raise InvalidParameterValue("libraries is required: a list with at least one library")
        if len(libraries) > _MOST:
            raise InvalidParameterValue(f"libraries has at most {_MOST} libraries, not {len(libraries)}")
        for library in libraries:
            check_library(f"cluster {cluster.id}", library)
        return [{name: value for name, value in one.items() if value} for one in libraries]

    def _state(self, cluster_id: str, library: Library) -> str:
        with self._lock:
            found = self._statuses.get(cluster_id, {}).get(name_of(library), {})
        return str(found.get("status", "PENDING"))

    def _tell(self, cluster_id: str, libraries: Iterable[Library], status: str, message: str = "") -> None:
        with self._lock:
            known = self._statuses.get(cluster_id, {})  # kept nowhere for a cluster that has been deleted meanwhile
            for library in libraries:
                messages = [message] if message else []
                known[name_of(library)] = {"library": dict(library), "status": status, "messages": messages}

    @staticmethod
    def _status(library: Library, current: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        return dict(current.get(name_of(library), {"library": dict(library), "status": "PENDING", "messages": []}))


def _shown_name(library: Library) -> str:
    """What tells a library from others in the statuses."""
    return name_of(without_passwords(dict(library)))


def _failed(cluster_id: str, why: str) -> str:
    return f"Library installation attempted on the driver node of cluster {cluster_id} and failed. Error message: {why}"
