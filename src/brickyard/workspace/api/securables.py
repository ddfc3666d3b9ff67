"""The objects that have permissions: how the vendor's API names them, and the access checks that families declare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.identity.permissions import Securable, tree_object

if TYPE_CHECKING:
    from brickyard.workspace.workspace import Workspace

__all__ = ["SECURABLES", "SecurableKind"]

_CAN = {
    "CAN_READ": "Can read and comment",
    "CAN_VIEW": "Can view",
    "CAN_RUN": "Can view, comment and run",
    "CAN_QUERY": "Can view and query",
    "CAN_ATTACH_TO": "Can attach to it, or make clusters with it",
    "CAN_RESTART": "Can attach to, start, restart and terminate",
    "CAN_USE": "Can use",
    "CAN_EDIT": "Can view, run and edit",
    "CAN_MONITOR": "Can use and monitor",
    "CAN_MANAGE_RUN": "Can view, start and cancel runs",
    "CAN_MANAGE_STAGING_VERSIONS": "Can edit, and manage versions in staging",
    "CAN_MANAGE_PRODUCTION_VERSIONS": "Can edit, and manage versions in staging and production",
    "CAN_MANAGE": "Can do everything, and change permissions",
    "IS_OWNER": "Owns it, and can do everything",
}


@dataclass(frozen=True)
class SecurableKind:
    """A type of object in `/api/2.0/permissions/{type}/{id}`.

    Attributes:
        levels: The key of its levels.
        find: The object with an id; raises `ResourceDoesNotExist`.
        type: What answers call it.
        root: From where administrators inherit their level; nothing where they are granted it openly.
        highest: That level.
    """

    levels: str
    find: Callable[[Workspace, str], Securable]
    type: str
    root: Securable | None = None
    highest: str = "CAN_MANAGE"

    def type_of(self, object_id: str) -> str:
        """What answers call the object; of `authorization`, `tokens` and `passwords` are objects."""
        return object_id if self.levels == "authorization" else self.type

    def describe(self, level: str) -> str:
        """What a level allows, for people."""
        return _CAN[level]

    def address(self, workspace: Workspace, source: Securable) -> str:
        """How answers name an object from which a permission is inherited."""
        if source.kind != "tree":
            return f"/{source.kind}/{source.id}"
        found = None if source.id == "/" else workspace.files.tree.find(source.id)
        if found is None:  # the root, or a folder that a task has removed from the disk
            return f"/directories/{0 if source.id == '/' else source.id}"
        return f"/{_PLURALS.get(found.kind, 'files')}/{found.id}"


_PLURALS = {"DIRECTORY": "directories", "NOTEBOOK": "notebooks", "FILE": "files", "REPO": "repos"}


def _in_tree(*kinds: str) -> Callable[[Workspace, str], Securable]:
    def find(workspace: Workspace, object_id: str) -> Securable:
        if object_id == "0" and "DIRECTORY" in kinds:
            return tree_object("/")
        path = workspace.files.tree.path_of(object_id)
        found = workspace.files.tree.get(path)
        if found.kind not in kinds:
            raise InvalidParameterValue(f"{path} ({object_id}) is a {found.kind}: ask for {_PLURALS[found.kind]}")
        return tree_object(path)

    return find


def _job(workspace: Workspace, object_id: str) -> Securable:
    try:
        return workspace.jobs.securable(
            int(object_id) if object_id.isascii() and object_id.isdecimal() and len(object_id) <= 18 else -1
        )
    except InvalidParameterValue as error:  # what calls of jobs answer
        raise ResourceDoesNotExist(f"Job {object_id} does not exist.") from error


def _experiment(workspace: Workspace, object_id: str) -> Securable:
    return workspace.registry.tracking.securable(object_id)


def _model(workspace: Workspace, object_id: str) -> Securable:
    return workspace.registry.workspace_models.with_id(object_id)


def _endpoint(workspace: Workspace, object_id: str) -> Securable:
    return workspace.serving.securable_with_id(object_id)


def _warehouse(workspace: Workspace, object_id: str) -> Securable:
    return workspace.sql.warehouses.securable(object_id)


def _cluster(workspace: Workspace, object_id: str) -> Securable:
    try:
        return workspace.clusters.securable(object_id)
    except InvalidParameterValue as error:  # what calls of clusters answer
        raise ResourceDoesNotExist(error.message) from error


def _saved_query(workspace: Workspace, object_id: str) -> Securable:
    return workspace.sql.queries.securable(object_id)


def _policy(workspace: Workspace, object_id: str) -> Securable:
    return workspace.policies.securable(object_id)


def _pool(workspace: Workspace, object_id: str) -> Securable:
    return workspace.pools.securable(object_id)


def _authorization(workspace: Workspace, object_id: str) -> Securable:
    if object_id not in ("tokens", "passwords"):
        raise ResourceDoesNotExist(
            f"There is no object {object_id!r} of authorization; there are tokens and passwords."
        )
    return Securable("authorization", object_id)


SECURABLES = {
    "directories": SecurableKind("tree", _in_tree("DIRECTORY", "REPO"), "directory"),
    "notebooks": SecurableKind("tree", _in_tree("NOTEBOOK"), "notebook"),
    "files": SecurableKind("tree", _in_tree("FILE"), "file"),
    "repos": SecurableKind("tree", _in_tree("REPO"), "repo"),
    "jobs": SecurableKind("jobs", _job, "job", Securable("jobs", "")),
    "experiments": SecurableKind("experiments", _experiment, "mlflowExperiment", Securable("experiments", "")),
    "registered-models": SecurableKind(
        "registered-models", _model, "registered-model", Securable("registered-models", "root")
    ),
    "serving-endpoints": SecurableKind(
        "serving-endpoints", _endpoint, "serving-endpoint", Securable("serving-endpoints", "")
    ),
    "warehouses": SecurableKind("warehouses", _warehouse, "warehouses", Securable("warehouses", "")),
    "clusters": SecurableKind("clusters", _cluster, "cluster", Securable("clusters", "")),
    "queries": SecurableKind("queries", _saved_query, "query", Securable("queries", "")),
    "cluster-policies": SecurableKind(
        "cluster-policies", _policy, "cluster-policy", Securable("cluster-policies", ""), "CAN_USE"
    ),
    "instance-pools": SecurableKind("instance-pools", _pool, "instance-pool", Securable("instance-pools", "")),
    "authorization": SecurableKind("authorization", _authorization, "tokens", Securable("authorization", "")),
}
