"""What of the statements somebody asks for: found and paged by the database, the newest first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, delete, or_, select, true

from brickyard.workspace.clock import now
from brickyard.workspace.sql.records import ENDED, StatementRecord, first_id
from brickyard.workspace.store.sql import sql_statements as table
from brickyard.workspace.store.sql import statement_tags

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from brickyard.workspace.sql.statements import Statement

__all__ = ["HistoryFilter", "forget_old", "page"]

#: For how long the history is kept: thirty days, as on the service.
_KEPT_MILLISECONDS = 30 * 24 * 3_600_000


@dataclass(frozen=True)
class HistoryFilter:
    """Which statements are asked for; what is empty or none does not restrict.

    Attributes:
        seen_by: Whose statements the caller sees, and on which warehouses everybody's; none for all.
        states: In which states.
        user_ids: Of which principals.
        warehouse_ids: On which warehouses.
        ids: Which, by their ids.
        since: Submitted then or later, in epoch milliseconds.
        until: Submitted then or earlier.
        before: Only those that were submitted before the one with this id.
    """

    seen_by: tuple[int, Collection[str]] | None = None
    states: frozenset[str] = frozenset()
    user_ids: frozenset[int] = frozenset()
    warehouse_ids: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None
    before: str | None = None


def page(
    connection: Connection, wanted: HistoryFilter, live: Mapping[str, Statement], size: int
) -> list[StatementRecord]:
    """The newest statements that pass, at most so many; of those that run, as they are now."""
    query = select(table).where(*_conditions(wanted, live)).order_by(table.c.id.desc()).limit(size)
    found = [StatementRecord.of(row) for row in connection.execute(query).mappings()]
    return [live[one.id].record if one.id in live else one for one in found]


def forget_old(connection: Connection) -> None:
    """Delete what is older than the history reaches; ids begin with their time."""
    oldest = first_id(now() - _KEPT_MILLISECONDS)
    connection.execute(delete(table).where(table.c.id < oldest, table.c.state.in_(ENDED)))
    connection.execute(delete(statement_tags).where(statement_tags.c.id < oldest))


def _conditions(wanted: HistoryFilter, live: Mapping[str, Statement]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [table.c.id >= first_id(now() - _KEPT_MILLISECONDS)]
    if wanted.seen_by is not None:
        user, monitored = wanted.seen_by
        found.append(or_(table.c.user_id == user, table.c.warehouse_id.in_(monitored)))
    for column, values in (
        (table.c.user_id, wanted.user_ids),
        (table.c.warehouse_id, wanted.warehouse_ids),
        (table.c.id, wanted.ids),
    ):
        if values:
            found.append(column.in_(values))
    if wanted.states:
        found.append(_in_state(wanted.states, live))
    found.append(and_(true(), *_times(wanted)))
    return found


def _times(wanted: HistoryFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(table.c.submitted_at >= wanted.since)
    if wanted.until is not None:
        found.append(table.c.submitted_at <= wanted.until)
    if wanted.before is not None:
        found.append(table.c.id < wanted.before)
    return found


def _in_state(states: frozenset[str], live: Mapping[str, Statement]) -> ColumnElement[bool]:
    """Of statements that have not ended, the table has the state in which they were submitted."""
    now_so = [id for id, one in list(live.items()) if one.record.state in states]
    return or_(and_(table.c.state.in_(states), table.c.id.not_in(list(live))), table.c.id.in_(now_so))
