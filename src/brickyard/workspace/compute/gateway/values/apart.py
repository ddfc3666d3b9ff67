"""Aggregate functions and windows that differ in casts alone.

The engine names them alike, because it leaves casts out of names: over groups it fails then, and over windows it takes
the first one's value for all (0.7.2). A condition that is always true gives each of them a name of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import TypeVar

__all__ = ["NAME", "numbered", "template"]

#: The name of the rule.
NAME = "apart"
T = TypeVar("T")


def numbered(found: Iterable[tuple[Hashable, Hashable, T]]) -> list[tuple[T, int]]:
    """Those that need a name of their own, with a number for each.

    Args:
        found: All of them, each after what it is without casts, and what it is with them.
    """
    alike: dict[Hashable, dict[Hashable, list[T]]] = defaultdict(lambda: defaultdict(list))
    for bare, whole, node in found:
        alike[bare][whole].append(node)
    groups = [kinds for kinds in alike.values() if len(kinds) > 1]
    return [(node, at) for kinds in groups for at, nodes in enumerate(kinds.values()) for node in nodes]


def template(number: int) -> str:
    """The value of an operand, under another name."""
    return f"(CASE WHEN {number} = {number} THEN $0 END)"
