"""Plans in which the data that a session keeps takes the place of what makes it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.sql.connect.proto import base_pb2, commands_pb2, relations_pb2

from brickyard.workspace.compute.gateway.caching.cache import Cache, Entry, Level, Made, View, children
from brickyard.workspace.compute.gateway.caching.stamps import places_in, stamp_of
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["clear", "forget", "keep", "keep_now", "kept", "refresh_views", "substitute"]

#: Plans of one step that reads a Delta table: it is read again as fast, and never stale.
READS = frozenset({"read"})


def keep(session: Session, relation: Any, level: Level | None = None) -> Entry:
    """Keep the data of a plan from its first use on.

    Raises:
        SparkError: The plan cannot be run.
    """
    cache = session.cache
    with cache.lock:
        key, entry = cache.key(relation), cache.entry_of(relation)
        session.for_analysis().schema(_resolved(session.for_analysis(), entry))
        entry.level = level or Level()
        return cache.entries.setdefault(key, entry)


def keep_now(session: Session, relation: Any, level: Level | None = None) -> None:
    """Compute it at once."""
    entry = keep(session, relation, level)
    if not _is_plain(entry.relation):
        _made(session, entry)


def kept(session: Session, relation: Any) -> Level | None:
    """How the data of a plan is kept, if it is."""
    entry = session.cache.entries.get(session.cache.key(relation))
    return None if entry is None else entry.level


def forget(session: Session, relation: Any) -> bool:
    """No longer keep the data of a plan; whether it was kept."""
    with session.cache.lock:
        entry = session.cache.entries.pop(session.cache.key(relation), None)
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
    inside: dict[int, int] = {}
    with cache.lock:
        found = tuple(_substituted(message, session, inside))
    if inside:
        outside = set(_plan_ids(message))
        _renumber(message, {old: new for old, new in inside.items() if old not in outside})
    return found


def _substituted(message: Any, session: Session, inside: dict[int, int]) -> list[str]:
    if message.DESCRIPTOR.name == "Relation":
        entry = session.cache.entries.get(session.cache.key(message))
        if entry is not None and not _is_plain(entry.relation):
            made = _made(session, entry)
            inside.update(dict.fromkeys(_plan_ids(message), message.common.plan_id))
            _read(message, made.relation_id)
            return [made.relation_id]
    return [one for child in children(message) for one in _substituted(child, session, inside)]


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
    if entry.made is None or not session.sail.runs or not entry.made.fits(session.sail.generation):
        _remove(session, entry)
        places = set(_places(session, entry))
        tables = {place: stamp_of(place) for place in places if (place / "_delta_log").is_dir()}
        files = {place: stamp_of(place) for place in places if place not in tables}
        plan = _resolved(session, entry)
        entry.made = Made(_computed(session, plan), session.sail.generation, tables, files)
    return entry.made


def _places(session: Session, entry: Entry) -> Iterator[Path]:
    """What a plan reads, also where data that is kept takes its place."""
    asking = session.for_analysis()

    def view(name: str) -> Any:
        found = session.cache.views.get(name)
        return session.cache.held.get(name) if found is None else _resolved(asking, found)

    return places_in(_resolved(asking, entry), view)


def _resolved(session: Session, entry: Entry | View) -> relations_pb2.Relation:
    """The plan with names resolved; what is kept of its parts is read."""
    plan = relations_pb2.Relation()
    plan.CopyFrom(entry.relation)
    if not entry.resolved:
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


def refresh_views(request: Any, session: Session) -> None:
    """Have the engine's views that a plan names read what is kept now."""
    cache = session.cache
    if not cache.views or not (cache.entries or any(view.kept for view in cache.views.values())):
        return
    again: set[str] = set()
    named = _named(cache, bytes(request.SerializeToString()).lower())
    for name, view in list(cache.views.items()):
        if name not in named:
            continue
        plan = relations_pb2.Relation()
        plan.CopyFrom(view.relation)
        ids = _view_substituted(session, view, plan)
        mentions = bytes(view.relation.SerializeToString()).lower()
        if ids != view.kept or any(other.encode() in mentions for other in again):
            if not view.resolved and not plan.HasField("cached_remote_relation"):
                session.cache.resolve(plan, session)
            _register(session, name, plan)
            view.kept = ids
            again.add(name)


def _view_substituted(session: Session, view: View, plan: Any) -> tuple[str, ...]:
    entry = session.cache.entries.get(view.key)
    if entry is not None and not _is_plain(entry.relation):
        made = _made(session, entry)
        _read(plan, made.relation_id)
        return (made.relation_id,)
    return () if view.resolved else substitute(plan, session)


def _named(cache: Cache, text: bytes) -> set[str]:
    """The views that a text names, and those that these name."""
    found: set[str] = set()
    texts = [text]
    while texts:
        text = texts.pop()
        new = {name for name in cache.views if name not in found and name.encode() in text}
        found |= new
        texts += [bytes(cache.views[name].relation.SerializeToString()).lower() for name in new]
    return found


def _register(session: Session, name: str, plan: relations_pb2.Relation) -> None:
    command = commands_pb2.Command()
    view = command.create_dataframe_view
    view.input.CopyFrom(plan)
    view.name, view.replace = name, True
    session.sail.execute(session.key, base_pb2.Plan(command=command), lasting=False)


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
