"""A plan: what a deploy would do, as data that can be shown, saved, and applied later."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from brickyard import __version__
from brickyard.errors import UsageError
from brickyard.plan.compare import FieldChange
from brickyard.project.types import TYPES

__all__ = ["Action", "FileChange", "Plan", "ResourceChange"]

Action = Literal["create", "update", "recreate", "delete", "skip"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What happens to one resource.

    Args:
        address: The resource, `type.key`.
        action: What is done; `skip` leaves it as it is.
        name: What the workspace calls it.
        reason: Why, in a clause.
        id: Its id in the workspace, if it is there.
        config: What it shall be; None for a deletion.
        depends_on: The addresses of what must be there before it.
        changes: The fields that change.
        refresh: Whether the state must be written although the resource is as it should be.
    """

    address: str
    action: Action
    name: str
    reason: str
    id: str | None = None
    config: Mapping[str, Any] | None = None
    depends_on: tuple[str, ...] = ()
    changes: tuple[FieldChange, ...] = ()
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is uploaded or deleted.

    Args:
        action: What is done.
        path: Where it is uploaded, with its suffix.
        stored: The path the workspace keeps it under.
        source: The file relative to the project's root; None for a deletion.
        sha256: The hash of its content; None for a deletion.
        size: Its size in bytes.
        drifted: Whether it was deployed before, and the workspace does not have it as it was.
    """

    action: Literal["upload", "delete"]
    path: str
    stored: str
    source: str | None = None
    sha256: str | None = None
    size: int = 0
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy would do to one workspace.

    Args:
        bundle: The bundle's name.
        target: The target.
        host: The workspace's address.
        root_path: The deployment's directory in it.
        lineage: The state's lineage; None before the first deployment.
        serial: The state's serial; a plan is refused once it moved.
        resources: Every resource of the project or the state, in the order of creation.
        files: The files that change.
    """

    bundle: str
    target: str
    host: str
    root_path: str
    lineage: str | None
    serial: int
    resources: tuple[ResourceChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    plan_version: int = _VERSION
    tool_version: str = field(default=__version__)

    @property
    def changed(self) -> tuple[ResourceChange, ...]:
        """The resources that something happens to."""
        return tuple(change for change in self.resources if change.action != "skip")

    @property
    def is_empty(self) -> bool:
        """Whether everything is as it should be."""
        return not self.changed and not self.files and not any(change.refresh for change in self.resources)

    @property
    def destructive(self) -> tuple[ResourceChange, ...]:
        """The resources that would be deleted, for good or to be created again."""
        return tuple(change for change in self.resources if change.action in ("delete", "recreate"))

    def to_json(self) -> str:
        """The plan as text that `from_json` reads."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read a saved plan.

        Raises:
            UsageError: The text is not a plan of this version of the tool.
        """
        try:
            data = json.loads(text)
            if data["plan_version"] != _VERSION:
                raise UsageError(f"the plan has version {data['plan_version']}", next="make it again")
            resources = tuple(_resource(item) for item in data.pop("resources"))
            files = tuple(FileChange(**item) for item in data.pop("files"))
            return cls(resources=resources, files=files, **data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError("the file is not a plan", next="make one with `brickyard plan -o json`") from error


def _resource(item: dict[str, Any]) -> ResourceChange:
    changes = tuple(FieldChange(**change) for change in item.pop("changes"))
    found = ResourceChange(changes=changes, depends_on=tuple(item.pop("depends_on")), **item)
    kind, _, key = found.address.partition(".")
    if kind not in TYPES or not key or found.action not in get_args(Action):
        raise ValueError(f"nothing can {found.action} {found.address}")
    if not isinstance(found.config, type(None) if found.action == "delete" else Mapping):
        raise TypeError(f"{found.address} has no configuration")
    return found
