"""What Sail says of values and types, under the names that Databricks gives to the same errors."""

from __future__ import annotations

from brickyard.workspace.compute.gateway.errors import ARITHMETIC, DATE_TIME, ILLEGAL, PARSE, RUNTIME, UNSUPPORTED
from brickyard.workspace.compute.gateway.query_errors import Rule

__all__ = ["VALUE_RULES"]

DIFFERENT, MIXED = "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"
APART = "The operands have types that do not go together: {1}. Cast one of them."
NO_TIME = "The text cannot be parsed: {0}. Use try_to_timestamp to tolerate it and get NULL instead."
LARGE = "The value {1} does not fit into the type. Use a larger type, or try_cast to get NULL instead."
RANGE = "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION"
LACKING = "The Spark engine 'sail' of this local workspace does not support {}."


def _lacks(pattern: str, what: str, instead: str) -> Rule:
    return Rule(pattern, "UNSUPPORTED_BY_ENGINE", f"{LACKING.format(what)} {instead}", "0A000", UNSUPPORTED)


VALUE_RULES = (
    Rule(r".*Can not find compatible types to compare (.*)", DIFFERENT, APART, "42K09"),
    Rule(r".*Failed to coerce then (.*)", DIFFERENT, APART, "42K09"),
    Rule(r".*For function '\w+' (.*?) are not coercible", MIXED, APART, "42K09"),
    Rule(r".*Cannot get result type for temporal operation (.*?):", MIXED, APART, "42K09"),
    Rule(r".*Invalid timezone .*", "CANNOT_PARSE_TIMESTAMP", NO_TIME, "22007", DATE_TIME),
    Rule(
        r"invalid parsed \w+: .*|datetime value does not match format .*",
        "CANNOT_PARSE_TIMESTAMP",
        NO_TIME,
        "22007",
        DATE_TIME,
    ),
    Rule(
        r".*Expects group index between (\d+ and \d+), but got (\d+)",
        "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX",
        "The value of parameter(s) `idx` is invalid: expects group index between {1}, but got {2}.",
        "22023",
        RUNTIME,
    ),
    Rule(
        r".*The group index must be non-negative, but got (-\d+)",
        "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX",
        "The value of parameter(s) `idx` is invalid: expects a group index that is not negative, but got {1}.",
        "22023",
        RUNTIME,
    ),
    Rule(
        r".*(Percentile value for '\w+' must be a literal)",
        "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
        "{1}.",
        "42K09",
    ),
    Rule(
        r".*invalid argument: invalid scalar function clause",
        "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
        "A function that is no aggregate function takes no DISTINCT, FILTER and WITHIN GROUP.",
        "42000",
    ),
    Rule(
        r".*Invalid US-ASCII byte sequence.*",
        "MALFORMED_CHARACTER_CODING",
        "Invalid value found when performing `decode` with US-ASCII",
        "22000",
        RUNTIME,
    ),
    Rule(r".*Cannot cast to Decimal\d+\(.*?\)\. Overflowing on (\S+)", RANGE, LARGE, "22003", ARITHMETIC),
    Rule(
        r"invalid argument: interval: (.*)",
        "INVALID_INTERVAL_FORMAT.ARITHMETIC_EXCEPTION",
        "Error parsing '{1}' to interval. Please ensure that the value provided is in a valid format and in range.",
        "22006",
        PARSE,
    ),
    Rule(
        r".*hll_sketch_agg requires lgConfigK between (\d+ and \d+), got (-?\d+)",
        "HLL_INVALID_LG_K",
        "Invalid call to `hll_sketch_agg`; the `lgConfigK` value must be between {1}, but is {2}.",
        "22546",
        RUNTIME,
    ),
    Rule(
        r"(?:.*Date part '(\w+)' not supported|.*: (\w+) does not support: (?:Interval|Duration))",
        "INVALID_EXTRACT_FIELD",
        "Cannot extract `{1}` from this type. Use a part that it has, such as DAY, or MONTH of years and months.",
        "42601",
    ),
    Rule(
        r".*(date_part requires non-empty constant string)",
        "NON_FOLDABLE_ARGUMENT",
        "The function `date_part` requires the parameter `field` to be a literal that is not null. {1}",
        "42K08",
    ),
    _lacks(r".*function: Unsupported charset (?i:utf-32)\.", "UTF-32", "Use UTF-16, or Python."),
    Rule(
        r".*Spark `(\w+)` function: Unsupported charset (\S+)\.",
        "INVALID_PARAMETER_VALUE.CHARSET",
        "The value of parameter(s) `charset` in `{1}` is invalid: expects one of the iso-8859-1, us-ascii, utf-16, "
        "utf-16be, utf-16le, utf-32, utf-8, but got {2}.",
        "22023",
        ILLEGAL,
    ),
    _lacks(
        r'invalid argument: invalid window function expression: .*?Identifier\("(\w+)"\)',
        "{1} with OVER in this form",
        "Compute it in a subquery with GROUP BY, and join.",
    ),
    _lacks(r".*invalid TIME precision.*", "TIME of less than six digits", "Use TIME(6)."),
    _lacks(r".*json_tuple field names must be.*", "names that are no literals in json_tuple", "Use from_json()."),
    _lacks(r".*[Ee]ncountered non UTF-8 data.*", "texts of bytes that are no UTF-8", "Keep them as BINARY."),
    _lacks(
        r".*expected a lambda at position \d+ but received a value",
        "a value in place of a lambda function",
        "Write x -> value.",
    ),
    _lacks(r".*Cannot run range queries on datatype: (\w+)", "windows ordered by {1}", "Order by hex(...)."),
)
