"""The steps of a plan, one class each; applying and explaining share them, so that they cannot differ."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.plan.definition import FileChange, Plan, ResourceChange

__all__ = ["ChangeResource", "DeleteFiles", "DeleteResource", "RefreshState", "Stage", "UploadFiles", "stages_of"]


@dataclass(frozen=True, slots=True)
class UploadFiles:
    """Upload the files that are new or changed, several at a time."""

    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class ChangeResource:
    """Create a resource, change it in place, or create it again."""

    change: ResourceChange


@dataclass(frozen=True, slots=True)
class RefreshState:
    """Note in the state how a resource is; the resource itself is as it should be."""

    change: ResourceChange


@dataclass(frozen=True, slots=True)
class DeleteResource:
    """Delete a resource that the project does not declare any more."""

    change: ResourceChange


@dataclass(frozen=True, slots=True)
class DeleteFiles:
    """Delete the files that are no longer part of the project."""

    files: tuple[FileChange, ...]


Stage = UploadFiles | ChangeResource | RefreshState | DeleteResource | DeleteFiles


def stages_of(plan: Plan) -> tuple[Stage, ...]:
    """The steps of a plan in their order: what jobs run is there before they change, and leaves after them."""
    stages: list[Stage] = []
    uploads = tuple(file for file in plan.files if file.action == "upload")
    if uploads:
        stages.append(UploadFiles(uploads))
    for change in plan.resources:
        if change.action in ("create", "update", "recreate"):
            stages.append(ChangeResource(change))
        elif change.action == "skip" and change.refresh:
            stages.append(RefreshState(change))
    stages += [DeleteResource(change) for change in plan.resources if change.action == "delete"]
    deleted = tuple(file for file in plan.files if file.action == "delete")
    if deleted:
        stages.append(DeleteFiles(deleted))
    return tuple(stages)
