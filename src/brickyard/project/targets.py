"""Chooses the target and lays its overrides over the project."""

from __future__ import annotations

from brickyard.project.faults import Faults, nearest
from brickyard.project.merging import merge
from brickyard.project.source import Node

__all__ = ["choose_target", "overlay"]

_OVERRIDES = ("artifacts", "bundle", "resources", "sync", "workspace")
_KEYS = (*_OVERRIDES, "default", "git", "mode", "presets", "variables")
_UNSUPPORTED = ("cluster_id", "compute_id", "permissions", "run_as")
_MODES = ("development", "production")


def choose_target(tree: Node, wanted: str | None, faults: Faults) -> str:
    """The name of the wanted target, else of the default one, else of the only one.

    A project without targets has one, named `default`.
    """
    targets = tree.get("targets")
    names = list(targets.fields) if targets else []
    if targets is None or not names:
        if wanted not in (None, "default"):
            faults.add(tree.at, f"there is no target '{wanted}'", expected="no target: the project declares none")
        return "default"
    if wanted is not None:
        if wanted not in names:
            expected = f"one of {', '.join(names)}"
            faults.add(targets.at, f"there is no target '{wanted}'", expected=expected, nearest=nearest(wanted, names))
            faults.stop_if_any()
        return wanted
    defaults = [name for name, item in targets.fields.items() if (found := item.get("default")) and found.value is True]
    if len(defaults) > 1:
        faults.add(targets.position_of(defaults[1]), f"both '{defaults[0]}' and '{defaults[1]}' are the default target")
    if defaults:
        return defaults[0]
    if len(names) > 1:
        faults.add(
            targets.at, "no target is chosen", expected=f"-t with one of {', '.join(names)}, or 'default: true' on one"
        )
    return names[0]


def overlay(tree: Node, name: str, faults: Faults) -> Node:
    """The project with a target's overrides in place; `mode` and `presets` come to the top."""
    for other, item in (tree.get("targets") or tree).fields.items() if tree.get("targets") else ():
        _check(other, item, other == name, faults)
    target = tree.get("targets", name)
    if target is None or not target.is_mapping:
        return tree
    for field, item in target.fields.items():
        if field in _OVERRIDES:
            base = tree.get(field)
            tree = tree.with_fields(**{field: merge(base, item, field) if base is not None else item})
    presets, own = tree.get("presets"), target.get("presets")
    if own is not None:
        tree = tree.with_fields(presets=merge(presets, own) if presets is not None else own)
    git, bundle = target.get("git"), tree.get("bundle")
    if git is not None and bundle is not None:
        base = bundle.get("git")
        tree = tree.with_fields(bundle=bundle.with_fields(git=merge(base, git) if base is not None else git))
    mode = target.get("mode")
    return tree.with_fields(mode=mode) if mode is not None else tree


def _check(name: str, target: Node, is_chosen: bool, faults: Faults) -> None:
    if not target.is_mapping and target.value is not None:
        faults.add(target.at, f"the target '{name}' must be a mapping")
    for field in target.fields:
        at = target.position_of(field)
        if field in _UNSUPPORTED:
            # Another target's is in nobody's way until that target is chosen.
            (faults.add if is_chosen else faults.warn)(at, f"'{field}' of a target is not supported yet")
        elif field not in _KEYS:
            faults.add(at, f"a target has no field '{field}'", nearest=nearest(field, _KEYS))
    mode = target.get("mode")
    if mode is not None and mode.value not in _MODES:
        like = nearest(str(mode.value), _MODES)
        faults.add(mode.at, f"there is no mode '{mode.value}'", expected=" or ".join(_MODES), nearest=like)
