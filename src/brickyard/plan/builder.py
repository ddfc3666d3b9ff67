"""Builds a plan from the project, the state and the workspace; changes nothing."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Any

from brickyard.errors import DeploymentError
from brickyard.plan.artifacts import with_uploaded_wheels
from brickyard.plan.compare import compare
from brickyard.plan.connect import Connection
from brickyard.plan.definition import FileChange, Plan, ResourceChange
from brickyard.plan.kinds import kind_of
from brickyard.plan.look import Sight, look_at, look_for
from brickyard.plan.references import fill
from brickyard.plan.state import DeployedResource, Files, State
from brickyard.plan.sync import LocalFile, local_files
from brickyard.project.project import Project, Resource

__all__ = ["build_plan", "destruction_plan", "resource_changes"]

# They are inside what they depend on, and go when it goes.
_CONTAINED = ("schemas", "volumes", "registered_models")

_Draft = functools.partial[ResourceChange]


def build_plan(
    project: Project, connection: Connection, state: State | None, files: Files, *, adopt: bool = False
) -> Plan:
    """Build the plan of a deploy.

    Args:
        project: The project, resolved for the signed-in user; its wheels are built.
        connection: The workspace.
        state: The state of the last deployment, or None.
        files: The files of the last deployment.
        adopt: Whether a resource that is there already and was not deployed from here is taken over.

    Raises:
        DeploymentError: A resource is there already, or must not be deleted.
    """
    known = state or State(lineage="")
    uploads = local_files(project)
    configs: dict[str, Mapping[str, Any]] = {}
    for resource in project.resources:
        configs[resource.address], wheels = _config(resource, project)
        uploads.update(wheels)
    _refuse_missing(project, configs, uploads)
    filled = {
        address: fill(config, known.resources, strict=False, where=address) for address, config in configs.items()
    }
    seen = look_at(project.resources, filled, known, connection)
    gone = look_for([address for address in known.resources if address not in configs], known, connection)
    changes = resource_changes(_in_order(project.resources), configs, known, seen, adopt=adopt)
    return _plan(
        project, connection, state, [*changes, *_deletions(gone, known)], _file_changes(project, uploads, files)
    )


def destruction_plan(project: Project, connection: Connection, state: State) -> Plan:
    """Build the plan that deletes everything the deployment created.

    Raises:
        DeploymentError: A resource must not be deleted.
    """
    for resource in project.resources:
        if resource.address in state.resources:
            _refuse_if_protected(resource)
    return _plan(project, connection, state, _deletions(look_for(state.resources, state, connection), state), ())


def _refuse_missing(
    project: Project, configs: Mapping[str, Mapping[str, Any]], uploads: Mapping[str, LocalFile]
) -> None:
    """A job whose notebook stays behind would be deployed, and fail when it runs."""
    below = f"{project.workspace.file_path}/"
    for resource in project.resources:
        for task in configs[resource.address].get("tasks") or ():
            for kind, field in (("notebook_task", "notebook_path"), ("spark_python_task", "python_file")):
                path = str((task.get(kind) or {}).get(field) or "")
                if path.startswith(below) and path not in uploads:
                    raise DeploymentError(
                        f"the task '{task.get('task_key')}' runs '{path.removeprefix(below)}', which is not uploaded",
                        where=f"{resource.address} ({resource.at})",
                        next="take it out of .gitignore and of `sync.exclude`, or name it in `sync.include`",
                    )


def _plan(
    project: Project,
    connection: Connection,
    state: State | None,
    resources: Iterable[ResourceChange],
    files: tuple[FileChange, ...],
) -> Plan:
    return Plan(
        bundle=project.bundle_name,
        target=project.target,
        host=connection.host,
        root_path=project.workspace.root_path,
        lineage=state.lineage if state else None,
        serial=state.serial if state else 0,
        resources=tuple(resources),
        files=files,
    )


def _config(resource: Resource, project: Project) -> tuple[dict[str, Any], dict[str, LocalFile]]:
    if resource.type != "jobs":
        return dict(resource.config), {}
    job, wheels = with_uploaded_wheels(resource.config, project, f"{resource.address} ({resource.at})")
    job["deployment"] = {"kind": "BUNDLE", "metadata_file_path": f"{project.workspace.state_path}/metadata.json"}
    return job, wheels


def _in_order(resources: Iterable[Resource]) -> list[Resource]:
    """Sort resources so that each comes after what it refers to."""
    by_address = {resource.address: resource for resource in resources}
    graph = {address: resource.depends_on for address, resource in by_address.items()}
    return [by_address[address] for address in TopologicalSorter(graph).static_order() if address in by_address]


def resource_changes(
    ordered: Iterable[Resource],
    configs: Mapping[str, Mapping[str, Any]],
    state: State,
    seen: Mapping[str, Sight],
    *,
    adopt: bool = False,
) -> list[ResourceChange]:
    """What happens to each declared resource.

    Args:
        ordered: The resources, each after what it refers to.
        configs: Their configurations by address; references to other resources are not filled in.
        state: What was last applied.
        seen: What the workspace has.
        adopt: Whether what was not deployed from here is taken over.

    Raises:
        DeploymentError: A resource is there already, or must not be deleted.
    """
    # What is created (again) gets a new id: whoever refers to it cannot count on the old one.
    lasting = dict(state.resources)
    changes = []
    for resource in ordered:
        address, kind = resource.address, kind_of(resource.address)
        config = fill(configs[address], lasting, strict=False, where=address)
        lost = [item for item in resource.depends_on if item in state.resources and item not in lasting]
        sight = Sight() if lost and resource.type in _CONTAINED else seen[address]
        draft = functools.partial(
            ResourceChange, address=address, name=kind.name(config), config=config, depends_on=resource.depends_on
        )
        change = _change(resource, config, state.resources.get(address), sight, draft, adopt)
        if change.action in ("create", "recreate"):
            lasting.pop(address, None)
        changes.append(change)
    return changes


def _change(
    resource: Resource,
    config: Mapping[str, Any],
    applied: DeployedResource | None,
    sight: Sight,
    draft: _Draft,
    adopt: bool,
) -> ResourceChange:
    if sight.now is None:
        known = applied is not None and applied.id is not None
        return draft(action="create", reason="it is gone from the workspace" if known else "it is new")
    if applied is None or applied.id is None:
        return _taken_over(resource, config, applied, sight, draft, adopt)
    return _difference(resource, config, applied, sight, draft)


def _taken_over(
    resource: Resource,
    config: Mapping[str, Any],
    applied: DeployedResource | None,
    sight: Sight,
    draft: _Draft,
    adopt: bool,
) -> ResourceChange:
    """Take over what an interrupted deployment created, or what the user wants taken over."""
    kind = kind_of(resource.address)
    if applied is None and not adopt:
        raise DeploymentError(
            f"the {kind.title} '{kind.name(config)}' exists already and was not deployed from here",
            where=f"{resource.address} ({resource.at})",
            next="take it over with `brickyard deploy --adopt`, delete it, or choose another name",
        )
    reason = "an interrupted deployment created it" if applied else "it is taken over"
    changes = compare(kind.normal(config), None, {}, sight.now or {}, kind.ignored(config))
    return draft(action="update" if changes else "skip", id=sight.id, reason=reason, changes=changes, refresh=True)


def _difference(
    resource: Resource, config: Mapping[str, Any], applied: DeployedResource, sight: Sight, draft: _Draft
) -> ResourceChange:
    kind = kind_of(resource.address)
    before = kind.normal(applied.config)
    changes = compare(kind.normal(config), before, applied.remote, sight.now or {}, kind.ignored(config))
    fixed = [change.path for change in changes if change.field in kind.fixed]
    if fixed:
        _refuse_if_protected(resource)
        reason = f"{', '.join(fixed)} cannot change in place"
        return draft(action="recreate", id=applied.id, reason=reason, changes=changes)
    if changes:
        reasons = {"project": "the project changed", "drift": "the workspace was changed from elsewhere"}
        reason = ", ".join(text for name, text in reasons.items() if any(item.reason == name for item in changes))
        return draft(action="update", id=applied.id, reason=reason, changes=changes)
    moved = config != applied.config or set(applied.depends_on) != set(resource.depends_on)
    refresh = moved or applied.pending is not None
    return draft(action="skip", id=applied.id, reason="it is as it should be", refresh=refresh)


def _refuse_if_protected(resource: Resource) -> None:
    if resource.prevent_destroy:
        raise DeploymentError(
            f"'{resource.address}' would be deleted, which `lifecycle.prevent_destroy` forbids",
            where=str(resource.at),
            next="take the line away if it shall be deleted",
        )


def _deletions(ids: Mapping[str, str | None], state: State) -> list[ResourceChange]:
    """Delete resources, each before what it refers to."""
    graph = {address: state.resources[address].depends_on for address in ids}
    ordered = [address for address in reversed(list(TopologicalSorter(graph).static_order())) if address in ids]
    return [
        ResourceChange(
            address,
            "delete",
            name=kind_of(address).name(state.resources[address].config),
            reason="the project does not declare it",
            id=ids[address],
            depends_on=state.resources[address].depends_on,
        )
        for address in ordered
    ]


def _file_changes(project: Project, uploads: Mapping[str, LocalFile], known: Files) -> tuple[FileChange, ...]:
    changes = []
    for stored, file in sorted(uploads.items()):
        before = known.get(stored)
        if before is None or before.sha256 != file.sha256:
            source, drifted = file.path.relative_to(project.root).as_posix(), before is not None and not before.sha256
            changes.append(FileChange("upload", file.remote, stored, source, file.sha256, file.size, drifted))
    gone = sorted(set(known) - set(uploads))
    return (*changes, *(FileChange("delete", stored, stored) for stored in gone))
