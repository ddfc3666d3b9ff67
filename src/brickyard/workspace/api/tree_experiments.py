"""Experiments in the workspace tree: `MLFLOW_EXPERIMENT` in lists and in get-status, deleted like other objects."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ResourceAlreadyExists, ResourceDoesNotExist
from brickyard.workspace.files.errors import DirectoryNotEmpty
from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.registry.tracking import experiment_securable
from brickyard.workspace.registry.trash import discard

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.registry.experiments import ExperimentNode
    from brickyard.workspace.workspace import Workspace

__all__ = ["delete_experiment", "delete_experiments_below", "experiment_at", "experiments_in", "require_no_experiment"]

Info = dict[str, object]


def experiment_at(workspace: Workspace, path: str) -> Info:
    """The experiment at a path where the tree itself has nothing.

    Raises:
        ResourceDoesNotExist: There is none either.
    """
    path = tree_path(path)
    found = workspace.registry.experiments.at(path)
    if found is None:
        raise ResourceDoesNotExist(f"Path ({path}) doesn't exist.")
    return _info(found)


def experiments_in(workspace: Workspace, principal: Principal, folder: str) -> list[Info]:
    """The experiments directly in a folder that the principal may read; a notebook's is the notebook."""
    allows, find = workspace.identity.permissions.allows, workspace.files.tree.find
    return [
        _info(node)
        for node in workspace.registry.experiments.inside(tree_path(folder))
        if find(node.path) is None and allows(principal, experiment_securable(node.id, node.path), "CAN_READ")
    ]


def delete_experiment(workspace: Workspace, path: str) -> bool:
    """Move the experiment at a path to the trash; whether there was one."""
    found = workspace.registry.experiments.at(tree_path(path))
    if found is not None:
        workspace.registry.tracking.ask_now(partial(_discard, found.id))
    return found is not None


def delete_experiments_below(workspace: Workspace, folder: str, *, recursive: bool) -> None:
    """Move the experiments of a folder that is about to be deleted to the trash.

    Raises:
        DirectoryNotEmpty: There are some, and the call is not recursive.
    """
    folder = tree_path(folder)
    for node in workspace.registry.experiments.below(folder):
        if not recursive:
            raise DirectoryNotEmpty(f"Folder ({folder}) is not empty.")
        workspace.registry.tracking.ask_now(partial(_discard, node.id))


def require_no_experiment(workspace: Workspace, path: str) -> None:
    """Refuse where an experiment has a path that is about to be something else's.

    Raises:
        ResourceAlreadyExists: There is one.
    """
    path = tree_path(path)
    if workspace.files.tree.find(path) is None and workspace.registry.experiments.at(path) is not None:
        raise ResourceAlreadyExists(f"An experiment is at {path} already.")


def _discard(experiment_id: str, store: Any) -> None:
    discard(store, experiment_id)


def _info(node: ExperimentNode) -> Info:
    known = {"created_at": node.created_at, "modified_at": node.modified_at}
    return {
        "object_type": "MLFLOW_EXPERIMENT",
        "path": node.path,
        "object_id": int(node.id),
        "resource_id": node.id,
        **{name: value for name, value in known.items() if value is not None},
    }
