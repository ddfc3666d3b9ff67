"""What the last deployment left behind: the resources with their ids, and the files with their hashes."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from brickyard.errors import DeploymentError
from brickyard.plan.connect import calling
from brickyard.plan.remote_files import RemoteFiles

__all__ = ["DeployedFile", "DeployedResource", "Files", "State", "StateStore"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """A resource that a deployment created.

    Args:
        id: What the workspace calls it; None while its creation is under way.
        config: What was last applied.
        remote: What the workspace said it was right after that; what differs from it later has drifted.
        depends_on: The addresses of what it refers to.
        pending: `create`, `update`, `recreate` or `delete` while that is under way, so that a later
            deployment can tell what it must complete.
    """

    id: str | None
    config: Mapping[str, Any]
    remote: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The state of a deployment.

    Args:
        lineage: Names this deployment for good; a new one begins after `destroy`.
        serial: Counts the deployments that changed something.
        resources: The resources by address, `type.key`.
    """

    lineage: str
    serial: int = 0
    resources: Mapping[str, DeployedResource] = field(default_factory=dict)

    def with_resource(self, address: str, resource: DeployedResource | None) -> State:
        """The state with one resource replaced, or forgotten."""
        resources = {**self.resources}
        if resource is None:
            resources.pop(address, None)
        else:
            resources[address] = resource
        return dataclasses.replace(self, resources=resources)


@dataclass(frozen=True, slots=True)
class DeployedFile:
    """A file that a deployment uploaded.

    Args:
        sha256: The hash of its content; None while its upload is under way.
        modified_at: When the workspace says it was last changed, in milliseconds; None if that is not known.
    """

    sha256: str | None
    modified_at: int | None = None


# The uploaded files by their path in the workspace.
Files = Mapping[str, DeployedFile]


class StateStore:
    """Keeps the state in the workspace, below the deployment's `state_path`."""

    def __init__(self, files: RemoteFiles, state_path: str) -> None:
        self._files = files
        self._resources_path = f"{state_path}/resources.json"
        self._files_path = f"{state_path}/deployment.json"

    @property
    def path(self) -> str:
        """Where the resources' state is."""
        return self._resources_path

    def load(self) -> State | None:
        """The state, or None before the first deployment.

        Raises:
            DeploymentError: The file is not a state of this tool.
        """
        with calling("read the deployment's state", self._resources_path):
            content = self._files.read(self._resources_path)
        if content is None:
            return None
        data = self._parsed(content, self._resources_path)
        try:
            resources = {
                address: DeployedResource(**{**item, "depends_on": tuple(item.get("depends_on", ()))})
                for address, item in data["resources"].items()
            }
            return State(data["lineage"], data["serial"], resources)
        except (KeyError, TypeError, AttributeError) as error:
            raise self._foreign(self._resources_path) from error

    @staticmethod
    def new() -> State:
        """The state of a deployment that has not happened."""
        return State(lineage=str(uuid.uuid4()))

    def save(self, state: State) -> None:
        """Write the state."""
        data = {"version": _VERSION, "tool": "brickyard", **dataclasses.asdict(state)}
        with calling("save the deployment's state", self._resources_path):
            self._files.write(self._resources_path, _json(data))

    def load_files(self) -> Files:
        """The files of the last deployment."""
        with calling("read the deployment's files", self._files_path):
            content = self._files.read(self._files_path)
        if content is None:
            return {}
        files = self._parsed(content, self._files_path).get("files")
        if not isinstance(files, dict):
            raise self._foreign(self._files_path)
        try:
            return {path: _file(item) for path, item in files.items()}
        except TypeError as error:
            raise self._foreign(self._files_path) from error

    def save_files(self, files: Files) -> None:
        """Write the files' hashes."""
        with calling("save the deployment's files", self._files_path):
            listed = {path: dataclasses.asdict(file) for path, file in files.items()}
            data = {"version": _VERSION, "tool": "brickyard", "files": listed}
            self._files.write(self._files_path, _json(data))

    def delete(self) -> None:
        """Forget the deployment."""
        for path in (self._resources_path, self._files_path):
            with calling("delete the deployment's state", path):
                self._files.delete(path)

    def _parsed(self, content: bytes, path: str) -> dict[str, Any]:
        try:
            data = json.loads(content)
        except ValueError as error:
            raise self._foreign(path) from error
        if not isinstance(data, dict) or data.get("tool") != "brickyard" or data.get("version") != _VERSION:
            raise self._foreign(path)
        return data

    @staticmethod
    def _foreign(path: str) -> DeploymentError:
        return DeploymentError(
            "the deployment's state is damaged, or was not written by this version of the tool",
            where=path,
            next="choose another `workspace.root_path`, or move the file away: "
            "`brickyard deploy --adopt` then takes over what is there",
        )


def _file(item: Any) -> DeployedFile:
    """A file as it was written; earlier it was its hash alone."""
    return DeployedFile(item) if item is None or isinstance(item, str) else DeployedFile(**item)


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, indent=1, sort_keys=True).encode()
