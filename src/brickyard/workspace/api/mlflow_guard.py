"""What a principal may do with experiments, what belongs to them, and models of the workspace's registry."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import ApiError, PermissionDenied
from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.identity.permissions import Securable
from brickyard.workspace.registry.tracking import experiment_securable

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Guard"]

_WORDS = {"CAN_READ": "View", "CAN_EDIT": "Edit", "CAN_MANAGE": "Manage"}
_STAGES = ("none", "archived", "staging")  # those that whoever manages versions in staging may move them between


class Guard:
    """Refuses what a principal may not do; every check may be called for administrators too.

    Args:
        workspace: Whose objects they are.
        principal: Who asks.
    """

    def __init__(self, workspace: Workspace, principal: Principal) -> None:
        self._workspace = workspace
        self._principal = principal
        self._tracking = workspace.registry.tracking
        self._models = workspace.registry.workspace_models
        self._permissions = workspace.identity.permissions

    def experiments(self, experiment_ids: Sequence[str], level: str) -> None:
        """Refuse unless the principal has a level on each of the experiments."""
        for experiment_id in dict.fromkeys(experiment_ids):
            self._require(self._tracking.securable(experiment_id), level)

    def experiment_named(self, name: str, level: str) -> None:
        """Refuse unless the principal has a level on the experiment of a name, where there is one."""
        found = self._tracking.ask_now(lambda store: store.get_experiment_by_name(name))
        if found is not None:
            self._require(experiment_securable(found.experiment_id, found.name), level)

    def new_experiment(self, name: str) -> None:
        """Refuse unless the principal may put an experiment at a path: edit its folder, or run the notebook there."""
        path = tree_path(name)
        found = self._workspace.files.tree.find(path)
        if found is not None and found.kind == "NOTEBOOK":
            self._workspace.files.access.require(self._principal, path, "CAN_RUN")
        else:
            self._workspace.files.access.require(self._principal, posixpath.dirname(path), "CAN_EDIT")

    def discard_experiment(self, experiment_id: str) -> None:
        """Refuse unless the principal may delete an experiment, or restore it: manage it, or edit its folder."""
        securable = self._tracking.securable(experiment_id)
        folder = securable.parent.parent if securable.parent is not None else None
        if folder is None or not self._permissions.allows(self._principal, folder, "CAN_EDIT"):
            self._require(securable, "CAN_MANAGE")

    def sees_experiment(self, experiment_id: str, name: str) -> bool:
        """Whether an experiment is one that the principal may know of."""
        return self._permissions.allows(self._principal, experiment_securable(experiment_id, name), "CAN_READ")

    def runs(self, run_ids: Sequence[str], level: str) -> None:
        """Refuse unless the principal has a level on the experiment of each of the runs."""
        self.experiments([self._tracking.experiment_of("run", run_id) for run_id in run_ids], level)

    def runs_there(self, run_ids: Sequence[str], level: str) -> None:
        """As `runs`; other workspaces' runs may be named as well."""
        for run_id in run_ids:
            try:
                self.runs([run_id], level)
            except ApiError as error:
                if error.status != 404:
                    raise

    def logged_models(self, model_ids: Sequence[str], level: str) -> None:
        """Refuse unless the principal has a level on the experiment of each of the logged models."""
        self.experiments([self._tracking.experiment_of("model", model_id) for model_id in model_ids], level)

    def traces(self, trace_ids: Sequence[str], level: str) -> None:
        """Refuse unless the principal has a level on the experiment of each of the traces, where there is one."""
        found: Any = self._tracking.ask_now(lambda store: store.batch_get_trace_infos(list(trace_ids)))
        self.experiments([one.experiment_id for one in found], level)

    def datasets(self, dataset_ids: Sequence[str], level: str) -> None:
        """Refuse unless the principal has a level on all experiments that use each of the datasets."""
        for dataset_id in dataset_ids:
            self._tracking.ask_now(partial(_dataset, dataset_id))
            found: list[str] = self._tracking.ask_now(partial(_experiments_of, dataset_id))
            if not found and not self._principal.is_admin:
                raise PermissionDenied(f"Only administrators may use the dataset {dataset_id}: no experiment has it.")
            self.experiments(found, level)

    def model(self, name: str, level: str) -> None:
        """Refuse unless the principal has a level on a model of the workspace's registry."""
        self._require(self._models.record(name).securable, level, f"registered model {name}")

    def sees_model(self, name: str) -> bool:
        """Whether a model is one that the principal may know of."""
        return self._permissions.allows(self._principal, self._models.record(name).securable, "CAN_READ")

    def transition(self, name: str, version: str, stage: str) -> None:
        """Refuse unless the principal may move a version from the stage that it is in to another."""
        self.model(name, "CAN_READ")
        found: Any = self._tracking.ask_models(lambda store: store.get_model_version(name, version))
        quiet = stage.lower() in _STAGES and found.current_stage.lower() in _STAGES
        self.model(name, "CAN_MANAGE_STAGING_VERSIONS" if quiet else "CAN_MANAGE_PRODUCTION_VERSIONS")

    def _require(self, securable: Securable, level: str, what: str = "") -> None:
        if not self._permissions.allows(self._principal, securable, level):
            word = _WORDS.get(level, level.removeprefix("CAN_").replace("_", " ").title())
            named = what or f"experiment with id {securable.id}"
            raise PermissionDenied(f"User {self._principal.user_name} does not have permission to '{word}' {named}")


def _dataset(dataset_id: str, store: Any) -> None:
    store.get_dataset(dataset_id)  # raises where there is none


def _experiments_of(dataset_id: str, store: Any) -> list[str]:
    found: list[str] = store.get_dataset_experiment_ids(dataset_id)
    return found
