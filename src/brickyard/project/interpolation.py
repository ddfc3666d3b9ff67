"""`${...}` references: `bundle`, `workspace`, `var` and `resources`, with cycles found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from brickyard.project.faults import Faults, Position, nearest
from brickyard.project.source import Node, Scalar

__all__ = ["Resolver", "as_text", "has_reference", "references", "substitute"]

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
# One name alone, as in `${HOME}`, is the shell's or the notebook's.
_REFERENCE = re.compile(rf"\$\{{({_NAME}(?:\.{_NAME}|\[[0-9]+\])+)\}}")
_STEP = re.compile(rf"{_NAME}|\[[0-9]+\]")
_BEGINNING = re.compile(r"\$\{\s*(?:bundle|resources|var|workspace)\.[^}]*\}?")


def references(text: str) -> Iterator[str]:
    """The paths that a text refers to."""
    return (match.group(1) for match in _REFERENCE.finditer(text))


def has_reference(text: str) -> bool:
    """Whether a text refers to anything."""
    return _REFERENCE.search(text) is not None


def substitute(text: str, lookup: Callable[[str], Scalar]) -> Scalar:
    """Replace the references of a text.

    Args:
        text: The text.
        lookup: Gives the value of a path; a text that is one reference takes the value with its type.
    """
    whole = _REFERENCE.fullmatch(text)
    if whole:
        return lookup(whole.group(1))
    return _REFERENCE.sub(lambda match: as_text(lookup(match.group(1))), text)


def as_text(value: Scalar) -> str:
    """A scalar as it is written inside a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class Resolver:
    """Fills in references from one tree.

    Args:
        tree: What references are looked up in: `bundle`, `workspace`, `var`, `resources`.
        deferred: Whether a path that is not in the tree is known only later and stays as written.
        faults: Takes unknown references and cycles.
    """

    def __init__(self, tree: Node, deferred: Callable[[str], bool], faults: Faults) -> None:
        self._tree = tree
        self._deferred = deferred
        self._faults = faults
        self._open: list[str] = []
        self._done: dict[str, Node | None] = {}

    def resolve(self, node: Node) -> Node:
        """The node with every reference filled in; what cannot be is noted as a fault."""
        if node.is_mapping:
            return Node({name: self.resolve(item) for name, item in node.fields.items()}, node.at, node.key_at)
        if node.is_sequence:
            return Node(tuple(self.resolve(item) for item in node.items), node.at)
        if not isinstance(node.value, str) or "${" not in node.value:
            return node
        return self._text(node.value, node.at)

    def _text(self, text: str, at: Position) -> Node:
        whole = _REFERENCE.fullmatch(text)
        if whole:
            found = self._lookup(whole.group(1), at)
            return Node(found.value, at, found.key_at) if found else Node(text, at)
        self._check_written(text, at)
        return Node(_REFERENCE.sub(lambda match: self._inside(match, at), text), at)

    def _check_written(self, text: str, at: Position) -> None:
        """Note what looks like a reference and is none; left alone it would be deployed as it is written."""
        for match in _BEGINNING.finditer(text):
            if _REFERENCE.match(text, match.start()):
                continue
            if "${" in match.group(0)[2:]:
                what = "a reference inside a reference is not supported"
                self._faults.add(at, what, expected="a complex variable, or a variable that each target sets")
            else:
                self._faults.add(at, f"'{match.group(0)}' is not a reference", expected="${var.name}, without spaces")

    def _inside(self, match: re.Match[str], at: Position) -> str:
        found = self._lookup(match.group(1), at)
        if found is None:
            return match.group(0)
        if isinstance(found.value, dict | tuple):
            self._faults.add(at, f"'{match.group(0)}' is not a single value and cannot stand inside a text")
            return match.group(0)
        return as_text(found.value)

    def _lookup(self, path: str, at: Position) -> Node | None:
        if path in self._open:
            ring = " -> ".join([*self._open[self._open.index(path) :], path])
            self._faults.add(at, f"references go in a circle: {ring}")
            return None
        if path not in self._done:
            raw = self._find(path, at)
            self._open.append(path)
            try:
                self._done[path] = self.resolve(raw) if raw is not None else None
            finally:
                self._open.pop()
        return self._done[path]

    def _find(self, path: str, at: Position) -> Node | None:
        node, steps = self._tree, _STEP.findall(path)
        for index, step in enumerate(steps):
            if isinstance(node.value, str) and has_reference(node.value):
                node = self._through(node, path, at)
            found = self._step(node, step)
            if found is None:
                if not self._deferred(path):
                    self._unknown(path, steps[:index], step, node, at)
                return None
            node = found
        return node

    def _through(self, node: Node, path: str, at: Position) -> Node:
        """Follow a value that is itself a reference on the way to one of its fields."""
        self._open.append(path)
        try:
            return self.resolve(Node(node.value, at))
        finally:
            self._open.pop()

    @staticmethod
    def _step(node: Node, step: str) -> Node | None:
        if step.startswith("["):
            index = int(step[1:-1])
            return node.items[index] if index < len(node.items) else None
        return node.fields.get(step)

    def _unknown(self, path: str, before: list[str], step: str, node: Node, at: Position) -> None:
        likely = nearest(step, node.fields)
        correct = ".".join([*before, likely]) if likely else None
        in_git = before == ["bundle", "git"] and not node.fields
        expected = "a project that is in a git repository" if in_git else None
        what = f"'${{{path}}}' refers to nothing that is declared"
        self._faults.add(at, what, expected=expected, nearest=correct)
