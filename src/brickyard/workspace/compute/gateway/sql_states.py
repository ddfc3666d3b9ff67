"""The SQLSTATE of errors that the engine names without one: every error class has one.

Source: https://docs.databricks.com/aws/en/error-messages/error-classes
"""

from __future__ import annotations

import re

__all__ = ["divided"]

_STATES = {
    "ARITHMETIC_OVERFLOW": "22003",
    "CANNOT_PARSE_DECIMAL": "22018",
    "CANNOT_PARSE_TIMESTAMP": "22007",
    "CAST_INVALID_INPUT": "22018",
    "CAST_OVERFLOW": "22003",
    "CONVERSION_INVALID_INPUT": "22018",
    "DATETIME_FIELD_OUT_OF_BOUNDS": "22023",
    "DATETIME_OVERFLOW": "22008",
    "DELTA_NOT_NULL_CONSTRAINT_VIOLATED": "23502",
    "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES": "23001",
    "DIVIDE_BY_ZERO": "22012",
    "DUPLICATED_MAP_KEY": "23505",
    "INTERVAL_ARITHMETIC_OVERFLOW": "22015",
    "INTERVAL_DIVIDED_BY_ZERO": "22012",
    "INVALID_ARRAY_INDEX": "22003",
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": "22003",
    "INVALID_FRACTION_OF_SECOND": "22023",
    "INVALID_INDEX_OF_ZERO": "22003",
    "INVALID_PARAMETER_VALUE": "22023",
    "INVALID_VARIANT_CAST": "22023",
    "INVALID_VARIANT_GET_PATH": "22023",
    "MALFORMED_RECORD_IN_PARSING": "22023",
    "NULL_MAP_KEY": "2200E",
    "NUMERIC_VALUE_OUT_OF_RANGE": "22003",
    "REMAINDER_BY_ZERO": "22012",
    "SCALAR_SUBQUERY_TOO_MANY_ROWS": "21000",
    "UNSUPPORTED_BY_ENGINE": "0A000",
    "USER_RAISED_EXCEPTION": "P0001",
}
_ENDING = re.compile(r"\s*SQLSTATE: ([0-9A-Z]{5})\s*$")


def divided(condition: str, message: str) -> tuple[str, str]:
    """The message without its SQLSTATE, and the SQLSTATE: its own, else that of the condition."""
    found = _ENDING.search(message)
    if found is not None:
        return message[: found.start()], found[1]
    return message, _STATES.get(condition.partition(".")[0], "")
