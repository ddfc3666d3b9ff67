"""What Sail says of queries that are wrong, under the names that Databricks gives to the same errors.

Source: https://docs.databricks.com/aws/en/error-messages/error-classes
"""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.workspace.compute.gateway.errors import (
    ANALYSIS,
    ARITHMETIC,
    DATE_TIME,
    ILLEGAL,
    NUMBER_FORMAT,
    RUNTIME,
    UNSUPPORTED,
)

__all__ = ["MALFORMED", "QUERY_RULES", "SPARK", "Rule"]

SPARK = "org.apache.spark.SparkException"


@dataclass(frozen=True)
class Rule:
    """How one message of Sail is said.

    Args:
        pattern: What the message looks like; its groups go into the text.
        condition: The error class.
        text: The new message; `{0}` is the whole old one, `{1}` the first group.
        sql_state: The SQLSTATE of the class.
        kind: The exception's class.
    """

    pattern: str
    condition: str
    text: str
    sql_state: str
    kind: str = ANALYSIS


#: The text that is no value of a type, and the type.
MALFORMED = (
    'The value \'{1}\' of the type "STRING" cannot be cast to "{2}" because it is malformed. Correct the value as per '
    "the syntax, or change its target type. Use `try_cast` to tolerate malformed input and return NULL instead."
)
INPUT = "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE"
NO_SUCH_INPUT = (
    "The function `{1}` does not take an argument of this type on the Spark engine 'sail'. Cast the argument. The "
    "engine said: {0}"
)
MISPLACED = "Physical plan does not support logical expression"
NO_AGGREGATE = "A column of the query is neither in GROUP BY nor inside an aggregate function. The engine said: {0}"
AGGREGATES = r'"(?:count|sum|min|max|avg|first_value|last_value|stddev|var|array_agg)\w*\([^"]*"'
PLANNING = "(?:Error during planning: )?"
QUERY_RULES = (
    Rule(
        r"invalid argument: invalid window function expression: .*filter: Some",
        "UNSUPPORTED_BY_ENGINE",
        "The Spark engine 'sail' of this local workspace does not support FILTER with OVER. Use CASE WHEN.",
        "0A000",
        UNSUPPORTED,
    ),
    Rule(
        r".*(?:missing or ambiguous field: (\S+)|Field (\S+) not found in struct)$",
        "FIELD_NOT_FOUND",
        "No such struct field `{1}`.",
        "42704",
    ),
    Rule(
        r"(?:invalid argument|error in SQL parser): found (?i:collate)\b",
        "UNSUPPORTED_BY_ENGINE",
        "The Spark engine 'sail' of this local workspace does not support COLLATE. Use lower() on both sides.",
        "0A000",
        UNSUPPORTED,
    ),
    Rule(
        rf"No field named .*Valid fields are {AGGREGATES}(?:, {AGGREGATES})*\.?$",
        "MISSING_GROUP_BY",
        NO_AGGREGATE,
        "42803",
    ),
    Rule(
        r"(Aggregate function calls cannot be nested): .*", "NESTED_AGGREGATE_FUNCTION", "{1}. Use a subquery.", "42607"
    ),
    Rule(
        rf".*{MISPLACED} AggregateFunction",
        "INVALID_WHERE_CONDITION",
        "A condition cannot contain an aggregate function. Use HAVING, or compute it in a subquery.",
        "42903",
    ),
    Rule(
        rf".*{MISPLACED} WindowFunction",
        "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE",
        "A window function is not allowed in this clause. Use QUALIFY, or compute it in a subquery.",
        "42903",
    ),
    Rule(
        r".*(?:expected (?:(?:at (?:least|most) )?\w+) arguments? but received \d+"
        r"|Function '\w+' expects \d+ arguments but received \d+$|requires \d+ arguments?$"
        r"|\b(?:zero|one|two|three) values? expected: )",
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        "The function was called with a wrong number of arguments, or with one that the Spark engine 'sail' lacks: {0}",
        "42605",
    ),
    Rule(
        r".*?(?:Function|call to|argument type to|Data Type: Spark)"
        r"\s['`]?(\w+)['`]?\s(?:function )?(?:function: coercion from|at position|failed to match|"
        r"user-defined coercion|requires .* but received|expects)",
        INPUT,
        NO_SUCH_INPUT,
        "42K09",
    ),
    Rule(
        r"(?:invalid argument: )?`?(\w+)`? (?:should only be called with a list or map|does not support|"
        r"expects List or Map)",
        INPUT,
        NO_SUCH_INPUT,
        "42K09",
    ),
    Rule(
        r"(?:Error during planning: )?(Cannot automatically convert .*|.* argument should be String or Binary, got .*"
        r"|The first argument must be a Utf8.*|Cast error: Cannot cast LIST .*|Negation only supports .*)",
        INPUT,
        "An argument has a type that the function does not take on the Spark engine 'sail'. Cast it. It said: {1}",
        "42K09",
    ),
    Rule(
        r"(?:Invalid argument error: )?(\S+) is too small to store in a Decimal\d+ of precision",
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        "The value {1} does not fit into the type. Use a larger type, or try_cast to get NULL instead.",
        "22003",
        ARITHMETIC,
    ),
    Rule(
        r"(?:.*Cast error: )?Cannot cast string '(.*)' to value of (Decimal\S*\(\d+, -?\d+\)) type",
        "CAST_INVALID_INPUT",
        MALFORMED,
        "22018",
        NUMBER_FORMAT,
    ),
    *(
        Rule(
            rf".*Error parsing {kind} from '(.*?)'",
            "CAST_INVALID_INPUT",
            MALFORMED.replace("{2}", kind.upper()),
            "22018",
            DATE_TIME,
        )
        for kind in ("timestamp", "date")
    ),
    Rule(
        r"(?:.*: )?Spark `unbase64`: (.*)",
        "CONVERSION_INVALID_INPUT",
        "The text cannot be converted from base 64: {1}. Use try_to_binary to get NULL instead.",
        "22018",
        ILLEGAL,
    ),
    Rule(
        r"invalid argument: configuration not found: (\S+)",
        "SQL_CONF_NOT_FOUND",
        'The SQL config "{1}" cannot be found. Verify that it exists, or give a default.',
        "42K0I",
        "org.apache.spark.SparkNoSuchElementException",
    ),
    Rule(
        r".*(Cannot create filter with non-boolean predicate) .* returning (\w+)",
        "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN",
        "Filter expression is not of type BOOLEAN but {2}.",
        "42K09",
    ),
    Rule(
        rf"{PLANNING}Incompatible inputs for Union: (.*)",
        "INCOMPATIBLE_COLUMN_TYPE",
        "UNION, INTERSECT and EXCEPT take queries whose columns have compatible types: {1}.",
        "42825",
    ),
    Rule(
        rf"{PLANNING}(Scalar subquery should only return one column, but found \d+)",
        "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN",
        "{1}.",
        "42823",
    ),
    Rule(
        r".*Scalar subquery returned more than one row",
        "SCALAR_SUBQUERY_TOO_MANY_ROWS",
        "More than one row returned by a subquery used as an expression.",
        "21000",
        SPARK,
    ),
    Rule(
        rf"{PLANNING}Expected (?:LIMIT|OFFSET) to be an integer or null, but got (.*)",
        "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE",
        "The limit like expression is invalid: it must be an integer, but is {1}.",
        "42K0E",
    ),
    Rule(
        rf"{PLANNING}(?:LIMIT|OFFSET) must be >=? 0, '(.*)' was provided",
        "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE",
        "The limit like expression is invalid: it must be equal to or greater than 0, but got {1}.",
        "42K0E",
    ),
    Rule(
        r".*unknown table function: (\S+)",
        "UNRESOLVABLE_TABLE_VALUED_FUNCTION",
        "Could not resolve {1} to a table-valued function that the Spark engine 'sail' has. Check the spelling; if "
        "Databricks has it, use LATERAL VIEW, or the function in a SELECT.",
        "42883",
    ),
    Rule(
        r".*(the lambda function declares \d+ parameters .*)",
        "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH",
        "The function cannot be called with this lambda function: {1}.",
        "42K0D",
    ),
    Rule(r"Failed to parse schema ('.*?'): .*", "PARSE_SYNTAX_ERROR", "The schema {1} cannot be parsed.", "42601"),
    Rule(
        r".*(?:regex parse error|[Rr]egular expression did not compile|Invalid regex).*",
        "INVALID_PARAMETER_VALUE.PATTERN",
        "The regular expression is invalid, or uses look-around or back references, which the engine lacks. {0}",
        "22023",
        RUNTIME,
    ),
    Rule(
        r"(?:.*: )?invalid datetime pattern: (.*)",
        "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER",
        "Unrecognized datetime pattern: {1}.",
        "22007",
        RUNTIME,
    ),
    Rule(
        r".*(expected datetime literal .*)",
        "CANNOT_PARSE_TIMESTAMP",
        "The text cannot be parsed: {1}. Use try_to_timestamp to tolerate it and get NULL instead.",
        "22007",
        DATE_TIME,
    ),
    Rule(
        r".*Unable to parse date from (.*)",
        "DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION",
        "There is no date of year, month and day {1}.",
        "22023",
        DATE_TIME,
    ),
    Rule(
        r"[Dd]ivi(?:de|sion) by zero",
        "DIVIDE_BY_ZERO",
        "Division by zero. Use try_divide to tolerate a divisor of 0 and return NULL instead.",
        "22012",
        ARITHMETIC,
    ),
    Rule(
        r"(?:Cast error: )?Can't cast value (\S+) to type \w+",
        "CAST_OVERFLOW",
        "The value {1} does not fit into the type. Use a larger type, or try_cast to get NULL instead.",
        "22003",
        ARITHMETIC,
    ),
    Rule(r".*'([^']*\(.*)' is not true!", "USER_RAISED_EXCEPTION", "'{1}' is not true!", "P0001", RUNTIME),
)
