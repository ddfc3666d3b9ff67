"""Rows made to fit an existing table: names, order and types, as Delta on Databricks checks them.

Sail matches the columns itself, but turns what does not fit into null and drops columns of a table that has NOT NULL
columns (0.7.2); so every write to an existing table goes through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace import statistics
from brickyard.workspace.compute.gateway import log
from brickyard.workspace.compute.gateway.assignment import assigned, check_castable, check_safe
from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.filled_rows import add_default, with_generated
from brickyard.workspace.compute.gateway.filling import Filled, filled_columns
from brickyard.workspace.compute.gateway.lengths import limits, within
from brickyard.workspace.compute.gateway.mapped_columns import numbered
from brickyard.workspace.compute.gateway.names import quote
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["assign", "check_characters", "check_columns", "check_distinct", "check_names", "fit", "new_columns"]

#: Each type can be written to the ones after it without loss.
WIDENING = ("tinyint", "smallint", "int", "bigint")
FLOATING = ("float", "double")
IMPOSSIBLE = frozenset(" ,;{}()\n\t=")


def fit(
    session: Session, source: relations_pb2.Relation, place: Path, *, evolve: bool, cast: bool = False
) -> relations_pb2.Relation:
    """The rows of a DataFrame write: by name; columns that are missing become null.

    Args:
        session: The session that writes.
        source: The resolved rows.
        place: The table.
        evolve: Add columns that the table does not have (`mergeSchema`).
        cast: Cast as an INSERT does: Delta does where it appends to a table by its name.

    Raises:
        SparkError: DELTA_METADATA_MISMATCH, DELTA_FAILED_TO_MERGE_FIELDS; DATATYPE_MISMATCH where it casts.
    """
    fields = _fields(session, place)
    given = session.sail.schema(session.key, source).fields
    check_distinct(given)
    new = [field for field in given if field.name.lower() not in fields]
    if new and not evolve:
        raise _unknown_column(new[0].name, fields)
    if new:
        _check_types(new)
        _add_columns(place, new)
        fields = _fields(session, place)
    return _project(session, source, place, fields, {field.name.lower(): field for field in given}, cast=cast)


def new_columns(session: Session, source: relations_pb2.Relation, place: Path) -> list[dict[str, Any]]:
    """The columns of rows that the table does not have, as the schema's JSON has them."""
    fields = _fields(session, place)
    given = session.sail.schema(session.key, source).fields
    new = [field for field in given if field.name.lower() not in fields]
    _check_types(new)
    return [{**field.jsonValue(), "nullable": True} for field in new]


def assign(
    session: Session,
    source: relations_pb2.Relation,
    place: Path | Mapping[str, Any],
    columns: list[str] | None,
    *,
    by_name: bool,
) -> relations_pb2.Relation:
    """The rows of an INSERT: by position or by name, cast as CAST does.

    Args:
        session: The session that writes.
        source: The resolved rows.
        place: The Delta table or, of another table, its columns by their names in lower case.
        columns: Those that the statement lists.
        by_name: Whether the rows' columns are matched by their names.

    Raises:
        SparkError: INSERT_COLUMN_ARITY_MISMATCH, DATATYPE_MISMATCH, or a column that the table does not have.
    """
    fields = _fields(session, place)
    given = session.sail.schema(session.key, source).fields
    names = [field.name for field in given]
    wanted = [name.lower() for name in (columns if columns is not None else names if by_name else fields)]
    _check_names(wanted, fields, listed=columns is not None)
    if len(names) != len(wanted):
        raise _arity(names, wanted, general=columns is not None or not isinstance(place, Path))
    if columns is not None:
        _need_all(fields, wanted, _filled(place))
    renamed = relations_pb2.Relation()
    renamed.to_df.input.CopyFrom(source)
    renamed.to_df.column_names.extend(wanted)
    return _project(session, renamed, place, fields, dict(zip(wanted, given, strict=True)), cast=True)


def check_columns(session: Session, source: relations_pb2.Relation) -> None:
    """Refuse columns that a Delta table cannot have, or that other libraries could not read.

    Raises:
        SparkError: COLUMN_ALREADY_EXISTS, or a column without a type.
    """
    given = session.sail.schema(session.key, source).fields
    check_distinct(given)
    check_characters([field.name for field in given])
    _check_types(given)


def check_distinct(given: Sequence[Any]) -> None:
    """Refuse two columns of one name; upper and lower case are the same."""
    check_names([field.name.lower() for field in given])


def check_characters(names: Sequence[str]) -> None:
    """Refuse names of columns that Parquet files cannot have."""
    wrong = [name for name in names if not IMPOSSIBLE.isdisjoint(name)]
    if wrong:
        text = (
            f"Found invalid character(s) among ' ,;{{}}()\\n\\t=' in the names of columns: {', '.join(wrong)}. "
            "Use other names, for example with an alias, or create the table and set delta.columnMapping.mode to name."
        )
        raise SparkError("DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", text, sql_state="42K05")


def check_names(names: Sequence[str]) -> None:
    """Refuse a name that is there twice; they are in lower case."""
    for name in names:
        if names.count(name) > 1:
            text = f"The column {quote(name)} already exists. Choose another name or rename the existing column."
            raise SparkError("COLUMN_ALREADY_EXISTS", text, sql_state="42711")


def _check_types(given: list[Any]) -> None:
    for field in given:
        if "void" in _types(field.dataType):
            raise unsupported(
                f"a table's column without a type (VOID): {field.name}",
                f"Give it one, for example CAST({quote(field.name)} AS STRING).",
            )


def _types(kind: Any) -> set[str]:
    """The names of a type and of the types inside it."""
    inside = [field.dataType for field in getattr(kind, "fields", ())]
    inside += [getattr(kind, name) for name in ("elementType", "keyType", "valueType") if hasattr(kind, name)]
    return {kind.typeName()}.union(*(_types(inner) for inner in inside))


def _fields(session: Session, place: Path | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(place, Path):
        return place
    return {field.name.lower(): field for field in session.schema_of(place).fields}


def _filled(place: Path | Mapping[str, Any]) -> Mapping[str, Filled]:
    return filled_columns(place) if isinstance(place, Path) else {}


def _check_names(wanted: list[str], fields: Mapping[str, Any], *, listed: bool) -> None:
    unknown = [name for name in wanted if name not in fields]
    if unknown and listed:
        text = f"The table has no column {quote(unknown[0])}. It has {', '.join(fields)}."
        raise SparkError("UNRESOLVED_COLUMN.WITH_SUGGESTION", text, sql_state="42703")
    if unknown:
        raise _unknown_column(unknown[0], fields)
    check_names(wanted)


def _unknown_column(name: str, fields: Iterable[str]) -> SparkError:
    return SparkError(
        "DELTA_METADATA_MISMATCH",
        f"A schema mismatch detected when writing to the Delta table: it has no column {quote(name)}. "
        f"It has {', '.join(fields)}. To add new columns, set the option mergeSchema to true.",
        sql_state="42KDG",
    )


def _arity(given: list[str], wanted: list[str], *, general: bool) -> SparkError:
    text = (
        f"Cannot write to the table, {{}} data columns: it takes {len(wanted)} ({', '.join(wanted)}), and the query "
        f"gives {len(given)} ({', '.join(given)})."
    )
    few = len(given) < len(wanted)
    text = text.format("not enough" if few else "too many")
    if few and not general:
        return SparkError("DELTA_INSERT_COLUMN_ARITY_MISMATCH", text, sql_state="42802")
    condition = f"INSERT_COLUMN_ARITY_MISMATCH.{'NOT_ENOUGH' if few else 'TOO_MANY'}_DATA_COLUMNS"
    return SparkError(condition, text, sql_state="21S01")


def _need_all(fields: Mapping[str, Any], wanted: list[str], filled: Mapping[str, Filled]) -> None:
    """Refuse an INSERT that leaves out a column that must have a value."""
    for name, field in fields.items():
        if not field.nullable and name not in wanted and name not in filled:
            text = f"Column {field.name} is not specified in INSERT. It is NOT NULL and has no default."
            raise SparkError("DELTA_INSERT_COLUMN_MISMATCH", text, sql_state="42802")


def _project(
    session: Session,
    source: relations_pb2.Relation,
    place: Path | Mapping[str, Any],
    fields: Mapping[str, Any],
    given: dict[str, Any],
    *,
    cast: bool,
) -> relations_pb2.Relation:
    """The columns of the table in their order; identity columns that are not given are left to the engine."""
    filled, longest = _filled(place), limits(place) if isinstance(place, Path) else {}
    generated = {name: column for name, column in filled.items() if column.generated is not None}
    for name in filled.keys() & given.keys():
        filled[name].need_writable()
    project = relations_pb2.Relation()
    project.project.input.CopyFrom(source)
    renamed = source.HasField("to_df")
    for name, field in fields.items():
        column = filled.get(name, Filled(name))
        if name not in given and (column.identity or name in generated):
            continue
        alias = project.project.expressions.add().alias
        alias.name.append(field.name)
        kind = field.dataType.simpleString()
        if name not in given:
            add_default(session, alias.expr, column.default, kind)
            continue
        own = quote(name if renamed else given[name].name)
        limit, have = longest.get(name), given[name].dataType.simpleString()
        if limit and (cast or have == kind):
            text = own if have == kind else f"CAST({own} AS STRING)"
            alias.expr.expression_string.expression = within(text, field.name, limit)
        elif have == kind:
            alias.expr.unresolved_attribute.unparsed_identifier = own
        elif cast:
            if not isinstance(place, Path):
                check_safe(field.name, given[name].dataType, field.dataType)
            check_castable(field.name, given[name].dataType, field.dataType)
            text = assigned(own, field.name, have, kind)
            alias.expr.expression_string.expression = text
        else:
            _check_merge(field, given[name])
            alias.expr.cast.type_str = kind
            alias.expr.cast.expr.unresolved_attribute.unparsed_identifier = own
    return with_generated(session, project, place, fields, generated) if isinstance(place, Path) else project


def _check_merge(field: Any, given: Any) -> None:
    """Delta takes wider columns for narrower values, and nothing else."""
    kind, have = field.dataType.simpleString(), given.dataType.simpleString()
    nested = kind.startswith(("struct", "array", "map")) and have.split("<")[0] == kind.split("<")[0]
    if have != "void" and not nested and not _widens(have, kind):
        raise SparkError(
            "DELTA_FAILED_TO_MERGE_FIELDS",
            f"Failed to merge fields '{field.name}' and '{given.name}': the table's column is {kind} and the "
            f"DataFrame's is {have}. Cast the column before writing.",
            sql_state="22005",
        )


def _widens(have: str, kind: str) -> bool:
    for ladder in (WIDENING, FLOATING):
        if have in ladder and kind in ladder:
            return ladder.index(have) <= ladder.index(kind)
    if not (have.startswith("decimal") and kind.startswith("decimal")):
        return False
    return all(mine <= theirs for mine, theirs in zip(_digits(have), _digits(kind), strict=True))


def _digits(kind: str) -> tuple[int, int]:
    """Digits before and after the point."""
    precision, _, scale = kind.removeprefix("decimal(").removesuffix(")").partition(",")
    return int(precision) - int(scale or 0), int(scale or 0)


def _add_columns(place: Path, new: list[Any]) -> None:
    """Add columns that take nulls, in one commit."""
    fields = [{**field.jsonValue(), "nullable": True} for field in new]

    def edit(metadata: log.Metadata) -> None:
        known = {field["name"].lower() for field in metadata.fields}
        added = [field for field in fields if field["name"].lower() not in known]
        if metadata.mapped:
            added = [numbered(field, metadata.configuration) for field in added]
        metadata.fields.extend(added)
        statistics.stop(metadata.configuration, metadata.fields)

    log.change(place, "ADD COLUMNS", {"columns": [{"column": field["name"]} for field in fields]}, edit)
