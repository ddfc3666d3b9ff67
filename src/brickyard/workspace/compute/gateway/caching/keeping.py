"""Plans in which the data that a session keeps takes the place of what makes it."""

from __future__ import annotations

import uuid
from typing import Any

from pyspark.sql.connect.proto import base_pb2, commands_pb2, relations_pb2

from brickyard.workspace.compute.gateway import zones
from brickyard.workspace.compute.gateway.caching.cache import Entry, Level, Made, Meaning, children, target
from brickyard.workspace.compute.gateway.caching.stamps import places_in, stamp_of
from brickyard.workspace.compute.gateway.semantics import essence
from brickyard.workspace.compute.gateway.session import Session
from brickyard.workspace.compute.gateway.temporary_views import View, inside

__all__ = ["clear", "forget", "keep", "keep_now", "kept", "prepare_view", "substitute"]

#: Plans of one step that reads a Delta table: it is read again as fast, and never stale.
READS = frozenset({"read"})


def keep(session: Session, relation: Any, level: Level | None = None) -> Entry:
    """Keep the data of a plan from its first use on.

    Raises:
        SparkError: The plan cannot be run.
    """
    cache = session.cache
    with cache.lock:
        found, view = target(relation, session.names)
        copied = relations_pb2.Relation()
        copied.CopyFrom(found)
        entry = Entry(copied, view, level or Level())
        session.schema(_resolved(_asking(session, view), copied))
        return cache.entries.setdefault(cache.key(relation, session.names), entry)


def keep_now(session: Session, relation: Any, level: Level | None = None) -> None:
    """Compute it at once."""
    entry = keep(session, relation, level)
    if not _is_plain(entry.relation):
        _made(session, entry)


def kept(session: Session, relation: Any) -> Level | None:
    """How the data of a plan is kept, if it is."""
    entry = session.cache.entries.get(session.cache.key(relation, session.names))
    return None if entry is None else entry.level


def forget(session: Session, relation: Any) -> bool:
    """No longer keep the data of a plan; whether it was kept."""
    with session.cache.lock:
        entry = session.cache.entries.pop(session.cache.key(relation, session.names), None)
        if entry is not None:
            _remove(session, entry)
    return entry is not None


def clear(session: Session) -> None:
    """No longer keep anything."""
    with session.cache.lock:
        while session.cache.entries:
            _remove(session, session.cache.entries.popitem()[1])


def substitute(message: Any, session: Session) -> tuple[str, ...]:
    """Read data that is kept in place of what makes it; computed first, if that has not been done."""
    cache = session.cache
    if not cache.entries:
        return ()
    numbers: dict[int, int] = {}
    with cache.lock:
        found = tuple(_substituted(message, session, numbers))
    if numbers:
        outside = set(_plan_ids(message))
        _renumber(message, {old: new for old, new in numbers.items() if old not in outside})
    return found


def prepare_view(plan: relations_pb2.Relation, session: Session) -> None:
    """Have the plan of a temporary view read what is kept, and resolve it; the session is the one inside the view."""
    if not (session.analyses or session.sail.capabilities.is_spark):
        substitute(plan, session)
    session.cache.resolve(plan, session)


def _substituted(message: Any, session: Session, numbers: dict[int, int]) -> list[str]:
    if message.DESCRIPTOR.name == "Relation":
        entry = session.cache.entries.get(session.cache.key(message, session.names))
        if entry is not None and not _is_plain(entry.relation) and _means(session, message, entry):
            made = _made(_live(session), entry)
            numbers.update(dict.fromkeys(_plan_ids(message), message.common.plan_id))
            _read(message, made.relation_id)
            return [made.relation_id]
    return [one for child in children(message) for one in _substituted(child, session, numbers)]


def _means(session: Session, message: Any, entry: Entry) -> bool:
    """Whether a plan means the same as one that is kept, which is written the same."""
    found, view = target(message, session.names)
    if (view or (session.opening[-1] if session.opening else None)) is entry.view:
        return True
    here, _ = _meaning(_asking(session, view), found)
    return here == _meaning(_asking(_live(session), entry.view), entry.relation)[0]


def _live(session: Session) -> Session:
    """The session, of which this may be what a temporary view sees."""
    return session.live or session


def _asking(session: Session, view: View | None) -> Session:
    """The session, or what a temporary view sees of it, while only schemas are asked for."""
    asking = session.for_analysis()
    return asking if view is None else inside(asking, view)


def _is_plain(relation: Any) -> bool:
    return relation.WhichOneof("rel_type") in READS and (
        relation.read.HasField("named_table") or relation.read.data_source.format.lower() in ("", "delta")
    )


def _read(relation: Any, relation_id: str) -> None:
    common = relations_pb2.RelationCommon()
    common.CopyFrom(relation.common)
    relation.Clear()
    relation.cached_remote_relation.relation_id = relation_id
    relation.common.CopyFrom(common)


def _made(session: Session, entry: Entry) -> Made:
    """The data of a plan, computed unless it is there."""
    meaning, asked = _meaning(_asking(session, entry.view), entry.relation)
    if entry.made is None or not session.sail.runs or not entry.made.fits(session.sail.generation, meaning):
        _remove(session, entry)
        places = set(places_in(asked, session.plans.get))
        tables = {place: stamp_of(place) for place in places if (place / "_delta_log").is_dir()}
        files = {place: stamp_of(place) for place in places if place not in tables}
        within = session if entry.view is None else inside(session, entry.view)
        plan = _resolved(within, entry.relation)
        with zones.engine_in(within):
            entry.made = Made(_computed(session, plan), session.sail.generation, meaning, tables, files)
    return entry.made


def _meaning(asking: Session, relation: Any) -> tuple[Meaning, relations_pb2.Relation]:
    """What a plan means now, and the plan with names resolved."""
    plan = _resolved(asking, relation)
    content = essence(plan)
    return (content, asking.zone, asking.sail.memory.functions_in(content)), plan


def _resolved(session: Session, relation: Any) -> relations_pb2.Relation:
    """The plan with names resolved; what is kept of its parts is read, unless only schemas are asked for."""
    plan = relations_pb2.Relation()
    plan.CopyFrom(relation)
    if not session.analyses:
        for child in children(plan):
            substitute(child, session)
    session.cache.resolve(plan, session)
    return plan


def _computed(session: Session, plan: relations_pb2.Relation) -> str:
    """Have the engine compute a plan and keep the rows in files; what it calls them."""
    request = base_pb2.ExecutePlanRequest(session_id=session.key.session_id, operation_id=str(uuid.uuid4()))
    request.user_context.user_id = session.key.user_id
    checkpoint: Any = request.plan.command.checkpoint_command
    checkpoint.relation.CopyFrom(plan)
    checkpoint.local = checkpoint.eager = True
    answers = [
        base_pb2.ExecutePlanResponse.FromString(raw)
        for raw in session.sail.stream("ExecutePlan")(request.SerializeToString())
    ]
    results = [one.checkpoint_command_result for one in answers if one.HasField("checkpoint_command_result")]
    return str(results[0].relation.relation_id)


def _remove(session: Session, entry: Entry) -> None:
    """Have the engine remove the rows."""
    made, entry.made = entry.made, None
    if made is not None and made.engine == session.sail.generation and session.sail.runs:
        command = commands_pb2.Command()
        command.remove_cached_remote_relation_command.relation.relation_id = made.relation_id
        session.sail.run(session.key, command)
    if made is not None:
        session.sail.remove_kept(session.key.session_id, made.relation_id)


def _plan_ids(message: Any) -> list[int]:
    own = [message.common.plan_id] if message.DESCRIPTOR.name == "Relation" else []
    return own + [one for child in children(message) for one in _plan_ids(child)]


def _renumber(message: Any, numbers: dict[int, int]) -> None:
    """Have columns of plans that are inside what is kept be those of what is kept."""
    field = message.DESCRIPTOR.fields_by_name.get("plan_id")
    if field is not None and message.DESCRIPTOR.name != "RelationCommon" and message.plan_id in numbers:
        message.plan_id = numbers[message.plan_id]
    for child in children(message):
        _renumber(child, numbers)
