"""What a session's owner reads and writes, noted so that a later run can tell whether it would find the same."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.table import Table
from brickyard.workspace.stamps import Stamp, stamp_of

if TYPE_CHECKING:
    from brickyard.workspace.compute.gateway.session import Session
    from brickyard.workspace.compute.gateway.unity import UnityCatalog

__all__ = ["KEY", "Uses", "answer", "begin", "call_of", "concerned", "is_asked", "object_stamp"]

#: Set, it begins the noting; its value is then what was noted.
KEY = "spark.brickyard.uses"
#: Those objects of which it is noted that they were made; schemas and volumes only hold others.
KINDS = frozenset({"table", "function"})


def object_stamp(identity: str | None, updated_at: int | None) -> str:
    """A value that is another one once an object of the catalog has been changed, or made again."""
    return f"{identity}@{updated_at}"


class Uses:
    """What was read, as it was before; and what was written, as it is at the end.

    Everything goes through the catalog's calls for names and for access to data, so that is where it is noted.
    """

    def __init__(self) -> None:
        self._objects: dict[str, str] = {}
        self._inputs: dict[str, Stamp] = {}
        self._outputs: set[str] = set()
        self._made: set[tuple[str, str]] = set()
        self._lists = False

    def looked_up(self, kind: str, name: str, wire: Mapping[str, Any] | None) -> None:
        """An object of the catalog was looked up; nothing was there where `wire` is none."""
        if (kind, name) not in self._made:
            self._objects.setdefault(f"{kind} {name}", _stamp(kind, wire))

    def made(self, kind: str, name: str) -> None:
        """An object was made, changed or removed."""
        if kind in KINDS:
            self._made.add((kind, name))
        self._objects.pop(f"{kind} {name}", None)

    def used(self, place: Path, *, write: bool) -> None:
        """Data were read or written; what the task reads of its own is no input."""
        if write:
            self._outputs.add(str(place))
        elif str(place) not in self._outputs and str(place) not in self._inputs:
            self._inputs[str(place)] = stamp_of(place)

    def listed(self) -> None:
        """What there is was asked for, which no stamp can stand for."""
        self._lists = True

    def noted(self, catalog: UnityCatalog) -> dict[str, Any]:
        """All of it as JSON can hold it; what was made is looked up again."""
        objects, outputs = dict(self._objects), set(self._outputs)
        for kind, name in self._made:
            wire = catalog.wire_of(kind, name)
            objects[f"{kind} {name}"] = _stamp(kind, wire)
            if wire is not None and wire.get("storage_location"):
                outputs.add(str(Table.from_wire(wire).location))
        written = {place: stamp_of(Path(place)) for place in outputs}
        return {"whole": not self._lists, "objects": objects, "inputs": self._inputs, "outputs": written}


def _stamp(kind: str, wire: Mapping[str, Any] | None) -> str:
    return "" if wire is None else object_stamp(wire.get(f"{kind}_id"), wire.get("updated_at"))


_calls = threading.local()


@contextlib.contextmanager
def call_of(session_id: str) -> Iterator[None]:
    """What is used on this thread is used by that session."""
    before, _calls.session_id = getattr(_calls, "session_id", None), session_id
    try:
        yield
    finally:
        _calls.session_id = before


def concerned(noted: Mapping[str, Uses]) -> list[Uses]:
    """Those, by session, that are to note what is used on this thread: all where it is not known whose call it is."""
    session_id = getattr(_calls, "session_id", None)
    return [uses for key, uses in list(noted.items()) if session_id in (None, key)]


def begin(session: Session, given: Mapping[str, str]) -> None:
    """Begin to note where the settings that are made ask for it."""
    if KEY in given:
        session.catalog.uses.setdefault(session.key.session_id, Uses())


def is_asked(operation: base_pb2.ConfigRequest.Operation) -> bool:
    """Whether what was noted is asked for."""
    return operation.WhichOneof("op_type") == "get" and list(operation.get.keys) == [KEY]


def answer(session: Session, request: base_pb2.ConfigRequest) -> bytes:
    """What was noted, as the setting's value; empty where nothing was to be noted."""
    uses = session.catalog.uses.get(session.key.session_id)
    pair = base_pb2.KeyValue(key=KEY, value="" if uses is None else json.dumps(uses.noted(session.catalog)))
    response = base_pb2.ConfigResponse(session_id=request.session_id, pairs=[pair])
    return bytes(response.SerializeToString())
