"""What the calls of a client say of data that is kept."""

from __future__ import annotations

from typing import Any

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.caching import keeping
from brickyard.workspace.compute.gateway.caching.cache import Level
from brickyard.workspace.compute.gateway.session import Session

__all__ = ["KEEPING", "keeping_answer", "level_of", "read_kept"]

KEEPING = frozenset({"persist", "unpersist", "get_storage_level"})
NOT_KEPT = Level(use_disk=False, use_memory=False, deserialized=False)
#: Commands whose plans are looked at where they are used.
LATER = frozenset({"sql_command", "create_dataframe_view"})


def keeping_answer(request: base_pb2.AnalyzePlanRequest, session: Session) -> bytes:
    """`df.persist()`, `df.unpersist()`, `df.storageLevel`."""
    answer = base_pb2.AnalyzePlanResponse(session_id=request.session_id)
    kind = request.WhichOneof("analyze")
    relation = getattr(request, str(kind)).relation
    if kind == "persist":
        keeping.keep(session, relation, level_of(request.persist))
        answer.persist.SetInParent()
    elif kind == "unpersist":
        keeping.forget(session, relation)
        answer.unpersist.SetInParent()
    else:
        level = keeping.kept(session, relation) or NOT_KEPT
        for field, value in vars(level).items():
            setattr(answer.get_storage_level.storage_level, field, value)
    return bytes(answer.SerializeToString())


def level_of(asked: Any) -> Level:
    """The storage level of a call."""
    given = asked.storage_level
    if not asked.HasField("storage_level"):
        return Level()
    return Level(given.use_disk, given.use_memory, given.use_off_heap, given.deserialized, given.replication)


def read_kept(plan: base_pb2.Plan, session: Session) -> None:
    """Have a plan that is to be run read what is kept."""
    if plan.HasField("root"):
        keeping.substitute(plan.root, session)
    elif plan.command.WhichOneof("command_type") == "checkpoint_command":
        plan.command.checkpoint_command.eager = True  # Sail knows no other; the rows are the same
        keeping.substitute(plan.command, session)
    elif plan.command.HasField("remove_cached_remote_relation_command"):
        removed = plan.command.remove_cached_remote_relation_command.relation.relation_id
        session.sail.remove_kept(session.key.session_id, removed)
    elif plan.command.WhichOneof("command_type") not in LATER:
        keeping.substitute(plan.command, session)
