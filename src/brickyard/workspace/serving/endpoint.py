"""One endpoint at work: loads what its configuration asks for, follows aliases, switches without a lost request."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from brickyard.workspace.api.errors import ResourceDoesNotExist
from brickyard.workspace.serving.process import ScoringFailed, ScoringProcess

if TYPE_CHECKING:
    from brickyard.workspace.serving.config import EndpointConfig, Entity
    from brickyard.workspace.serving.records import EndpointRecord, EndpointRecords

__all__ = ["Endpoint", "ModelVersions", "Replica", "Status"]

_log = logging.getLogger(__name__)
_LOAD_SECONDS = 600.0
# How often a model that does not exist yet is looked for, beside the news of aliases.
_LOOK_SECONDS = 1.0
# The golden ratio's fraction spreads requests over the shares evenly, whatever the shares are.
_SPREAD = 0.6180339887498949


class ModelVersionFiles(Protocol):
    """A version in the registry."""

    @property
    def path(self) -> Path:
        """The directory of its files."""
        ...

    @property
    def status(self) -> str:
        """`READY` once its files are complete."""
        ...


class ModelVersions(Protocol):
    """What an endpoint asks of the model registry."""

    def model_version(self, name: str, version: int) -> ModelVersionFiles:
        """One version; ResourceDoesNotExist where there is none."""
        ...

    def alias(self, name: str, alias: str) -> int | None:
        """The version that an alias points to, or none."""
        ...


@dataclass(frozen=True)
class Replica:
    """A served entity at one version, and the process that answers for it."""

    entity: Entity
    version: int
    process: ScoringProcess

    def serves(self, entity: Entity, version: int) -> bool:
        """Whether it already is what is asked for."""
        same = (self.entity.model, self.entity.environment) == (entity.model, entity.environment)
        return same and self.version == version and self.process.failure is None


@dataclass(frozen=True)
class Status:
    """What an endpoint is doing.

    Attributes:
        replicas: What serves, by the name of the served entity.
        loading: Whether a model is being loaded.
        messages: What is being waited for or went wrong, by the name of the served entity.
    """

    replicas: Mapping[str, Replica] = field(default_factory=dict)
    loading: bool = False
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Missing:
    message: str


@dataclass(frozen=True)
class _Found:
    entity: Entity
    version: int
    path: Path


class Endpoint:
    """Keeps the processes of one endpoint in line with its record and the registry, on a thread of its own."""

    def __init__(
        self, record: EndpointRecord, records: EndpointRecords, models: ModelVersions, directory: Path
    ) -> None:
        self.name = record.name
        self._records = records
        self._models = models
        self._directory = directory
        self._status = Status(loading=True)
        self._config = record.config
        self._starting: list[Replica] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._turn = itertools.count()
        self._serial = itertools.count()
        self._thread = threading.Thread(target=self._work, name=f"endpoint-{record.name}", daemon=True)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._thread.start()

    @property
    def status(self) -> Status:
        """What it is doing now."""
        return self._status

    def look(self) -> None:
        """Look at the record and the registry again."""
        self._wake.set()

    def announce(self) -> None:
        """Say that an update is under way, before the call that brought it returns."""
        status = self._status
        self._status = Status(status.replicas, True, status.messages)
        self.look()

    def choose(self) -> Replica | None:
        """The replica for the next request by the shares of traffic; none while nothing serves."""
        replicas, traffic = self._status.replicas, self._config.traffic
        point = (next(self._turn) * _SPREAD) % 1.0 * 100
        for name, share in traffic.items():
            point -= share
            if point < 0:
                return replicas.get(name)
        return None

    def stop(self, grace: float = 30.0) -> None:
        """End its processes after what is in flight."""
        self._stopping.set()
        self._wake.set()
        replicas = self._status.replicas
        self._status = Status(messages=dict.fromkeys(replicas, "the endpoint is being stopped"))
        _retire([*replicas.values(), *self._starting], grace)
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            waiting = bool(self._status.messages)
            self._reconcile()
            self._wake.wait(_LOOK_SECONDS if waiting or self._status.messages else None)
            self._wake.clear()

    def _reconcile(self) -> None:
        try:
            record = self._records.get(self.name)
        except ResourceDoesNotExist:
            return
        config = record.pending or record.config
        found = [self._find(entity) for entity in config.entities]
        missing = {e.name: f.message for e, f in zip(config.entities, found, strict=True) if isinstance(f, _Missing)}
        if missing:
            self._status = Status(self._status.replicas, False, missing)
            return
        self._load(record, config, [item for item in found if isinstance(item, _Found)])

    def _find(self, entity: Entity) -> _Found | _Missing:
        version = int(entity.version) if entity.alias is None else self._models.alias(entity.model, entity.alias)
        if version is None:
            return _Missing(f"waiting for a version of {entity.model} with the alias '{entity.alias}'")
        try:
            model = self._models.model_version(entity.model, version)
        except ResourceDoesNotExist:
            return _Missing(f"waiting for version {version} of {entity.model}, which does not exist yet")
        if model.status != "READY":
            return _Missing(f"waiting for the files of version {version} of {entity.model}, which are not complete")
        return _Found(entity, version, model.path)

    def _load(self, record: EndpointRecord, config: EndpointConfig, wanted: list[_Found]) -> None:
        """Start what does not run yet, switch once all answer, then end what is no longer asked for."""
        old = dict(self._status.replicas)
        kept = {w.entity.name: r for w in wanted for r in old.values() if r.serves(w.entity, w.version)}
        if len(kept) < len(wanted):
            self._status = Status(old, True, {})
        started = {w.entity.name: self._start(w) for w in wanted if w.entity.name not in kept}
        self._starting = list(started.values())
        try:
            for replica in self._starting:
                replica.process.wait_ready(_LOAD_SECONDS)
        except ScoringFailed as error:
            self._failed(old, str(error))
            return
        if self._stopping.is_set():
            _retire(self._starting, 0)
            return
        self._switch(record, config, {w.entity.name: kept.get(w.entity.name) or started[w.entity.name] for w in wanted})
        in_use = {id(replica.process) for replica in self._status.replicas.values()}
        _retire([replica for replica in old.values() if id(replica.process) not in in_use], 30.0)

    def _switch(self, record: EndpointRecord, config: EndpointConfig, replicas: dict[str, Replica]) -> None:
        named = {e.name: Replica(e, replicas[e.name].version, replicas[e.name].process) for e in config.entities}
        self._config, self._status = config, Status(named, False, {})
        self._records.activate(record)

    def _failed(self, old: dict[str, Replica], reason: str) -> None:
        _log.warning("endpoint %s: %s", self.name, reason)
        _retire(self._starting, 0)
        if not self._stopping.is_set():
            self._records.fail(self.name, reason)
            self._status = Status(old, False, {})

    def _start(self, wanted: _Found) -> Replica:
        stem = f"{wanted.entity.name}-v{wanted.version}"
        sockets = self._directory / f"{next(self._serial)}.sock"
        process = ScoringProcess(wanted.path, sockets, self._directory / f"{stem}.log", wanted.entity.environment)
        return Replica(wanted.entity, wanted.version, process)


def _retire(replicas: list[Replica], grace: float) -> None:
    """Stop several processes at once, each after what it has in flight."""
    threads = [threading.Thread(target=replica.process.stop, args=(grace,)) for replica in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
