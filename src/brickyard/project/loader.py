"""Loads a project: reads the files, chooses the target, fills in references, checks everything."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from brickyard.errors import UsageError
from brickyard.project.faults import Fault, Faults, Position
from brickyard.project.files import BUNDLE_FILE, read_bundle
from brickyard.project.interpolation import Resolver
from brickyard.project.paths import Paths
from brickyard.project.policies import read_policies
from brickyard.project.presets import apply_presets
from brickyard.project.project import Project
from brickyard.project.resources import read_resources, resource_fields
from brickyard.project.settings import read_artifacts, read_sync, read_workspace, user_fields, workspace_fields
from brickyard.project.source import Node, from_plain
from brickyard.project.targets import choose_target, overlay
from brickyard.project.variables import variable_values

__all__ = ["load_project"]


def load_project(
    root: Path,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    user: str | None = None,
) -> Project:
    """Load a project for one target.

    Args:
        root: The directory of `databricks.yml`.
        target: The target; None takes the default one.
        variables: Values given with `--var`.
        environ: The environment, for `BUNDLE_VAR_name`; nothing else is read from it.
        user: The signed-in user's name; without it `${workspace.current_user...}` stays as written.

    Raises:
        ProjectFaults: The files are wrong; has every fault.
        UsageError: There is no project in `root`.
    """
    root = root.resolve()
    if not (root / BUNDLE_FILE).is_file():
        raise UsageError(
            f"there is no {BUNDLE_FILE} in {root}",
            next="change into the project's directory, or create one with `brickyard init`",
        )
    faults = Faults()
    tree = read_bundle(root, faults)
    name = choose_target(tree, target, faults)
    project = _resolved(root, overlay(tree, name, faults), name, variables or {}, environ or {}, user, faults)
    faults.stop_if_any()
    return project


def _resolved(
    root: Path,
    tree: Node,
    target: str,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    user: str | None,
    faults: Faults,
) -> Project:
    empty = Node({}, Position(BUNDLE_FILE))
    declared = tree.get("variables") or empty
    overrides = tree.get("targets", target, "variables") or empty
    values = variable_values(declared, overrides, variables, environ, faults)
    mode, presets = tree.text("mode"), tree.get("presets") or empty
    resources = apply_presets(tree.get("resources") or empty, mode, presets, faults)
    scope = _scope(tree, target, values, resources, user)
    resolver = Resolver(scope, functools.partial(_deferred, resources=resources), faults)
    workspace = read_workspace(resolver.resolve(scope.fields["workspace"]), faults)
    artifacts = read_artifacts(root, resolver.resolve(tree.get("artifacts") or empty), faults)
    paths = Paths(root, workspace.file_path, [artifact.path for artifact in artifacts], faults)
    targets = tuple((tree.get("targets") or empty).fields) or (target,)
    policies = read_policies(root, targets, resolver, faults)
    return Project(
        root=root,
        bundle_name=tree.text("bundle", "name") or "",
        target=target,
        mode=mode,
        workspace=workspace,
        resources=read_resources(resources, resolver, values, paths, faults),
        artifacts=artifacts,
        sync=read_sync(tree.get("sync") or empty, faults),
        variables={name: resolver.resolve(value).plain() for name, value in values.items()},
        targets=targets,
        environments=policies.environments,
        models=policies.models,
        warnings=_warnings(tree, mode, faults),
        reload=lambda other, user: load_project(root, other, variables, environ, user),
        user=user,
    )


def _scope(tree: Node, target: str, values: dict[str, Node], resources: Node, user: str | None) -> Node:
    """What references are looked up in."""
    at = Position(BUNDLE_FILE)
    bundle = tree.get("bundle") or Node({}, at)
    named = {"target": Node(target, at), "environment": Node(target, at), "mode": Node(tree.text("mode"), at)}
    workspace = workspace_fields(tree.get("workspace") or Node({}, at))
    if user is not None:
        workspace = workspace.with_fields(current_user=from_plain(user_fields(user), at))
    return Node(
        {
            "bundle": Node({**bundle.fields, **named}, bundle.at, bundle.key_at),
            "workspace": workspace,
            "var": Node(values, at),
            "resources": resource_fields(resources),
        },
        at,
    )


def _deferred(path: str, *, resources: Node) -> bool:
    """Whether a reference is known only once the user, or the resource, is there."""
    if path.startswith("workspace.current_user."):
        return True
    steps = path.split(".")
    return len(steps) > 3 and steps[0] == "resources" and resources.get(steps[1], steps[2]) is not None


def _warnings(tree: Node, mode: str | None, faults: Faults) -> tuple[Fault, ...]:
    if mode == "production" and tree.get("workspace", "root_path") is None:
        at = tree.position_of("mode")
        faults.warn(at, "production without 'workspace.root_path' lives in the home of whoever deploys it")
    return tuple(faults.warnings)
