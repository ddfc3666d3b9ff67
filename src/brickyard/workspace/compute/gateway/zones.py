"""Times of Delta tables in the session's time zone.

Sail keeps with each timestamp the zone that it was read with, and Delta's are all in UTC: `hour(ts)` would be the hour
in UTC. A cast to TIMESTAMP gives it the session's zone (0.7.2).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.names import quote

__all__ = ["DEFAULT", "SETTING", "engine_in", "in_session", "in_zone", "is_utc", "with_zone"]

#: The setting of the time zone.
SETTING = "spark.sql.session.timeZone"
#: The zone of sessions that set none, as on Databricks.
DEFAULT = "Etc/UTC"
SAME = frozenset({"", "UTC", "ETC/UTC", "GMT", "UCT", "Z", "ZULU", "+00:00", "UTC+0", "ETC/GMT", "UNIVERSAL"})
STAMP = re.compile(r"timestamp(?!_ntz)")


def is_utc(zone: str) -> bool:
    """Whether a session's zone is UTC."""
    return zone.upper() in SAME


def in_zone(columns: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The columns that hold times, by their names, as SQL that gives them the session's zone.

    Args:
        columns: Names and types.
    """
    return {name: f"CAST({quote(name)} AS {kind})" for name, kind in columns if STAMP.search(kind)}


def with_zone(settings: Mapping[str, str], zone: str) -> dict[str, str]:
    """The settings with another time zone; empty for one that has not been set."""
    others = {key: value for key, value in settings.items() if key != SETTING}
    return {**others, SETTING: zone} if zone else others


@contextlib.contextmanager
def engine_in(session: Any) -> Iterator[None]:
    """While it lasts, the engine has the zone of a view that a session is inside, if that is another."""
    now, zone = session.sail.memory.setting(SETTING), session.zone or session.defaults.get(SETTING, "")
    if zone in ("", now):
        yield
        return
    session.sail.configure(session.key, {SETTING: zone})
    try:
        yield
    finally:
        session.sail.configure(session.key, {SETTING: now})


def in_session(source: str, table: Any, zone: str, ask: Callable[[str], Any] | None) -> str:
    """A Delta table as SQL has it, with its times in the session's zone.

    Args:
        source: What the engine reads.
        table: The table in the statement's tree.
        zone: The zone.
        ask: The schema of a query; without it, nothing is changed.
    """
    from sqlglot import exp

    if ask is None or is_utc(zone):
        return source
    columns = [(one.name, one.dataType.simpleString()) for one in ask(f"SELECT * FROM {source}").fields]
    times = in_zone(columns)
    if isinstance(table.parent, exp.Update | exp.Delete | exp.Merge) and table.arg_key == "this":
        check_changes(table.parent, times)
        return source
    items = ", ".join(f"{times[name]} AS {quote(name)}" if name in times else quote(name) for name, _ in columns)
    return f"(SELECT {items} FROM {source})" if times else source


def check_changes(tree: Any, columns: Iterable[str]) -> None:
    """Look for computations with times of a table that an UPDATE, DELETE or MERGE changes.

    Args:
        tree: The statement.
        columns: The columns of the table that hold times.

    Raises:
        SparkError: UNSUPPORTED_BY_ENGINE.
    """
    from sqlglot import exp

    names = {name.lower() for name in columns}
    for column in tree.find_all(exp.Column):
        if column.name.lower() in names and column.find_ancestor(exp.Func, exp.Interval):
            raise unsupported(
                f"functions of the time {column.name} in a statement that changes a table, in another zone than UTC",
                "SET TIME ZONE 'UTC' before, or compare the column itself.",
            )
