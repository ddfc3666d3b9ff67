"""Names of Unity Catalog objects: case-insensitive, and never a way out of their directory."""

from __future__ import annotations

import re

from brickyard.workspace.api.errors import InvalidParameterValue

__all__ = ["parent_of", "valid_full_name", "valid_name"]

# Source: https://docs.databricks.com/sql/language-manual/sql-ref-names.html
_FORBIDDEN = re.compile(r"[./\\ \x00-\x1f\x7f]")
_MAX = 255


def valid_name(name: object, field: str = "name") -> str:
    """One name in lower case, as the vendor keeps it.

    Raises:
        InvalidParameterValue: It is empty or too long, or has a character that no name may have.
    """
    if not isinstance(name, str) or not name:
        raise InvalidParameterValue(f"{field} is required")
    try:
        size = len(name.lower().encode())
    except UnicodeEncodeError as error:
        raise InvalidParameterValue(f"{field} is not valid Unicode text") from error
    if size > _MAX or _FORBIDDEN.search(name):
        raise InvalidParameterValue(
            f"{name!r} is not a valid name: at most {_MAX} bytes, without dots, slashes, spaces and control characters"
        )
    return name.lower()


def valid_full_name(full_name: str, depth: int) -> str:
    """A name of `depth` parts, such as `main.default.trips`, in lower case.

    Raises:
        InvalidParameterValue: It has another number of parts, or one of them is not valid.
    """
    parts = full_name.split(".")
    if len(parts) != depth:
        raise InvalidParameterValue(f"{full_name!r} is not a name of {depth} parts")
    return ".".join(valid_name(part) for part in parts)


def parent_of(full_name: str) -> str:
    """The name of the schema of a table, or of the catalog of a schema."""
    return full_name.rpartition(".")[0]
