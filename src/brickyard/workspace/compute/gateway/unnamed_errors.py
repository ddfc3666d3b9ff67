"""What Sail says in its own words of arguments, literals and columns, under the names that Databricks has for it.

Source: https://docs.databricks.com/aws/en/error-messages/error-classes
"""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import DATE_TIME, ILLEGAL, PARSE, RUNTIME, UNSUPPORTED
from brickyard.workspace.compute.gateway.query_errors import INPUT, PLANNING, Rule

__all__ = ["UNNAMED_RULES"]

NO = "The Spark engine 'sail' of this local workspace does not support "
SPANS = r"(?:Interval\(|Duration\()"
UPGRADE = "org.apache.spark.SparkUpgradeException"


def _refused(pattern: str, what: str) -> Rule:
    return Rule(pattern, "UNSUPPORTED_BY_ENGINE", f"{NO}{what} The engine said: {{0}}", "0A000", UNSUPPORTED)


REFUSED_RULES = (
    _refused(
        r'.*ObjectName\(\[.*Identifier\("_metadata"\)',
        "the column _metadata here: only files that are read by their path have it. Use read_files(...), or a path.",
    ),
    _refused(
        r".*(?:\bgot|\btype:?|\bcoercion from|\bsupport:|\bsupported for) '?N(?:ull|ULL)\b",
        "a NULL without a type as an argument here. Cast it, as in CAST(NULL AS STRING).",
    ),
    _refused(
        rf".*(?:\bunsupported type:|\bgot|\breceived|\bcoercion from) (?:(?! to the)[^.;])*{SPANS}",
        "an INTERVAL as an argument of this function. Use extract(...), or numbers of months and seconds.",
    ),
    _refused(
        rf"(?:.*: )?(?:Unsupported CAST from .*|Casting from .*)\b(?:{SPANS}|Time(?:32|64)\()",
        "this cast of an INTERVAL or a TIME. Use extract(...).",
    ),
    _refused(
        r".*\b(?:Struct|List|Map)\(.*IS DISTINCT FROM|.*Nested comparison:",
        "comparing values of this type here. Compare their fields.",
    ),
    _refused(
        r"No field named [\w.]+\.\s*$|.*__held_|.*failed to simplify scan pruning filter: "
        r".*(?:OuterReferenceColumn|Subquery)",
        "this correlated subquery. Use a join, or only equalities between its columns and those around it.",
    ),
    _refused(
        r"Overflow converting .* to Nanosecond",
        "timestamps before 1677 or after 2262 in this function. Cast them to DATE.",
    ),
    _refused(r".*(?i:mode) requires deterministic|.*invalid tie-break strategy", "this second argument of mode()."),
)
NAMED_RULES = (
    Rule(
        r".*cannot resolve wildcard: (ObjectName\(.*?\]\))",
        "CANNOT_RESOLVE_STAR_EXPAND",
        "Cannot resolve {1}.*: there is no table and no struct of that name among the inputs.",
        "42704",
    ),
    Rule(
        r".*undefined window: (\S+)",
        "MISSING_WINDOW_SPECIFICATION",
        "Window specification is not defined in the WINDOW clause for `{1}`.",
        "42P20",
    ),
    Rule(
        r"invalid argument: (`(?:EXCEPT|INTERSECT).*` must have the same number of columns.*)",
        "NUM_COLUMNS_MISMATCH",
        "{1}",
        "42826",
    ),
    Rule(
        rf"{PLANNING}(InSubquery should only return one column, but found \d+)|"
        r"invalid argument: (IN subquery column count mismatch.*)",
        "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH",
        "The number of columns in the left hand side of an IN subquery does not match the number of columns in the "
        "output of the subquery: {1}.",
        "42K09",
    ),
    Rule(
        r"invalid argument: number of column names \((\d+)\) does not match number of columns \((\d+)\)",
        "ASSIGNMENT_ARITY_MISMATCH",
        "The number of columns or variables assigned or aliased: {2} does not match the number of source expressions: "
        "{1}.",
        "42802",
    ),
    Rule(
        r"(Inconsistent data length across values list: .*)",
        "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
        "Invalid inline table. {1}.",
        "42000",
    ),
    Rule(
        r"invalid argument: Cannot resolve column position (-?\d+)\. Valid positions are 1 to (\d+)",
        "ORDER_BY_POS_OUT_OF_RANGE",
        "Position {1} is not in select list (valid range is [1, {2}]).",
        "42805",
    ),
    Rule(
        r"invalid argument: range window frame requires exactly one order by",
        "DATATYPE_MISMATCH.RANGE_FRAME_WITHOUT_ORDER",
        "A range window frame cannot be used in an unordered window specification: give it one ORDER BY expression.",
        "42K09",
    ),
    Rule(
        r"invalid argument: one name expected for expression",
        "MULTI_ALIAS_WITHOUT_GENERATOR",
        "Multi part aliasing is not supported for an expression that is not a generator function.",
        "42K0E",
    ),
    Rule(
        r"missing field of lambda variable (\S+)",
        "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION",
        "Invalid lambda function call. A lambda function, as that of `{1}`, should only be used in a higher order "
        "function.",
        "42K0D",
    ),
    Rule(
        r"invalid argument: (?:tinyint|smallint|int|bigint|out-of-range \w+|decimal): (\S+)",
        "INVALID_NUMERIC_LITERAL_RANGE",
        "Numeric literal {1} is outside the valid range of its type. Adjust it, or use a larger type.",
        "22003",
        PARSE,
    ),
    Rule(
        r"the range step must not be 0|expected \d+ to \d+ arguments for range, ",
        "FAILED_FUNCTION_CALL",
        "Failed preparing of the function `range` for call. Please, double check function's arguments: {0}.",
        "38000",
    ),
    Rule(
        r"(?:invalid argument: )?(?:.*\brequires? (?:at least )?\d+ (?:or|to) \d+ arguments(?:, got \d|\W*$)|"
        r"\w+ requires at least \d+ arguments|.*`count` function requires at least one|"
        r"expected at least one value, but got an empty)",
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        "The function was called with a wrong number of arguments: {0}",
        "42605",
    ),
    Rule(
        r".*((?:Expected a literal value for the|must be literal|must be a foldable|expects a (?:constant|scalar)|"
        r"to be a constant|expects integer literal as).*)",
        "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
        "The function takes a constant only in this place: {0}",
        "42K09",
    ),
    Rule(
        r".*(?:lambda must return boolean, got|expects two ARRAY<FLOAT> arguments|expects List<Struct> as argument|"
        r"requires binary sketch arguments|expected a list, got|expects list as first|Invalid asc value for)",
        INPUT,
        "A function does not take an argument of this type: {0}",
        "42K09",
    ),
    Rule(
        r".*There isn't a common type to coerce (.*) in (?:LIKE|ILIKE|SIMILAR)",
        "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES",
        "The operands of LIKE must be texts, but are {1}. Cast them to STRING.",
        "42K09",
    ),
    Rule(
        r"cannot extract value from data type: (\S+)",
        "INVALID_EXTRACT_BASE_FIELD_TYPE",
        "Can't extract a value from a base of the type {1}. Need a complex type (STRUCT, ARRAY, MAP).",
        "42000",
    ),
    Rule(
        r"ambiguous (?:aggregate expression|outer attribute): (.*)",
        "AMBIGUOUS_REFERENCE",
        "Reference {1} is ambiguous. Give each column a name of its own.",
        "42704",
    ),
    Rule(
        r".*array_insert: the index 0 is invalid",
        "INVALID_INDEX_OF_ZERO",
        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first element has index 1).",
        "22003",
        RUNTIME,
    ),
    Rule(
        r"The value of parameter\(s\) (`unit` in .*)",
        "INVALID_PARAMETER_VALUE.TIME_UNIT",
        "The value of parameter(s) {1}",
        "22023",
        ILLEGAL,
    ),
    Rule(
        r".*(bit_get: position \S+ is out of bounds\.)",
        "INVALID_PARAMETER_VALUE.BIT_POSITION_RANGE",
        "{1}",
        "22023",
        ILLEGAL,
    ),
    Rule(
        r"make_time: (Invalid value for .*)",
        "DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION",
        "{1}.",
        "22023",
        DATE_TIME,
    ),
    Rule(
        r"(?:Execution error: )?(String '?.*'? does not match the expected regex pattern|Malformed integer format .*)",
        "INVALID_FORMAT.MISMATCH_INPUT",
        "The text does not match the format: {1} Use try_to_number to get NULL instead.",
        "42601",
        ILLEGAL,
    ),
    Rule(
        r"(?:.*: )?invalid datetime pattern: (.*width.*)",
        "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION",
        "You may get a different result due to the upgrading to Spark >= 3.0: Fail to recognize the pattern: {1}.",
        "42K0B",
        UPGRADE,
    ),
)
UNNAMED_RULES = REFUSED_RULES + NAMED_RULES
