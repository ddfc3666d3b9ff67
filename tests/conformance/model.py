"""A check: code, and where its expected result comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

#: The source of what is computed by the reference engine, and kept in `reference/`.
SPARK = "Spark 4.2 (JVM)"

Function = Callable[[Any, "At"], Any]


@dataclass(frozen=True)
class At:
    """Where a check works.

    Attributes:
        schema: The schema that it has for itself, and that is the current one.
        path: A directory that it has for itself, as Spark writes it.
    """

    schema: str
    path: str


@dataclass(frozen=True)
class Fails:
    """The check ends with an error.

    Attributes:
        condition: Its error class, without the part after the dot; empty where it has none.
        exception: The name of the Python exception.
    """

    condition: str
    exception: str = "AnalysisException"

    def __str__(self) -> str:
        return f"{self.exception} {self.condition}".strip()


@dataclass(frozen=True)
class Check:
    """One question to an engine.

    Attributes:
        group: What it belongs to.
        name: Says what is asked; with the group, the key of its recorded result.
        code: SQL statements, of which the last one's rows count, or a function of a session.
        source: Where the expected result comes from: the address of a page, or `SPARK`.
        expected: What a page says: a value as code answers it, or an error. Not used with `SPARK`.
        ordered: The order of the rows counts.
        typed: The types of the columns count.
    """

    group: str
    name: str
    code: Sequence[str] | Function
    source: str = SPARK
    expected: Any = None
    ordered: bool = False
    typed: bool = True

    @property
    def key(self) -> str:
        return f"{self.group}: {self.name}"


@dataclass
class Group:
    """The checks of a module, as they are declared."""

    name: str
    source: str = SPARK
    checks: list[Check] = field(default_factory=list)

    def sql(self, name: str, *statements: str, **more: Any) -> None:
        """Statements whose last result is what the reference engine answers."""
        self.checks.append(Check(self.name, name, statements, **more))

    def values(self, *expressions: str) -> None:
        """Expressions, each a check of its own."""
        for expression in expressions:
            self.sql(expression, f"SELECT {expression}")

    def vendor(self, name: str, *statements: str, expected: Any, source: str = "", **more: Any) -> None:
        """Statements whose last result is what a page of the vendor says."""
        given = source or self.source
        self.checks.append(Check(self.name, name, statements, given, expected, typed=False, **more))

    def run(self, function: Function) -> Function:
        """A function whose result is what the reference engine answers; its name is the check's."""
        self.checks.append(Check(self.name, function.__name__.replace("_", " "), function))
        return function

    def says(self, expected: Any, source: str = "") -> Callable[[Function], Function]:
        """A function whose result is what a page of the vendor says."""

        def declare(function: Function) -> Function:
            name = function.__name__.replace("_", " ")
            self.checks.append(Check(self.name, name, function, source or self.source, expected, typed=False))
            return function

        return declare


def rows(frame: Any) -> list[tuple[Any, ...]]:
    """The rows of a data frame as plain tuples."""
    return [tuple(row) for row in frame.collect()]
