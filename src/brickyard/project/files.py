"""Reads `databricks.yml` and the files it includes into one tree."""

from __future__ import annotations

from pathlib import Path

from brickyard.project.faults import Faults, Position, nearest
from brickyard.project.merging import merge
from brickyard.project.source import Node, read_yaml

__all__ = ["BUNDLE_FILE", "read_bundle"]

BUNDLE_FILE = Path("databricks.yml")

_ROOT_KEYS = ("artifacts", "bundle", "include", "presets", "resources", "sync", "targets", "variables", "workspace")
_UNSUPPORTED = {
    "environments": "use 'targets', its newer name",
    "experimental": None,
    "permissions": None,
    "python": None,
    "run_as": None,
    "scripts": None,
}
_BUNDLE_KEYS = ("name", "uuid", "databricks_cli_version", "engine")


def read_bundle(root: Path, faults: Faults) -> Node:
    """Read a project's bundle files.

    Args:
        root: The project's directory.
        faults: Takes what is wrong in the files themselves.

    Returns:
        The merged tree; positions say which file a part came from.
    """
    tree = read_yaml(root / BUNDLE_FILE, BUNDLE_FILE, faults) or Node({}, Position(BUNDLE_FILE))
    _check_root(tree, faults)
    for path in _included(root, tree, faults):
        part = read_yaml(root / path, path, faults)
        if part is None:
            continue
        _check_root(part, faults)
        _check_twice(tree, part, faults)
        tree = merge(tree, part)
    _check_bundle(tree, faults)
    return tree


def _check_root(tree: Node, faults: Faults) -> None:
    if not tree.is_mapping:
        faults.add(tree.at, "the file is not a mapping", expected=", ".join(_ROOT_KEYS))
    for name in tree.fields:
        at = tree.position_of(name)
        if name in _UNSUPPORTED:
            faults.add(at, f"'{name}' is not supported yet", expected=_UNSUPPORTED[name])
        elif name not in _ROOT_KEYS:
            faults.add(at, f"there is no field '{name}' at the top", nearest=nearest(name, _ROOT_KEYS))
        elif name != "include" and not tree.fields[name].is_mapping and tree.fields[name].value is not None:
            faults.add(tree.fields[name].at, f"'{name}' must be a mapping")


def _check_bundle(tree: Node, faults: Faults) -> None:
    bundle = tree.get("bundle")
    if bundle is None or not bundle.text("name"):
        faults.add(bundle.at if bundle else tree.at, "the bundle has no name", expected="bundle: {name: ...}")
    for name in bundle.fields if bundle else ():
        at = bundle.position_of(name) if bundle else tree.at
        if name in ("cluster_id", "deployment", "git"):
            faults.add(at, f"'bundle.{name}' is not supported yet")
        elif name not in _BUNDLE_KEYS:
            faults.add(at, f"there is no field '{name}' in 'bundle'", nearest=nearest(name, _BUNDLE_KEYS))


def _included(root: Path, tree: Node, faults: Faults) -> list[Path]:
    include = tree.get("include")
    found: list[Path] = []
    if include is not None and not include.is_sequence:
        faults.add(include.at, "'include' must be a list of patterns")
    for item in include.items if include else ():
        if not isinstance(item.value, str) or Path(item.value).is_absolute():
            faults.add(item.at, "'include' takes patterns relative to the project")
            continue
        matches = sorted(path.relative_to(root) for path in root.glob(item.value) if path.is_file())
        if not matches:
            wild = any(letter in item.value for letter in "*?[")
            (faults.warn if wild else faults.add)(item.at, f"'{item.value}' matches no file")
        found += [path for path in matches if path not in found and path != BUNDLE_FILE]
    return found


def _check_twice(tree: Node, part: Node, faults: Faults) -> None:
    """A resource is declared once; merging two by accident would mix them."""
    for type_name, group in (part.get("resources") or part).fields.items() if part.get("resources") else ():
        before = tree.get("resources", type_name)
        for key in group.fields:
            if before is not None and key in before.fields:
                where = before.position_of(key)
                faults.add(
                    group.position_of(key), f"'{type_name}.{key}' is declared twice", expected=f"one, as at {where}"
                )
