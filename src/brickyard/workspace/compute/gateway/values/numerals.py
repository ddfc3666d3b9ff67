"""Literals of numbers, and types, in a statement's tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brickyard.workspace.compute.gateway.values.rules.arithmetic import LARGEST
from brickyard.workspace.compute.gateway.values.rules.types import SYNONYMS, is_pointed, literal_kind

__all__ = ["is_integer", "is_mixed", "kind_of", "smallest"]


def is_mixed(sides: Sequence[Any]) -> bool:
    """Whether the types of what is compared matter: with a number with a point, or where more than one is computed."""
    return any(map(is_decimal, sides)) or sum(not _says_its_type(side) for side in sides) > 1


def _says_its_type(node: Any) -> bool:
    """Whether it is a literal, also one of a time or with a sign."""
    from sqlglot import exp

    node = node.this if isinstance(node, exp.Neg | exp.Cast) else node
    return isinstance(node, exp.Literal | exp.Null | exp.Boolean)


def is_decimal(node: Any) -> bool:
    """Whether a node is a literal with a point, or a text of one."""
    from sqlglot import exp

    node = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(node, exp.Literal):
        return False
    return is_pointed(node.name) if node.is_string else literal_kind(node.name).startswith("decimal")


def kind_of(target: Any) -> str:
    """The type of a cast as Spark writes it."""
    text = str(target.sql("databricks")).lower().replace(", ", ",").replace(": ", ":")
    return SYNONYMS.get(text, text)


def smallest(node: Any) -> str:
    """The integer type of which `-node` is the smallest value, written as a literal; else empty."""
    from sqlglot import exp

    kind = kind_of(node.to) if isinstance(node, exp.Cast) else ""
    digits = node.this if kind else node
    if not is_integer(digits):
        return ""
    kinds = [kind] if kind else ["int", "bigint"]
    return next((name for name in kinds if name in LARGEST and digits.name == str(LARGEST[name] + 1)), "")


def is_integer(node: Any) -> bool:
    """Whether a node is a literal of digits alone."""
    from sqlglot import exp

    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit()
