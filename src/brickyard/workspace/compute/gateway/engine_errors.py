"""What Sail reports, under the names that Databricks gives to the same errors.

Source: https://docs.databricks.com/aws/en/error-messages/error-classes
"""

from __future__ import annotations

import json
import re
from typing import Any

from google.rpc import error_details_pb2

from brickyard.workspace.compute.gateway.errors import (
    ARITHMETIC,
    DATE_TIME,
    ILLEGAL,
    INDEX,
    NUMBER_FORMAT,
    PARSE,
    RUNTIME,
    UNSUPPORTED,
    SparkError,
    unsupported,
)
from brickyard.workspace.compute.gateway.properties import APPEND_ONLY
from brickyard.workspace.compute.gateway.query_errors import MALFORMED, QUERY_RULES, SPARK, Rule
from brickyard.workspace.compute.gateway.refused_errors import REFUSED
from brickyard.workspace.compute.gateway.sql_states import divided
from brickyard.workspace.compute.gateway.unnamed_errors import UNNAMED_RULES
from brickyard.workspace.compute.gateway.value_errors import VALUE_RULES

__all__ = ["describe", "named"]

NO_GROUP = "A column of the query is neither in GROUP BY nor inside an aggregate function. The engine said: {0}"
NO_SUBQUERY = (
    "The Spark engine 'sail' of this local workspace does not support this correlated subquery. Use a join, or only "
    "equalities between its columns and those around it. The engine said: {0}"
)
#: A column by its name where the engine has numbers for all: it looks for it in the wrong query.
INSIDE = r"(?:\w+\.)?\w+\.(?: Did you mean [^?]*\?)?\s*Valid fields are (?:\w+\.)?\"#\d+\""
NO_FUNCTION = (
    "Cannot resolve routine `{1}`: the Spark engine 'sail' of this local workspace has no function of that name. Check "
    "the spelling; if Databricks has it, use another function, or pandas for this step."
)
NO_TIMESTAMP = "The timestamp {1} is before the earliest version of the table."
NO_VERSION = "Cannot time travel the Delta table to version {1}. The latest version is {2}."
TOO_LARGE = "The value {1} does not fit into the type. Use a larger type, or try_cast to get NULL instead."
OVERFLOW = (
    "The result {1} of the computation does not fit into its type. Cast an operand to a larger type, or use try_add, "
    "try_subtract, try_multiply or try_sum to get NULL instead."
)
NO_LITERAL = (
    "Syntax error: there is an expression where only a literal may stand, as before the unit of an interval. Use "
    "make_interval or make_dt_interval for what is computed."
)
NO_PARAMETER = "Found the unbound parameter: {1}. Please, fix `args` and provide a value for the parameter."
NO_COLUMN = "A column, variable, or function parameter with name {1} cannot be resolved."


VIOLATION = "org.apache.spark.sql.delta.schema.DeltaInvariantViolationException"
CAST = "CAST_INVALID_INPUT"
NO_INTEGER, NO_TIME = MALFORMED.replace("{2}", "INT"), MALFORMED.replace("{2}", "TIMESTAMP")
ELEMENT = "INVALID_ARRAY_INDEX_IN_ELEMENT_AT"
OUT_OF_BOUNDS = "The index is out of bounds of the array. Use try_element_at to get NULL instead."
RANGE = "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION"
MIXED = "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"
NO_COMMON = "The operands have types that do not go together: {1}. Cast one of them."
UNRESOLVED = "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"
RULES = (
    Rule(r".*but Delta table is append-only", *APPEND_ONLY, "42809", UNSUPPORTED),
    Rule(r"Subqueries are not allowed in MERGE conditions", "DELTA_UNSUPPORTED_SUBQUERY", "{0}", "0AKDC"),
    Rule(r"attribute (ObjectName\(.*?\]\))", UNRESOLVED, NO_COLUMN, "42703"),
    Rule(r"\[UNRESOLVED_COLUMN\] Cannot find column (\S+)", UNRESOLVED, NO_COLUMN, "42703"),
    Rule(r"invalid argument: Cannot resolve UPDATE target column (\S+)", UNRESOLVED, NO_COLUMN, "42703"),
    Rule(r"ambiguous attribute: (ObjectName\(.*?\]\))", "AMBIGUOUS_REFERENCE", "Reference {1} is ambiguous.", "42704"),
    Rule(
        rf"No field named (?:.*__(?:correlated|scalar)_sq|{INSIDE})",
        "UNSUPPORTED_BY_ENGINE",
        NO_SUBQUERY,
        "0A000",
        UNSUPPORTED,
    ),
    Rule(r"No field named .*\"#\d+\"", "MISSING_AGGREGATION", NO_GROUP, "42803"),
    Rule(r".*Placeholder ':?(\w*)' was not provided", "UNBOUND_SQL_PARAMETER", NO_PARAMETER, "42P02"),
    Rule(r".*\bunknown function: (\S+)", "UNRESOLVED_ROUTINE", NO_FUNCTION, "42883"),
    Rule(
        r"(?:invalid argument|error in SQL parser): (found .*? expected .*)",
        "PARSE_SYNTAX_ERROR",
        "Syntax error: {1}.",
        "42601",
        PARSE,
    ),
    Rule(r"invalid argument: literal expression: .*", "PARSE_SYNTAX_ERROR", NO_LITERAL, "42601", PARSE),
    Rule(
        r".*[Rr]emainder by zero",
        "REMAINDER_BY_ZERO",
        "Remainder by zero. Use try_mod to tolerate a divisor of 0 and return NULL instead.",
        "22012",
        ARITHMETIC,
    ),
    Rule(
        r"(Int32|Int64|Int16|Int8) overflow on .*",
        "ARITHMETIC_OVERFLOW",
        "{0}. Cast the operand to a larger type.",
        "22003",
        ARITHMETIC,
    ),
    Rule(
        r"(?:.*Cast error: )?Cannot cast string '(.*)' to value of (\w+) type",
        "CAST_INVALID_INPUT",
        MALFORMED,
        "22018",
        NUMBER_FORMAT,
    ),
    *(
        Rule(rf".*\[{condition}\] (.*?)(?: SQLSTATE.*)?$", condition, "{1}", "22003", ARITHMETIC)
        for condition in ("DELTA_CAST_OVERFLOW_IN_TABLE_WRITE", "CAST_OVERFLOW_IN_TABLE_INSERT")
    ),
    Rule(
        r".*\[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES\] (CHECK constraint .*?)(?: SQLSTATE.*)?$",
        "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
        "{1}",
        "23001",
        VIOLATION,
    ),
    Rule(
        r".*\[DELTA_GENERATED_COLUMNS_VALUE_MISMATCH\] (.*)",
        "UNSUPPORTED_BY_ENGINE",
        "The engine computes a generated column otherwise than Databricks: {1} Compute the column when writing, into "
        "a table where it is an ordinary one.",
        "0A000",
        UNSUPPORTED,
    ),
    Rule(r".*(Overflow while rounding) ", "ARITHMETIC_OVERFLOW", "{1}. Use a larger type.", "22003", ARITHMETIC),
    Rule(
        r"(?:Cast error: )?value of (\S+) is out of range Int(?:32|64)",
        "ARITHMETIC_OVERFLOW",
        OVERFLOW,
        "22003",
        ARITHMETIC,
    ),
    Rule(
        r"(?:Cast error: )?value of (\S+) is out of range Int(?:8|16)",
        "BINARY_ARITHMETIC_OVERFLOW",
        OVERFLOW,
        "22003",
        ARITHMETIC,
    ),
    Rule(
        r"(?:Invalid argument error: )?(\S+) is too large to store in a Decimal\d+ of precision",
        RANGE,
        TOO_LARGE,
        "22003",
        ARITHMETIC,
    ),
    Rule(r"(?:Cast error: )?Cannot cast value '(.*)' to value of (\w+) type", CAST, MALFORMED, "22018", RUNTIME),
    Rule(r"(?:Invalid input syntax for type interval): \"(.*) days\"", CAST, NO_INTEGER, "22018", NUMBER_FORMAT),
    Rule(r"invalid timestamp: (.*)", CAST, NO_TIME, "22018", DATE_TIME),
    Rule(r".*element_at: the index is out of bounds", ELEMENT, OUT_OF_BOUNDS, "22003", INDEX),
    Rule(
        r".*(?:element_at: the index 0 is invalid|field position must not be zero)",
        "INVALID_INDEX_OF_ZERO",
        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1).",
        "22003",
        RUNTIME,
    ),
    Rule(r".*(Illegal input for day of week: \S+)", "ILLEGAL_DAY_OF_WEEK", "{1}.", "22009", ILLEGAL),
    Rule(
        r".*((?:Month|Day|Year) value '.*' is out of range|invalid input for Spark `make_timestamp_ntz`: .*)",
        "DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION",
        "{1}. Use try_make_timestamp to get NULL instead.",
        "22023",
        DATE_TIME,
    ),
    Rule(r".*'Boolean\((\w+)\)' is not true!", "USER_RAISED_EXCEPTION", "'{1}' is not true!", "P0001", RUNTIME),
    Rule(r".*Arithmetic overflow: (Overflow happened on: .*)", RANGE, "{1}. Use a larger type.", "22003", ARITHMETIC),
    Rule(r".*Cannot (?:coerce arithmetic expression|infer common argument type for) (.*)", MIXED, NO_COMMON, "42K09"),
    Rule(
        r"invalid argument: (cannot cast .*)|This feature is not implemented: (Unsupported CAST from .*)",
        "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION",
        "{0}.",
        "42K09",
    ),
    Rule(
        r"invalid parsed date: (.*)|.*(expected \w+ datetime field at byte offset \d+)",
        "CANNOT_PARSE_TIMESTAMP",
        "The text cannot be parsed: {0}. Use try_to_timestamp to tolerate it and get NULL instead.",
        "22007",
        DATE_TIME,
    ),
    Rule(
        r"invalid argument: ((?:Date|Timestamp)Value .*)",
        "INVALID_TYPED_LITERAL",
        "The value of the typed literal is invalid: {1}.",
        "42604",
        PARSE,
    ),
    Rule(
        r"invalid argument: Cannot resolve source column (\S+) for MERGE",
        "DELTA_MERGE_UNRESOLVED_EXPRESSION",
        "Cannot resolve the column {1} of the source: UPDATE SET * and INSERT * need all columns of the table in it, "
        "or MERGE WITH SCHEMA EVOLUTION.",
        "42601",
    ),
    Rule(
        r"MERGE_CARDINALITY_VIOLATION",
        "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE",
        "Cannot perform Merge as multiple source rows matched and attempted to modify the same target row in the Delta "
        "table in possibly conflicting ways. Keep one row per key in the source.",
        "21506",
    ),
    Rule(
        r"Failed to commit transaction: \d+",
        "DELTA_CONCURRENT_WRITE",
        "A concurrent transaction has written new data since the current transaction read the table. Try the operation "
        "again.",
        "2D521",
    ),
    Rule(
        r"Missing commit file: expected final version (\d+), replay reached (\d+)",
        "DELTA_VERSION_NOT_FOUND",
        NO_VERSION,
        "22003",
    ),
    Rule(
        r"No version of the Delta table exists at or before timestamp (\S+)",
        "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
        NO_TIMESTAMP,
        "42816",
    ),
    Rule(
        r".*Physical plan does not support logical expression AggregateFunction",
        "INVALID_WHERE_CONDITION",
        "The WHERE condition contains invalid expressions: aggregate functions. Rewrite the query to avoid window "
        "functions, aggregate functions, and generator functions in the WHERE clause; use HAVING.",
        "42903",
    ),
    Rule(
        r".*Physical plan does not support logical expression WindowFunction",
        "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE",
        "It is not allowed to use window functions inside WHERE clause. Use QUALIFY, or a subquery.",
        "42601",
    ),
    Rule(
        r".*Aggregate function calls cannot be nested",
        "NESTED_AGGREGATE_FUNCTION",
        "It is not allowed to use an aggregate function in the argument of another aggregate function. Please use the "
        "inner aggregate function in a sub-query.",
        "42607",
    ),
    Rule(
        r".*nulls for non-nullable StructArray field \"key\"",
        "NULL_MAP_KEY",
        "Cannot use null as map key.",
        "2200E",
        RUNTIME,
    ),
    Rule(r"\[DUPLICATED_MAP_KEY\] (.*)", "DUPLICATED_MAP_KEY", "{1}", "23505", RUNTIME),
    Rule(
        r".*MalformedRecord: \[(FAILED_READ_FILE\.NO_HINT)\] ([^\n]*)",
        "FAILED_READ_FILE.NO_HINT",
        "{2}",
        "KD001",
        SPARK,
    ),
    Rule(
        r".*(Csv error: .*|Json error: .*|Parser error: Error while parsing value .*)",
        "FAILED_READ_FILE.NO_HINT",
        "Encountered error while reading a large file, which the engine reads itself. Set the option 'mode' to "
        "'PERMISSIVE' to have what does not fit as null. The engine said: {1}",
        "KD001",
        SPARK,
    ),
    Rule(r"UNION queries have different number of columns: .*", "NUM_COLUMNS_MISMATCH", "{0}.", "42826"),
    Rule(
        r".*Invalid data type for Delta Lake: (.*)",
        "DELTA_UNSUPPORTED_DATA_TYPES",
        "Found columns using unsupported data types: {1}. Cast them, an interval for example to STRING.",
        "0AKDC",
    ),
)


def named(status: Any) -> Any:
    """The same status with Databricks' error class and message."""
    details = [(detail, error_details_pb2.ErrorInfo()) for detail in status.details]
    for detail, info in details:
        if detail.Unpack(info):
            error = _error(status.message, info)
            if error is not None:
                status.message = str(error)
                describe(info, error)
                detail.Pack(info)
    return status


#: How an error of the rows that the gateway writes to files comes back through its own function.
WRITTEN = re.compile(r'.*sources/write_files\.py".*\nRuntimeError: (?:Execution error: )?(.*?)\s*$', re.DOTALL)


def _error(message: str, info: Any) -> SparkError | None:
    inner = WRITTEN.match(message)
    if inner is not None:
        message, info.reason = inner[1], RUNTIME
    for rule in (*UNNAMED_RULES, *QUERY_RULES, *VALUE_RULES, *RULES):
        found = re.match(rule.pattern, message, re.DOTALL)
        if found:
            groups = [_readable(group) for group in found.groups() if group is not None]
            if rule.text == MALFORMED:
                groups[1] = _type_name(groups[1])
            return SparkError(
                rule.condition, rule.text.format(message, *groups), kind=rule.kind, sql_state=rule.sql_state
            )
    for part, (what, instead) in REFUSED.items():
        if part in message:
            return unsupported(what, instead)
    if info.reason.endswith("UnsupportedOperationException"):
        return unsupported(message, "Use another construct, or pandas for this step.")
    said = re.match(r"\[([A-Z][A-Z0-9_.]+)\] (.*)", message, re.DOTALL)
    return _under_its_name(said[1], said[2], info.reason) if said else None


def _under_its_name(condition: str, message: str, reason: str) -> SparkError:
    text, state = divided(condition, message)
    return SparkError(condition, text, kind=_kind(condition, text, reason), sql_state=state)


#: The exceptions of errors whose class Sail names but raises as another one.
KINDS = {
    "DUPLICATED_MAP_KEY": RUNTIME,
    "USER_RAISED_EXCEPTION": RUNTIME,
    "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION": SPARK,
    "ARITHMETIC_OVERFLOW": ARITHMETIC,
    "INTERVAL_ARITHMETIC_OVERFLOW": ARITHMETIC,
    "INVALID_ARRAY_INDEX": INDEX,
    "INVALID_VARIANT_CAST": RUNTIME,
    "MALFORMED_CHARACTER_CODING": RUNTIME,
    "CONVERSION_INVALID_INPUT": ILLEGAL,
    "NUMERIC_VALUE_OUT_OF_RANGE": ARITHMETIC,
    "UNSUPPORTED_BY_ENGINE": UNSUPPORTED,
    "DELTA_NOT_NULL_CONSTRAINT_VIOLATED": VIOLATION,
    "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES": VIOLATION,
    "DELTA_EXCEED_CHAR_VARCHAR_LIMIT": VIOLATION,
}
CASTS = {"DATE": DATE_TIME, "TIMESTAMP": DATE_TIME, "TIMESTAMP_NTZ": DATE_TIME, "BOOLEAN": RUNTIME, "BINARY": RUNTIME}


def _kind(condition: str, message: str, reason: str) -> str:
    if condition == "CAST_INVALID_INPUT":
        target = re.search(r'cannot be cast to "(\w+)', message)
        return CASTS.get(target[1], NUMBER_FORMAT) if target else reason
    return KINDS.get(condition, reason)


def _readable(group: str) -> str:
    """A name of Sail as SQL has it; places in the text are those of the rewritten statement, and say nothing."""
    if group.startswith("ObjectName("):
        return ".".join(f"`{word}`" for word in group.split('"')[1::2])
    return re.sub(r" at \d+:\d+", "", group)


TYPES = {
    "Int8": "TINYINT",
    "Int16": "SMALLINT",
    "Int32": "INT",
    "Int64": "BIGINT",
    "Float32": "FLOAT",
    "Float64": "DOUBLE",
    "Date32": "DATE",
}


def _type_name(name: str) -> str:
    """The SQL name of a type of the engine; a decimal is read with more digits than the user asks for."""
    return "DECIMAL" if name.startswith("Decimal") else TYPES.get(name, name.upper())


def describe(info: Any, error: SparkError) -> None:
    """Write what pyspark needs to raise the error as the right exception."""
    info.reason = error.kind
    info.domain = "org.apache.spark"
    info.metadata["classes"] = json.dumps([error.kind, "java.lang.Exception"])
    info.metadata["errorClass"] = error.condition
    if error.sql_state:
        info.metadata["sqlState"] = error.sql_state
