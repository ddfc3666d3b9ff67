"""Files that a client sends to the engine: Python modules for UDFs, and large local data."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from pyspark.sql.connect.proto import base_pb2

from brickyard.workspace.compute.gateway.errors import SparkError, unsupported
from brickyard.workspace.compute.gateway.sail import Sail, SessionKey

__all__ = ["Artifacts"]


#: What a JVM would load.
REFUSED = frozenset({"jars", "classes"})


class Receiver(Protocol):
    """The session that artifacts are for."""

    blobs: dict[str, Path]
    sail: Sail


class Clone(Receiver, Protocol):
    """A session with the files of another."""

    key: SessionKey


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

    def status(self, request: Any, blobs: dict[str, Path]) -> bytes:
        """Which of the named artifacts are here already."""
        answer = base_pb2.ArtifactStatusesResponse(session_id=request.session_id)
        for name in request.names:
            answer.statuses[name].exists = name.removeprefix("cache/") in blobs
        return bytes(answer.SerializeToString())

    def copy(self, source: SessionKey, clone: Clone) -> None:
        """Give a session the files of another."""
        old, new = self._own(source), self._own(clone.key)
        if old.exists():
            shutil.copytree(old, new, dirs_exist_ok=True)
        memory = clone.sail.memory
        memory.imports = [_moved(entry, old, new) for entry in memory.imports]
        memory.files = _moved(memory.files, old, new)
        clone.blobs.update({name: new / "cache" / name for name in clone.blobs})

    def remove(self, key: SessionKey) -> None:
        """Remove the files of a session that has ended."""
        shutil.rmtree(self._own(key), ignore_errors=True)

    def _own(self, key: SessionKey) -> Path:
        return self._directory / hashlib.sha256(f"{key.user_id}\0{key.session_id}".encode()).hexdigest()[:32]

    def _store(self, name: str, data: bytes, key: SessionKey, session: Receiver) -> None:
        kind, _, rest = name.partition("/")
        if kind in REFUSED:
            raise unsupported(f"artifacts for the JVM ({name})", "Send Python files, archives or files.")
        own = self._own(key)
        place = (own / kind / rest).resolve()
        if not place.is_relative_to(own.resolve()):
            raise SparkError("INVALID_ARTIFACT_PATH", f"The artifact name {name} leads out of the session.")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        if kind == "cache":
            session.blobs[rest] = place
        elif kind == "pyfiles":
            archive = place.suffix in {".zip", ".egg", ".whl", ".jar"}
            session.sail.import_from(str(place if archive else place.parent))
        elif kind == "archives":
            _unpack(place, own / "files")
        if kind in ("files", "archives"):
            session.sail.work_in(str(own / "files"))


def _moved(entry: str, old: Path, new: Path) -> str:
    place = Path(entry)
    return str(new / place.relative_to(old)) if entry and place.is_relative_to(old) else entry


def _unpack(place: Path, files: Path) -> None:
    """Unpack `name.zip#alias` as the directory `alias`, by default `name.zip`."""
    name, _, alias = place.name.partition("#")
    target = (files / (alias or name)).resolve()
    if not target.is_relative_to(files.resolve()):
        raise SparkError("INVALID_ARTIFACT_PATH", f"The artifact name {place.name} leads out of the session.")
    target.mkdir(parents=True, exist_ok=True)
    if name.endswith((".jar", ".zip")):
        shutil.unpack_archive(place, target, "zip")
    else:
        shutil.unpack_archive(place, target, "tar" if name.endswith(".tar") else "gztar", filter="data")


def _assembled(
    requests: Iterable[base_pb2.AddArtifactsRequest],
) -> Iterator[tuple[SessionKey, str, bytes, bool]]:
    """Session, name, content and whether all checksums are right, for each artifact."""
    name, content, intact, missing = "", bytearray(), True, 0
    for request in requests:
        key = SessionKey.of(request)
        for artifact in request.batch.artifacts:
            yield key, artifact.name, artifact.data.data, _intact(artifact.data)
        chunk = None
        if request.HasField("begin_chunk"):
            begin = request.begin_chunk
            name, content, intact, missing = begin.name, bytearray(), True, begin.num_chunks
            chunk = begin.initial_chunk
        elif request.HasField("chunk"):
            chunk = request.chunk
        if chunk is not None:
            content += chunk.data
            intact, missing = intact and _intact(chunk), missing - 1
            if missing == 0:
                yield key, name, bytes(content), intact


def _intact(chunk: Any) -> bool:
    return bool(zlib.crc32(chunk.data) == chunk.crc)
