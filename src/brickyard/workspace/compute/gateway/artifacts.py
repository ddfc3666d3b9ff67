"""Files that a client sends to the engine: Python modules for UDFs, and large local data."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.errors import SparkError
from brickyard.workspace.compute.gateway.sail import Sail, SessionKey

__all__ = ["Artifacts"]


class Receiver(Protocol):
    """The session that artifacts are for."""

    blobs: dict[str, bytes]
    sail: Sail


Receivers = Callable[[SessionKey], Receiver]


class Artifacts:
    """Keeps artifacts of one engine in a private directory; modules of a session can be imported by its UDFs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, requests: Iterable[base_pb2.AddArtifactsRequest], receivers: Receivers) -> bytes:
        """Take a stream of artifacts, whole or in chunks."""
        answer = base_pb2.AddArtifactsResponse()
        key: SessionKey | None = None
        for key, name, data, intact in _assembled(requests):
            if intact:
                self._store(name, data, key, receivers(key))
            answer.artifacts.add(name=name, is_crc_successful=intact)
        if key is not None:
            answer.session_id = key.session_id
        return bytes(answer.SerializeToString())

    def status(self, request: Any, blobs: dict[str, bytes]) -> bytes:
        """Which of the named artifacts are here already."""
        answer = base_pb2.ArtifactStatusesResponse(session_id=request.session_id)
        for name in request.names:
            answer.statuses[name].exists = name.removeprefix("cache/") in blobs
        return bytes(answer.SerializeToString())

    def remove(self, key: SessionKey) -> None:
        """Remove the files of a session that has ended."""
        shutil.rmtree(self._own(key), ignore_errors=True)

    def _own(self, key: SessionKey) -> Path:
        return self._directory / hashlib.sha256(f"{key.user_id}\0{key.session_id}".encode()).hexdigest()[:32]

    def _store(self, name: str, data: bytes, key: SessionKey, session: Receiver) -> None:
        kind, _, rest = name.partition("/")
        if kind == "cache":
            session.blobs[rest] = data
            return
        own = self._own(key)
        place = (own / kind / rest).resolve()
        if not place.is_relative_to(own.resolve()):
            raise SparkError("INVALID_ARTIFACT_PATH", f"The artifact name {name} leads out of the session.")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if kind == "pyfiles":
            archive = place.suffix in {".zip", ".egg", ".whl", ".jar"}
            session.sail.import_from(str(place if archive else place.parent))


def _assembled(
    requests: Iterable[base_pb2.AddArtifactsRequest],
) -> Iterator[tuple[SessionKey, str, bytes, bool]]:
    """Session, name, content and whether all checksums are right, for each artifact."""
    name, content, intact, missing = "", b"", True, 0
    for request in requests:
        key = SessionKey.of(request)
        for artifact in request.batch.artifacts:
            yield key, artifact.name, artifact.data.data, _intact(artifact.data)
        chunk = None
        if request.HasField("begin_chunk"):
            begin = request.begin_chunk
            name, content, intact, missing = begin.name, b"", True, begin.num_chunks
            chunk = begin.initial_chunk
        elif request.HasField("chunk"):
            chunk = request.chunk
        if chunk is not None:
            content, intact, missing = content + chunk.data, intact and _intact(chunk), missing - 1
            if missing == 0:
                yield key, name, content, intact


def _intact(chunk: Any) -> bool:
    return bool(zlib.crc32(chunk.data) == chunk.crc)
