"""Reads `databricks.yml` and the files it includes into one tree."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from brickyard.project.faults import Faults, Position, nearest
from brickyard.project.merging import merge
from brickyard.project.source import Node, read_yaml

__all__ = ["BUNDLE_FILE", "OTHER_NAMES", "check_git", "read_bundle"]

BUNDLE_FILE = Path("databricks.yml")
# What the vendor's tool reads too, where it is the only one.
OTHER_NAMES = ("databricks.yaml", "bundle.yml", "bundle.yaml")

_ROOT_KEYS = ("artifacts", "bundle", "include", "presets", "resources", "sync", "targets", "variables", "workspace")
_UNSUPPORTED = {
    "environments": "'targets', its newer name",
    "experimental": None,
    "permissions": None,
    "python": None,
    "run_as": None,
    "scripts": None,
}
_BUNDLE_KEYS = ("name", "uuid", "databricks_cli_version", "engine", "git")
_GIT_KEYS = ("branch", "origin_url")
_SUFFIXES = (".yml", ".yaml", ".json")


def read_bundle(root: Path, faults: Faults) -> Node:
    """Read a project's bundle files.

    Args:
        root: The project's directory.
        faults: Takes what is wrong in the files themselves.

    Returns:
        The merged tree; positions say which file a part came from.

    Raises:
        ProjectFaults: `databricks.yml` itself cannot be read.
    """
    tree = read_yaml(root / BUNDLE_FILE, BUNDLE_FILE, faults) or Node({}, Position(BUNDLE_FILE))
    # What cannot be read at all is the only thing worth saying.
    faults.stop_if_any()
    _check_root(tree, faults)
    parts = [tree]
    for path in _included(root, tree, faults):
        part = read_yaml(root / path, path, faults)
        if part is None:
            continue
        parts.append(part)
        _check_root(part, faults)
        if "include" in part.fields:
            faults.warn(part.position_of("include"), f"'include' counts in {BUNDLE_FILE} only, and is ignored here")
        tree = merge(tree, part)
    _check_twice(parts, faults)
    _check_bundle(tree, faults)
    return tree


def _check_root(tree: Node, faults: Faults) -> None:
    if not tree.is_mapping:
        faults.add(tree.at, "the file is not a mapping", expected=", ".join(_ROOT_KEYS))
    for name in tree.fields:
        at = tree.position_of(name)
        if name in _UNSUPPORTED:
            faults.add(at, f"'{name}' is not supported yet", expected=_UNSUPPORTED[name])
        elif name not in _ROOT_KEYS and not tree.fields[name].anchored:
            faults.add(at, f"there is no field '{name}' at the top", nearest=nearest(name, _ROOT_KEYS))
        elif name in _ROOT_KEYS and name != "include" and not _is_mapping_or_empty(tree.fields[name]):
            faults.add(tree.fields[name].at, f"'{name}' must be a mapping")


def _is_mapping_or_empty(node: Node) -> bool:
    return node.is_mapping or node.value is None


def _check_bundle(tree: Node, faults: Faults) -> None:
    bundle = tree.get("bundle")
    if bundle is None or not bundle.text("name"):
        faults.add(bundle.at if bundle else tree.at, "the bundle has no name", expected="bundle: {name: ...}")
    for name in bundle.fields if bundle else ():
        at = bundle.position_of(name) if bundle else tree.at
        if name in ("cluster_id", "compute_id", "deployment"):
            faults.add(at, f"'bundle.{name}' is not supported yet")
        elif name not in _BUNDLE_KEYS:
            faults.add(at, f"there is no field '{name}' in 'bundle'", nearest=nearest(name, _BUNDLE_KEYS))
    name_node = tree.get("bundle", "name")
    if name_node is not None and isinstance(name_node.value, str) and "${" in name_node.value:
        faults.warn(name_node.at, "the bundle's name depends on other values: another value is another deployment")


def check_git(git: Node | None, faults: Faults) -> None:
    """Check `bundle.git`, or what a target makes of it."""
    for name in git.fields if git else ():
        if git is not None and name not in _GIT_KEYS:
            at = git.position_of(name)
            faults.add(at, f"there is no field '{name}' in 'git'", nearest=nearest(name, _GIT_KEYS))


def _included(root: Path, tree: Node, faults: Faults) -> list[Path]:
    include = tree.get("include")
    found: list[Path] = []
    if include is not None and not include.is_sequence and include.value is not None:
        faults.add(include.at, "'include' must be a list of patterns")
    for item in include.items if include else ():
        if not isinstance(item.value, str) or not item.value or Path(item.value).is_absolute():
            faults.add(item.at, "'include' takes patterns relative to the project")
            continue
        matches = _matches(root, item.value)
        if not matches:
            _check_unmatched(root, item, faults)
        new = [path for path in matches if path not in found and path != BUNDLE_FILE]
        for path in new:
            if path.suffix not in _SUFFIXES:
                what = f"'include' brings in '{path}', which is not YAML"
                faults.add(item.at, what, expected="a file that ends in " + ", ".join(_SUFFIXES))
        found += [path for path in new if path.suffix in _SUFFIXES]
    return found


def _check_unmatched(root: Path, item: Node, faults: Faults) -> None:
    """A pattern may match nothing yet; a file that is not there, or a directory, is a mistake."""
    plain = list(itertools.takewhile(lambda step: not set(step) & set("*?["), str(item.value).split("/")))
    if "/".join(plain) == item.value:
        faults.add(item.at, f"'{item.value}' matches no file")
    elif not root.joinpath(*plain).is_dir():
        faults.warn(item.at, f"'{item.value}' matches no file: there is no directory '{'/'.join(plain)}'")


def _matches(root: Path, pattern: str) -> list[Path]:
    """The files that a pattern matches, relative to the project, also where they lie above it."""
    place = Path(os.path.normpath(root / pattern))
    above = Path(os.path.commonpath([root, place]))
    if place == above:
        return []
    files = (path for path in above.glob(str(place.relative_to(above))) if path.is_file())
    return sorted(Path(os.path.relpath(path, root)) for path in files)


def _check_twice(parts: list[Node], faults: Faults) -> None:
    """A key stands for one resource, whatever its type, as the vendor's tool asks."""
    seen: dict[str, tuple[str, Position]] = {}
    for part in parts:
        resources = part.get("resources")
        for type_name, group in resources.fields.items() if resources else ():
            for key in group.fields:
                at = group.position_of(key)
                if key not in seen:
                    seen[key] = type_name, at
                    continue
                other, where = seen[key]
                what = f"'{type_name}.{key}' is declared twice"
                if other != type_name:
                    what = f"'{type_name}.{key}' has the key of '{other}.{key}'"
                faults.add(
                    at, what, expected=f"one, as at {where}" if other == type_name else f"another key: {where} has it"
                )
