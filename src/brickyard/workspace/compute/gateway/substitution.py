"""`${key}` in SQL: Spark puts the setting's value there before it reads the text, also inside of strings and names.

Source: https://spark.apache.org/docs/latest/sql-ref-syntax-aux-conf-mgmt-set.html, `spark.sql.variable.substitute`
"""

from __future__ import annotations

import re
from typing import Any

from brickyard.workspace.compute.gateway.errors import ILLEGAL, SparkError, unsupported

__all__ = ["substituted"]

REFERENCE = re.compile(r"\$\{(?:(\w+?):)?(\S+?)\}")
#: What may stand before a key; others are no references.
OF_SETTINGS = frozenset({"", "spark", "sparkconf", "hivevar", "hiveconf"})
OF_MACHINE = frozenset({"env", "system"})


def substituted(sql: str, session: Any, inside: tuple[str, ...] = ()) -> str:
    """The text with the values of the session's settings; nothing for those that are not set.

    Args:
        sql: The text.
        session: The session.
        inside: The references of whose values it is a part.

    Raises:
        SparkError: If a reference refers to itself; UNSUPPORTED_BY_ENGINE.
    """
    if "${" not in sql or session.setting("spark.sql.variable.substitute").lower() == "false":
        return sql

    def value(found: re.Match[str]) -> str:
        prefix, key = found[1] or "", found[2]
        if prefix in OF_MACHINE:
            raise unsupported(f"{found[0]} in SQL", "Set the value with SET key = value, and write ${key}.")
        if prefix not in OF_SETTINGS:
            return found[0]
        if found[0] in inside:
            raise SparkError("INVALID_CONF_VALUE", f"Circular reference in {inside[0]}: {key}.", kind=ILLEGAL)
        known = session.setting(f"{prefix}:{key}") or session.setting(key)
        known = known or session.sail.configuration(session.key, key) or ""
        return substituted(known, session, (*inside, found[0]))

    return REFERENCE.sub(value, sql)
