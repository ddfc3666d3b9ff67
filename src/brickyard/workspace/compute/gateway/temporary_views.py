"""Temporary views: each is kept as its client wrote it, and resolved where it is read.

So its reader needs the privileges, and gets the row filters, masks, tables and functions, of that moment; and it
outlasts the engine. What the engine knows is the resolved plan, under a name of its own: see `held_plans`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql.connect.proto import relations_pb2

from brickyard.workspace.compute.gateway import zones
from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.names import SessionNames, quote
from brickyard.workspace.compute.gateway.values.partitions import replace_columns

__all__ = ["View", "carried", "held", "inside", "of_frame", "of_text"]


@dataclass(frozen=True, eq=False)
class View:
    """A temporary view.

    Args:
        name: Its name, quoted.
        relation: What it gives; names in it are not resolved.
        names: The catalog and schema that were current, and the temporary views that it reads.
        zone: The time zone that was set.
        bindings: The variables and temporary functions that it uses; None for those of its reader.
        follows: Whether the temporary views that it reads are those of its reader instead, by their names.
        owner: The session that made it, if others read it.
    """

    name: str
    relation: relations_pb2.Relation
    names: SessionNames
    zone: str
    bindings: Any = None
    follows: bool = False
    owner: Any = None


def of_text(name: str, relation: relations_pb2.Relation, session: Any, *, shared: bool = False) -> View:
    """A view of SQL: what it names is looked up each time that it is read, in its session, if others share it.

    Raises:
        SparkError: RECURSIVE_VIEW, or what is wrong with the relation.
    """
    scripted = session.bindings.of_session is not None  # variables of a script end with it
    bindings = session.bindings.kept(follows=not scripted) if scripted or shared else None
    names = SessionNames(session.names.catalog, session.names.schema)
    view = View(quote(name), relation, names, session.zone, bindings, follows=not shared)
    if shared:
        names.temporary = session.names.temporary
        view = replace(view, owner=session.key)
        held(session, view)
        return view
    asking = copy.copy(session)
    asking.names = replace(session.names, temporary={**session.names.temporary, name.lower(): view})
    held(asking, view)
    return view


def of_frame(name: str, relation: relations_pb2.Relation, session: Any) -> View:
    """A view of a data frame: what it names is what has the name now.

    Raises:
        SparkError: What is wrong with the relation.
    """
    known = dict(session.names.temporary)
    names = replace(session.names, temporary=known)
    view = View(quote(name), relation, names, session.zone, session.bindings.kept())
    asking = copy.copy(session)
    asking.opened = {}
    held(asking, view)
    used = {one: inner for one, inner in known.items() if (inner, id(known)) in asking.opened}
    return replace(view, names=replace(names, temporary=used))


def carried(view: View, owner: Any, local: Callable[[relations_pb2.Relation], relations_pb2.Relation]) -> View:
    """A view for other sessions: with the data that its client has sent inside it, and in the views that it reads."""
    relation = relations_pb2.Relation()
    relation.CopyFrom(view.relation)
    inner = {name: carried(one, owner, local) for name, one in view.names.temporary.items()}
    names = replace(view.names, temporary=inner)
    return replace(view, relation=local(relation), names=names, owner=owner)


def inside(session: Any, view: View) -> Any:
    """The session as a view sees it: names mean in it what they meant to its author, rights are its reader's."""
    inner = copy.copy(session)
    inner.names = replace(view.names, temporary=session.names.temporary) if view.follows else view.names
    inner.statement = relations_pb2.Relation()
    inner.opening, inner.live = (*session.opening, view), session.live or session
    inner.opened = {} if session.opened is None else session.opened
    if view.zone != session.zone:
        inner.settings = zones.with_zone(session.settings, view.zone)
    apart = view.owner not in (None, session.key)
    inner.bindings = session.bindings.of_view(view.bindings, inner.names, apart=apart)
    return inner


def held(session: Any, view: View) -> str:
    """The name under which the session's engine has the rows of a view as they are now.

    Raises:
        SparkError: RECURSIVE_VIEW, INSUFFICIENT_PERMISSIONS, or what else is wrong with the view by now.
    """
    if view in session.opening:
        cycle = " -> ".join(one.name for one in [*session.opening[session.opening.index(view) :], view])
        raise SparkError("RECURSIVE_VIEW", f"Recursive view {view.name} detected (cycle: {cycle}).", sql_state="42K0H")
    inner = inside(session, view)
    key = (view, id(inner.names.temporary))
    if key not in inner.opened:
        plan = relations_pb2.Relation()
        plan.CopyFrom(view.relation)
        inner.cache.prepare(plan, inner)
        inner.opened[key] = session.plans.name_of(inner, plan, named=view.follows or view.owner is not None)
    name = inner.opened[view, id(session.names.temporary)] = str(inner.opened[key])  # it is used there
    return name if view.zone == session.zone else _in_zone(session, name)


def _in_zone(session: Any, name: str) -> str:
    """The same with times in the session's zone, where the view's is another: Sail keeps it with each (0.7.2)."""
    read = relations_pb2.Relation()
    read.read.named_table.unparsed_identifier = name
    times = {} if session.sail.capabilities.is_spark else zones.in_zone(session.fields(read))
    if not times:
        return name
    replace_columns(read, times)
    return str(session.plans.name_of(session, read))
