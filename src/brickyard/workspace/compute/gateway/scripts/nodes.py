"""What a script consists of; expressions and single statements are the user's own text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Block", "Branch", "Case", "Declaration", "Diagnose", "For", "Handler", "If", "Jump", "Loop", "Node"]
__all__ += ["Signal", "Single"]


@dataclass(frozen=True)
class Node:
    """A statement of a script, and the line where it begins."""

    line: int


@dataclass(frozen=True)
class Single(Node):
    """A statement as it could stand alone, or `SET` of variables."""

    text: str


@dataclass(frozen=True)
class Declaration(Node):
    """`DECLARE name, ... type DEFAULT expression`."""

    text: str


@dataclass(frozen=True)
class Branch:
    """Statements that are executed if a condition is true, or (`CASE x WHEN y`) if a value is equal."""

    condition: str
    body: tuple[Node, ...]


@dataclass(frozen=True)
class If(Node):
    """`IF`, and `CASE WHEN`."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Case(Node):
    """`CASE subject WHEN value`."""

    subject: str
    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Loop(Node):
    """`WHILE before DO`, `REPEAT ... UNTIL after`, or `LOOP` without conditions."""

    label: str
    body: tuple[Node, ...]
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class For(Node):
    """`FOR [variable AS] query DO`."""

    label: str
    variable: str
    query: str
    body: tuple[Node, ...]


@dataclass(frozen=True)
class Jump(Node):
    """`LEAVE label`, or `ITERATE label`."""

    label: str
    leaves: bool


@dataclass(frozen=True)
class Signal(Node):
    """`SIGNAL`; without a condition, `RESIGNAL` of what is being handled.

    Attributes:
        condition: Its name, or
        state: Its SQLSTATE.
        text: An expression of the message, or
        arguments: one of its arguments.
    """

    condition: str = ""
    state: str = ""
    text: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class Diagnose(Node):
    """`GET DIAGNOSTICS CONDITION 1 variable = item, ...`."""

    items: tuple[tuple[tuple[str, ...], str], ...]


@dataclass(frozen=True)
class Handler:
    """`DECLARE EXIT | CONTINUE HANDLER FOR ...`.

    Attributes:
        conditions: Names of conditions, in upper case.
        states: SQLSTATEs.
        classes: `SQLEXCEPTION`, `NOT FOUND`.
    """

    exits: bool
    conditions: frozenset[str]
    states: frozenset[str]
    classes: frozenset[str]
    body: Node


@dataclass(frozen=True)
class Block(Node):
    """`BEGIN ... END`; `conditions` are those that it declares, with their SQLSTATEs."""

    label: str
    declarations: tuple[Declaration, ...]
    conditions: dict[str, str]
    handlers: tuple[Handler, ...]
    body: tuple[Node, ...]
