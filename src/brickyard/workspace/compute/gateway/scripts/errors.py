"""What is wrong with a script, in the vendor's error classes."""

from __future__ import annotations

import re

from brickyard.workspace.compute.gateway.errors import SparkError

__all__ = ["bad_handler", "bad_label", "bad_variable", "check_state", "scripting"]

SCRIPTING = "org.apache.spark.sql.exceptions.SqlScriptingException"


def scripting(condition: str, message: str, state: str) -> SparkError:
    """An error of the script, not of a statement in it."""
    return SparkError(condition, message, kind=SCRIPTING, sql_state=state)


def bad_label(what: str, label: str, why: str) -> SparkError:
    """INVALID_LABEL_USAGE."""
    return scripting(f"INVALID_LABEL_USAGE.{what}", f"The usage of the label {label} is invalid. {why}", "42K0L")


def bad_variable(what: str, name: str, why: str, kind: str = SCRIPTING) -> SparkError:
    """INVALID_VARIABLE_DECLARATION."""
    text = f"Invalid variable declaration. Variable `{name}` {why}"
    return SparkError(f"INVALID_VARIABLE_DECLARATION.{what}", text, kind=kind, sql_state="42K0M")


def bad_handler(what: str, why: str) -> SparkError:
    """INVALID_HANDLER_DECLARATION."""
    return scripting(f"INVALID_HANDLER_DECLARATION.{what}", f"Invalid handler declaration. {why}", "42K0Q")


def check_state(state: str) -> str:
    """A SQLSTATE that a script may name."""
    state = state.upper()
    if not re.fullmatch("[A-Z0-9]{5}", state) or state[:2] in {"00", "01", "XX"}:
        text = (
            f"Invalid SQLSTATE value: '{state}'. SQLSTATE must be exactly 5 characters long and contain only A-Z and "
            "0-9. SQLSTATE must not start with '00', '01', or 'XX'."
        )
        raise scripting("INVALID_SQLSTATE", text, "428B3")
    return state
