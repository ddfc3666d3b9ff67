"""Loads a project: reads the files, chooses the target, fills in references, checks everything."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

from brickyard.errors import UsageError
from brickyard.project.faults import Faults, Position
from brickyard.project.files import BUNDLE_FILE, OTHER_NAMES, check_git, read_bundle
from brickyard.project.git import read_checkout
from brickyard.project.implied import with_implied_references
from brickyard.project.interpolation import Resolver
from brickyard.project.paths import Paths
from brickyard.project.policies import read_policies
from brickyard.project.presets import apply_presets, check_prefix
from brickyard.project.project import Git, Project
from brickyard.project.resources import is_known_later, read_resources, resource_fields
from brickyard.project.settings import (
    check_mode,
    read_artifacts,
    read_sync,
    read_workspace,
    user_fields,
    workspace_fields,
)
from brickyard.project.source import Node, from_plain
from brickyard.project.targets import choose_target, overlay
from brickyard.project.variables import GivenValues, overrides_file, variable_values

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
        other = next((name for name in OTHER_NAMES if (root / name).is_file()), None)
        raise UsageError(
            f"there is no {BUNDLE_FILE} in {root}",
            next=f"rename '{other}' to {BUNDLE_FILE}"
            if other
            else "change into the project's directory, or create one with `brickyard init`",
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
    given = GivenValues(variables, environ, overrides_file(root, target, faults))
    values = variable_values(declared, overrides, given, faults)
    bundle, git = _bundle(root, tree, target, faults)
    scope = _scope(bundle, tree, values, user)
    resources, resolver = _with_presets(tree, scope, user, faults)
    located = resolver.resolve(scope.fields["workspace"])
    check_mode(tree.get("mode"), located, user, faults)
    workspace = read_workspace(located, faults)
    artifacts = read_artifacts(root, resolver.resolve(tree.get("artifacts") or empty), faults)
    paths = Paths(root, workspace.file_path, [artifact.path for artifact in artifacts], faults)
    targets = tuple((tree.get("targets") or empty).fields) or (target,)
    policies = read_policies(root, targets, resolver, faults)
    return Project(
        root=root,
        bundle_name=resolver.resolve(bundle).text("name") or "",
        target=target,
        mode=tree.text("mode"),
        workspace=workspace,
        resources=read_resources(resources, resolver, values, paths, faults),
        artifacts=artifacts,
        sync=read_sync(tree.get("sync") or empty, faults),
        variables={name: resolver.resolve(value).plain() for name, value in values.items()},
        targets=targets,
        environments=policies.environments,
        models=policies.models,
        warnings=tuple(faults.warnings),
        git=git,
        reload=lambda other, user: load_project(root, other, variables, environ, user),
        user=user,
    )


def _bundle(root: Path, tree: Node, target: str, faults: Faults) -> tuple[Node, Git | None]:
    """The `bundle` mapping as references see it, and what is known of the git repository."""
    at = Position(BUNDLE_FILE)
    bundle = tree.get("bundle") or Node({}, at)
    written = bundle.get("git") or Node({}, bundle.at)
    check_git(written, faults)
    named = {"target": Node(target, at), "environment": Node(target, at), "mode": Node(tree.text("mode"), at)}
    checkout = read_checkout(root)
    known = from_plain(dataclasses.asdict(checkout), at).fields if checkout is not None else {}
    actual = {"actual_branch": known["branch"]} if known else {}
    git = Node({**known, **actual, **written.fields}, written.at, written.key_at)
    expected = written.get("branch")
    asked = None
    if expected is not None and isinstance(expected.value, str) and expected.value:
        asked = Git(expected.value, checkout.branch if checkout is not None else "", expected.at)
    return Node({"name": Node("", at), **bundle.fields, **named, "git": git}, bundle.at, bundle.key_at), asked


def _scope(bundle: Node, tree: Node, values: dict[str, Node], user: str | None) -> Node:
    """What references are looked up in, but for resources."""
    at = Position(BUNDLE_FILE)
    workspace = workspace_fields(tree.get("workspace") or Node({}, at))
    if user is not None:
        workspace = workspace.with_fields(current_user=from_plain(user_fields(user), at))
    return Node({"bundle": bundle, "workspace": workspace, "var": Node(values, at)}, at)


def _with_presets(tree: Node, scope: Node, user: str | None, faults: Faults) -> tuple[Node, Resolver]:
    """The resources as mode and presets make them, and what fills in references, also to them."""
    empty = Node({}, Position(BUNDLE_FILE))
    mode, presets = tree.text("mode"), tree.get("presets") or empty
    resources = apply_presets(_explicit(tree.get("resources") or empty, scope), mode, presets, faults)
    deferred = functools.partial(_deferred, resources=resources)
    resolver = Resolver(scope.with_fields(resources=resource_fields(resources)), deferred, faults)
    check_prefix(mode, resolver.resolve(presets).get("name_prefix"), user, faults)
    return resources, resolver


def _explicit(resources: Node, scope: Node) -> Node:
    """The resources with references where one names another; faults are noted when they are read."""
    resolver = Resolver(scope.with_fields(resources=resource_fields(resources)), lambda _path: True, Faults())
    return with_implied_references(resources, lambda node: resolver.resolve(node).scalar)


def _deferred(path: str, *, resources: Node) -> bool:
    """Whether a reference is known only once the user, or the resource, is there."""
    if path.startswith("workspace.current_user."):
        return True
    steps = path.split(".")
    if len(steps) < 4 or steps[0] != "resources" or resources.get(steps[1], steps[2]) is None:
        return False
    return is_known_later(steps[1], steps[3])
