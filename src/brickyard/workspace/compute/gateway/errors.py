"""Errors as Spark Connect carries them: a condition, a message, and the exception class the client raises."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "OTHER_ENGINE",
    "SparkError",
    "Unsupported",
    "already_exists",
    "no_shared_column",
    "no_travel",
    "not_found",
    "parse_error",
    "unsupported",
]

#: What has streaming, Spark ML and all of Spark's SQL.
OTHER_ENGINE = "choose Apache Spark for the cluster (spark_conf: spark.brickyard.engine: jvm)"
ANALYSIS = "org.apache.spark.sql.AnalysisException"
PARSE = "org.apache.spark.sql.catalyst.parser.ParseException"
UNSUPPORTED = "java.lang.UnsupportedOperationException"
RUNTIME = "org.apache.spark.SparkRuntimeException"
ARITHMETIC = "java.lang.ArithmeticException"
NUMBER_FORMAT = "java.lang.NumberFormatException"
DATE_TIME = "java.time.DateTimeException"
INDEX = "java.lang.ArrayIndexOutOfBoundsException"
ILLEGAL = "java.lang.IllegalArgumentException"


class SparkError(Exception):
    """An error that the client raises as `AnalysisException`, `ParseException` or similar.

    Args:
        condition: The error class of Databricks, for example `TABLE_OR_VIEW_NOT_FOUND`.
        message: What happened and what to do, without the condition.
        kind: The JVM class name that pyspark maps to a Python exception.
        sql_state: The five-character SQLSTATE of the condition, if it has one.
    """

    def __init__(self, condition: str, message: str, *, kind: str = ANALYSIS, sql_state: str = "") -> None:
        text = f"[{condition}] {message}"
        super().__init__(f"{text} SQLSTATE: {sql_state}" if sql_state else text)
        self.condition = condition
        self.kind = kind
        self.sql_state = sql_state


def not_found(what: str, name: str) -> SparkError:
    """A table, schema or catalog that does not exist (`what` is the noun of the error class)."""
    condition, state = {
        "table": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        "schema": ("SCHEMA_NOT_FOUND", "42704"),
        "catalog": ("NO_SUCH_CATALOG_EXCEPTION", "42704"),
        "volume": ("UC_VOLUME_NOT_FOUND", "42704"),
        "path": ("PATH_NOT_FOUND", "42K03"),
    }[what]
    if what == "path":
        return SparkError(condition, f"Path does not exist: {name}.", sql_state=state)
    noun = "table or view" if what == "table" else what
    hint = "Check the spelling and the current catalog and schema."
    return SparkError(condition, f"The {noun} {name} cannot be found. {hint}", sql_state=state)


def already_exists(what: str, name: str) -> SparkError:
    """A table, schema, volume or catalog that is there already."""
    condition = "TABLE_OR_VIEW_ALREADY_EXISTS" if what == "table" else f"{what.upper()}_ALREADY_EXISTS"
    return SparkError(
        condition,
        f"Cannot create {what} {name} because it already exists. "
        "Choose another name, drop it, or use IF NOT EXISTS or OR REPLACE.",
        sql_state="42P07",
    )


def no_travel(name: str) -> SparkError:
    """Another version is asked for of something that has one only."""
    text = f"The feature is not supported: Time travel on the relation: {name}."
    return SparkError("UNSUPPORTED_FEATURE.TIME_TRAVEL", text, sql_state="0A000")


def no_shared_column(name: str, side: str, columns: Sequence[str] = ()) -> SparkError:
    """A column of `USING (...)` that one side of the join does not have."""
    listed = f" Its columns: [{', '.join(f'`{column}`' for column in columns)}]." if columns else ""
    text = f"USING column `{name}` cannot be resolved on the {side} of the join.{listed}"
    return SparkError("UNRESOLVED_USING_COLUMN_FOR_JOIN", text, sql_state="42703")


class Unsupported(SparkError):
    """A construct that cannot be run.

    Args:
        construct: What it is.
        instead: What to use.
        engine: What the session's engine is called.
    """

    def __init__(self, construct: str, instead: str, engine: str = "sail") -> None:
        self.construct, self.instead = construct, instead
        text = f"The Spark engine '{engine}' of this local workspace does not support {construct}. {instead}"
        super().__init__("UNSUPPORTED_BY_ENGINE", text, kind=UNSUPPORTED, sql_state="0A000")

    def on(self, engine: str) -> Unsupported:
        """The same of another engine."""
        return Unsupported(self.construct, self.instead, engine)


def unsupported(construct: str, instead: str) -> Unsupported:
    """A construct that the engine cannot run; `instead` says what to use."""
    return Unsupported(construct, instead)


def parse_error(detail: str) -> SparkError:
    """SQL that cannot be parsed."""
    return SparkError("PARSE_SYNTAX_ERROR", detail, kind=PARSE, sql_state="42601")
