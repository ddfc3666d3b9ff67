"""YAML files as trees of nodes that know where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from brickyard.project.faults import Faults, Position

__all__ = ["Node", "Scalar", "from_plain", "read_yaml"]

Scalar = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
_INT_LENGTH = 100  # what is longer is no number that anybody means, and stays text


class _Loader(yaml.CSafeLoader):
    """YAML with the scalars of its version 1.2, as the vendor's tools read it.

    Version 1.1 turns `on` into true, `1:30` into 90 and `2024-01-01` into a date.
    """


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(_TAG + _tag, re.compile(_pattern), list(_first))


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a sequence of nodes or a mapping of names to nodes, with its place in the file.

    Args:
        value: A plain scalar, a tuple of nodes, or a dict of nodes; never changed after it was read.
        at: Where the value stands.
        key_at: Where each name of a mapping stands.
        anchored: Whether it has an anchor (`&name`), so that other places can repeat it.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    at: Position
    key_at: Mapping[str, Position] = field(default_factory=dict, compare=False)
    anchored: bool = field(default=False, compare=False)

    @property
    def is_mapping(self) -> bool:
        """Whether it has named fields."""
        return isinstance(self.value, dict)

    @property
    def is_sequence(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.value, tuple)

    @property
    def is_scalar(self) -> bool:
        """Whether it is a single value that is not empty."""
        return not self.is_mapping and not self.is_sequence and self.value is not None

    @property
    def scalar(self) -> Scalar:
        """The single value; None for anything else."""
        return None if isinstance(self.value, dict | tuple) else self.value

    @property
    def items(self) -> tuple[Node, ...]:
        """The members of a list; none for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def fields(self) -> dict[str, Node]:
        """The named fields of a mapping; none for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def get(self, *names: str) -> Node | None:
        """The node at a path of names, or None if there is none."""
        found: Node | None = self
        for name in names:
            found = found.fields.get(name) if found else None
        return found

    def text(self, *names: str) -> str | None:
        """The string at a path of names, or None if it is not one."""
        found = self.get(*names)
        return found.value if found is not None and isinstance(found.value, str) else None

    def plain(self) -> Any:
        """The value as plain Python data."""
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        return self.value

    def with_fields(self, **fields: Node) -> Node:
        """The same mapping with these fields set."""
        return Node({**self.fields, **fields}, self.at, self.key_at)

    def position_of(self, name: str) -> Position:
        """Where a field's name stands; the mapping's own place if it was not written in a file."""
        return self.key_at.get(name, self.at)

    def walk(self, path: str = "") -> Iterator[tuple[str, Node]]:
        """Every scalar below, with its dotted path."""
        if isinstance(self.value, dict):
            for name, item in self.value.items():
                yield from item.walk(f"{path}.{name}" if path else name)
        elif isinstance(self.value, tuple):
            for index, item in enumerate(self.value):
                yield from item.walk(f"{path}[{index}]")
        else:
            yield path, self


def from_plain(value: Any, at: Position) -> Node:
    """Plain Python data as a node that stands at one place."""
    if isinstance(value, Mapping):
        return Node({str(name): from_plain(item, at) for name, item in value.items()}, at)
    if isinstance(value, list | tuple):
        return Node(tuple(from_plain(item, at) for item in value), at)
    return Node(value, at)


def read_yaml(path: Path, shown: Path, faults: Faults) -> Node | None:
    """Read one file; its faults (syntax, duplicate names) are noted.

    Args:
        path: The file.
        shown: The path that positions show, as the user knows it.
        faults: Takes what is wrong.

    Returns:
        The file's tree, an empty mapping for an empty file, or None if it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        tree = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Position(shown, mark.line + 1, mark.column + 1) if mark else Position(shown)
        faults.add(at, f"not valid YAML: {error.problem or error.context}")
        return None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        faults.add(Position(shown), f"not valid YAML: {error}")
        return None
    except OSError as error:
        faults.add(Position(shown), f"cannot be read: {error.strerror}")
        return None
    if tree is None:
        return Node({}, Position(shown))
    try:
        return _Reader(shown, text, faults).node(tree)
    except RecursionError:
        faults.add(Position(shown), "the file is nested too deeply")
        return None


class _Reader:
    """Turns the YAML library's nodes into ours."""

    def __init__(self, shown: Path, text: str, faults: Faults) -> None:
        self._shown = shown
        self._lines = text.splitlines()
        self._faults = faults
        self._open: set[int] = set()

    def _at(self, node: Any) -> Position:
        return Position(self._shown, node.start_mark.line + 1, node.start_mark.column + 1)

    def node(self, node: Any) -> Node:
        if isinstance(node, yaml.ScalarNode):
            return Node(self._scalar(node), self._at(node))
        if id(node) in self._open:
            self._faults.add(self._at(node), "an anchor that contains itself")
            return Node(None, self._at(node))
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                items = tuple(self.node(item) for item in node.value)
                return Node(items, self._at(node), anchored=self._is_anchored(node))
            return self._mapping(node)
        finally:
            self._open.discard(id(node))

    def _is_anchored(self, node: Any) -> bool:
        line = self._lines[node.start_mark.line] if node.start_mark.line < len(self._lines) else ""
        return line[node.start_mark.column :].startswith("&")

    def _scalar(self, node: Any) -> Scalar:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
            case "int" if len(text) <= _INT_LENGTH:
                return int(text, 0) if text.startswith(("0x", "0o")) else int(text)
            case "float":
                return float(text)
        return text

    def _mapping(self, node: Any) -> Node:
        fields: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        merged_at: dict[str, Position] = {}
        key_at: dict[str, Position] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                self._merge(value, merged, merged_at)
                continue
            name = self._name(key)
            if name in fields:
                self._faults.add(
                    self._at(key), f"'{name}' is written twice", expected=f"one, as on line {key_at[name].line}"
                )
                continue
            key_at[name] = self._at(key)
            fields[name] = self.node(value)
        return Node({**merged, **fields}, self._at(node), {**merged_at, **key_at}, self._is_anchored(node))

    def _name(self, key: Any) -> str:
        if not isinstance(key, yaml.ScalarNode):
            self._faults.add(self._at(key), "a name must be a string")
            return str(key.start_mark.line)
        return str(key.value)

    def _merge(self, value: Any, merged: dict[str, Node], merged_at: dict[str, Position]) -> None:
        for part in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            found = self.node(part)
            if not found.is_mapping:
                self._faults.add(found.at, "'<<' needs a mapping")
            for name, item in found.fields.items():
                merged.setdefault(name, item)
                merged_at.setdefault(name, found.position_of(name))
