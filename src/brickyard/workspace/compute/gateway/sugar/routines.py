"""SQL and Python functions that users create, and what Unity Catalog keeps of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Parameter", "Routine"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function, or a column of a table that it returns.

    Args:
        name: Its name.
        kind: Its type, as SQL.
        default: The expression that it is without an argument.
        comment: What it is.
    """

    name: str
    kind: str
    default: str | None = None
    comment: str | None = None

    def to_wire(self, position: int) -> dict[str, Any]:
        """As the functions API has it."""
        wire = {"name": self.name, "type_text": self.kind, "type_name": type_name(self.kind), "position": position}
        optional = {"parameter_default": self.default, "comment": self.comment}
        return {**wire, "type_json": f'"{self.kind}"', **{key: one for key, one in optional.items() if one is not None}}

    @staticmethod
    def from_wire(wire: dict[str, Any]) -> Parameter:
        """As the functions API gives it."""
        return Parameter(wire["name"], wire["type_text"], wire.get("parameter_default"), wire.get("comment"))


@dataclass(frozen=True)
class Routine:
    """A function.

    Args:
        name: Its name of one part (temporary) or three.
        parameters: What it takes.
        returns: The type that it gives; empty if it is not given, or if it gives a table.
        columns: The columns of the table that it gives; None for a scalar function.
        body: The expression, the query or the Python source.
        python: Whether the body is Python.
        comment: What it is for.
        deterministic: Whether it gives the same for the same arguments.
        through: The functions of the catalog through which its body's names are reached, itself last.
    """

    name: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    returns: str
    columns: tuple[Parameter, ...] | None
    body: str
    python: bool = False
    comment: str | None = None
    deterministic: bool = True
    through: tuple[str, ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether it stands in FROM."""
        return self.columns is not None

    @property
    def full_name(self) -> str:
        """The dotted name."""
        return ".".join(self.name)

    def to_wire(self) -> dict[str, Any]:
        """The `function_info` of the functions API."""
        catalog, schema, name = self.name
        wire = {
            "name": name,
            "catalog_name": catalog,
            "schema_name": schema,
            "input_params": {"parameters": [one.to_wire(at) for at, one in enumerate(self.parameters)]},
            "data_type": "TABLE_TYPE" if self.is_table else type_name(self.returns),
            "full_data_type": self.returns,
            "routine_body": "EXTERNAL" if self.python else "SQL",
            "routine_definition": self.body,
            "parameter_style": "S",
            "is_deterministic": self.deterministic,
            "sql_data_access": "NO_SQL" if self.python else "READS_SQL_DATA",
            "is_null_call": False,
            "security_type": "DEFINER",
            "specific_name": name,
        }
        if self.columns is not None:
            wire["return_params"] = {"parameters": [one.to_wire(at) for at, one in enumerate(self.columns)]}
        if self.python:
            wire["external_language"] = "PYTHON"
        return wire if self.comment is None else {**wire, "comment": self.comment}

    @staticmethod
    def from_wire(wire: dict[str, Any]) -> Routine:
        """A `FunctionInfo` of the functions API."""
        table = wire.get("data_type") == "TABLE_TYPE"
        columns = (wire.get("return_params") or {}).get("parameters") or []
        return Routine(
            (wire["catalog_name"], wire["schema_name"], wire["name"]),
            tuple(Parameter.from_wire(one) for one in (wire.get("input_params") or {}).get("parameters") or []),
            "" if table else wire.get("full_data_type") or wire.get("data_type") or "",
            tuple(Parameter.from_wire(one) for one in columns) if table else None,
            wire.get("routine_definition") or "",
            (wire.get("external_language") or "").upper() == "PYTHON",
            wire.get("comment"),
            bool(wire.get("is_deterministic", True)),
        )


NAMES = {"TINYINT": "BYTE", "SMALLINT": "SHORT", "BIGINT": "LONG", "INTEGER": "INT", "REAL": "FLOAT", "DEC": "DECIMAL"}


def type_name(kind: str) -> str:
    """The API's name of a SQL type: `BIGINT` is `LONG`, `ARRAY<INT>` is `ARRAY`."""
    first = kind.split("<")[0].split("(")[0].strip().upper()
    return NAMES.get(first, first.split()[0] if first else "STRING")
