"""What a Delta table says of columns that are filled by themselves: defaults, generated and identity columns.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (default, generated, identity columns).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from brickyard.workspace.compute.gateway.checks import CHECKS, need_no_query
from brickyard.workspace.compute.gateway.commits import latest
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.protocol import DEFAULTS, GENERATED, IDENTITY

__all__ = [
    "DEFAULT",
    "EXPLICIT",
    "GENERATION",
    "MARK",
    "RULES",
    "START",
    "STEP",
    "Filled",
    "by_name",
    "columns_of",
    "counts",
    "features_of",
    "filled_columns",
    "raised",
    "without_rules",
]

DEFAULT, GENERATION = "CURRENT_DEFAULT", "delta.generationExpression"
START, STEP, MARK = "delta.identity.start", "delta.identity.step", "delta.identity.highWaterMark"
EXPLICIT = "delta.identity.allowExplicitInsert"
#: Key in a column's metadata -> the table feature that writers need for it.
FEATURES = {DEFAULT: DEFAULTS, GENERATION: GENERATED, START: IDENTITY}
RULES = frozenset({*FEATURES, STEP, MARK, EXPLICIT})


@dataclass(frozen=True)
class Filled:
    """A column that has a value where a statement gives none.

    Args:
        name: Its name.
        default: The SQL of its default.
        generated: The SQL that it is computed by.
        identity: Whether it counts.
        explicit: Whether an identity column takes values.
        start: The first number of an identity column.
        step: The distance of its numbers.
        mark: Its last number, None before the first.
    """

    name: str
    default: str | None = None
    generated: str | None = None
    identity: bool = False
    explicit: bool = False
    start: int = 1
    step: int = 1
    mark: int | None = None

    @property
    def clause(self) -> str:
        """What defines it, as CREATE TABLE has it."""
        if self.identity:
            when = "BY DEFAULT" if self.explicit else "ALWAYS"
            return f" GENERATED {when} AS IDENTITY (START WITH {self.start} INCREMENT BY {self.step})"
        if self.generated is not None:
            return f" GENERATED ALWAYS AS ({self.generated})"
        return "" if self.default is None else f" DEFAULT {self.default}"

    def need_writable(self) -> None:
        """Refuse a value for a column that is always counted."""
        if self.identity and not self.explicit:
            text = f"Providing values for GENERATED ALWAYS AS IDENTITY column {self.name} is not supported."
            raise SparkError("DELTA_IDENTITY_COLUMNS_EXPLICIT_INSERT_NOT_SUPPORTED", text, sql_state="42808")

    def need_changeable(self) -> None:
        """Refuse an update of an identity column."""
        if self.identity:
            text = f"UPDATE on IDENTITY column {self.name} is not supported."
            raise SparkError("DELTA_IDENTITY_COLUMNS_UPDATE_NOT_SUPPORTED", text, sql_state="42808")


def by_name(fields: Iterable[Mapping[str, Any]]) -> dict[str, Filled]:
    """The columns that are filled, by their names in lower case.

    Args:
        fields: The columns, as the schema's JSON has them.
    """
    return {field["name"].lower(): _filled(field) for field in fields if not RULES.isdisjoint(field["metadata"])}


def _filled(field: Mapping[str, Any]) -> Filled:
    said = field["metadata"]
    mark = said.get(MARK)
    return Filled(
        field["name"],
        said.get(DEFAULT),
        said.get(GENERATION),
        START in said,
        bool(said.get(EXPLICIT)),
        int(said.get(START, 1)),
        int(said.get(STEP, 1)),
        None if mark is None else int(mark),
    )


def filled_columns(place: Path) -> Mapping[str, Filled]:
    """Those of a table in its last version, by their names in lower case."""
    return _read(*_state(place))


def columns_of(place: Path) -> Sequence[Mapping[str, Any]]:
    """The columns of a table in its last version, as the schema's JSON has them."""
    return _loaded(*_state(place))[0]


def _state(place: Path) -> tuple[Path, int, int]:
    """A version never changes; a table that takes the place of another one was written at another time."""
    version = latest(place)
    return place, version, (place / "_delta_log" / f"{version:020d}.json").stat().st_mtime_ns


@lru_cache(maxsize=1024)
def _read(place: Path, version: int, written: int) -> Mapping[str, Filled]:
    fields, configuration = _loaded(place, version, written)
    filled = by_name(fields)
    _need_no_queries(configuration, filled.values())
    return filled


@lru_cache(maxsize=1024)
def _loaded(place: Path, version: int, written: int) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, str]]:
    """The columns, and the table's properties."""
    from deltalake import DeltaTable

    table = DeltaTable(place)
    return json.loads(table.schema().to_json())["fields"], table.metadata().configuration


def _need_no_queries(configuration: Mapping[str, str], filled: Iterable[Filled]) -> None:
    """Refuse to write where another program has put a query into the table's log: no rights are asked for it."""
    rules = [one.default or one.generated for one in filled]
    for text in [*(value for key, value in configuration.items() if key.startswith(CHECKS)), *rules]:
        if text is not None:
            need_no_query(text)


def counts(place: Path) -> bool:
    """Whether the table at a place, if there is one, has identity columns."""
    return latest(place) >= 0 and any(column.identity for column in filled_columns(place).values())


def features_of(fields: Iterable[Mapping[str, Any]]) -> set[str]:
    """The table features that columns need."""
    return {FEATURES[key] for field in fields for key in FEATURES.keys() & field["metadata"].keys()}


def without_rules(field: Mapping[str, Any]) -> dict[str, Any]:
    """A column that is like any other."""
    return {**field, "metadata": {key: value for key, value in field["metadata"].items() if key not in RULES}}


def raised(column: Filled, value: str) -> str:
    """SQL of the error of a generated column that is given another value than its own.

    Args:
        column: The column.
        value: SQL of the value.
    """
    said = (
        f"[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint Generated Column ({column.name} <=> "
        f"({column.generated})) violated by row with values: {column.name} : "
    )
    said = said.replace("\\", "\\\\").replace("'", "\\'")
    return f"raise_error(concat('{said}', coalesce(CAST({value} AS STRING), 'null'), ' SQLSTATE: 23001'))"
