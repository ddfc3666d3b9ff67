"""Statistics of decimals that a double does not hold: tables with such columns are kept without any.

Sail (0.7.2) answers a column whose least and greatest value in a file are the same from the table's log, where decimals
are JSON numbers that it reads as doubles; the last digits would be lost.
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["INDEXED", "stop", "stripped"]

#: How many columns have statistics; a property of Delta.
INDEXED = "delta.dataSkippingNumIndexedCols"
#: A double holds every decimal of so many digits.
SAFE_DIGITS = 15
DECIMAL = re.compile(r'"decimal\((\d+),')


def stop(configuration: dict[str, str], fields: list[dict[str, Any]]) -> bool:
    """Have a table with long decimals written without statistics.

    Args:
        configuration: The table's properties; changed in place.
        fields: Its columns, as the schema's JSON has them.

    Returns:
        Whether anything changed.
    """
    if configuration.get(INDEXED) == "0" or not _has_long(fields):
        return False
    configuration[INDEXED] = "0"
    return True


def stripped(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The actions of a commit, in which files have a number of rows and no other statistics."""
    return [{"add": _bare(action["add"])} if "add" in action else action for action in actions]


def _bare(add: dict[str, Any]) -> dict[str, Any]:
    stats = json.loads(add.get("stats") or "{}")
    return {**add, "stats": json.dumps({key: stats[key] for key in ("numRecords",) if key in stats})}


def _has_long(fields: list[dict[str, Any]]) -> bool:
    return any(int(found[1]) > SAFE_DIGITS for found in DECIMAL.finditer(json.dumps([one["type"] for one in fields])))
