"""One endpoint at work: loads what its configuration asks for, follows aliases, switches without a lost request."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import ResourceDoesNotExist
from brickyard.workspace.serving.limits import Limiter
from brickyard.workspace.serving.metrics import Metrics
from brickyard.workspace.serving.process import ScoringFailed, ScoringProcess
from brickyard.workspace.serving.replica import Replica, Status, retire
from brickyard.workspace.serving.settings import EndpointSettings
from brickyard.workspace.serving.shadow import Shadows
from brickyard.workspace.serving.wanted import Missing, Wanted, find, with_environment

if TYPE_CHECKING:
    from brickyard.workspace.serving.capture import Exchange
    from brickyard.workspace.serving.capturing import Capturing
    from brickyard.workspace.serving.channel import Reply
    from brickyard.workspace.serving.config import EndpointConfig
    from brickyard.workspace.serving.environment import SecretValues
    from brickyard.workspace.serving.records import EndpointRecord, EndpointRecords
    from brickyard.workspace.serving.routing import Request
    from brickyard.workspace.serving.wanted import ModelVersions

__all__ = ["Endpoint"]

_log = logging.getLogger(__name__)
_LOAD_SECONDS = 600.0
# How often what could not be had yet is looked for again, beside the news of aliases.
_LOOK_SECONDS = 1.0
# The golden ratio's fraction spreads requests over the shares evenly, whatever the shares are.
_SPREAD = 0.6180339887498949


class Endpoint:
    """Keeps the processes of one endpoint in line with its record and the registry, on a thread of its own.

    Args:
        record: The endpoint.
        records: Where it is kept.
        models: The model registry.
        secrets: What its environment variables may refer to.
        capturing: Keeps its requests and answers.
        directory: For its sockets and logs.
    """

    def __init__(
        self,
        record: EndpointRecord,
        records: EndpointRecords,
        models: ModelVersions,
        secrets: SecretValues,
        capturing: Capturing,
        directory: Path,
    ) -> None:
        self.name = record.name
        self.id = record.id
        self.capturing = capturing
        self.limiter = Limiter(record.limits)
        self.falls_back = record.gateway.falls_back
        self.metrics = Metrics()
        self._shadows = Shadows()
        self.events = records.events(record.id)
        self._settings = EndpointSettings.kept(record.tags)
        self._records = records
        self._models = models
        self._secrets = secrets
        self._directory = directory
        self._lock = threading.Lock()
        self._status = Status(loading=True)
        self._starting: list[Replica] = []
        self._tried: list[Wanted | Missing] = []  # what the configuration that serves meant last
        self._broken = False  # whether what it means now could not be loaded
        self._followed: frozenset[tuple[str, str | None]] = frozenset()
        self._wake = threading.Event()
        self._turn = itertools.count()
        self._serial = itertools.count()
        self._thread = threading.Thread(target=self._work, name=f"endpoint-{record.name}", daemon=True)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._thread.start()

    @property
    def status(self) -> Status:
        """What it is doing now."""
        return self._status

    def alias_changed(self, model: str, alias: str) -> None:
        """Look at the registry again if it follows this alias of this model."""
        if (model.lower(), alias) in self._followed:
            self._wake.set()

    def announce(self) -> None:
        """Say that an update is under way, before the call that brought it returns."""
        with self._lock:
            self._status = replace(self._status, loading=not self._status.stopped)
        self._wake.set()

    def choose(self) -> Replica | None:
        """The replica for the next request by the shares of traffic; none while nothing serves."""
        status = self._status
        point = (next(self._turn) * _SPREAD) % 1.0 * 100
        for name, share in status.traffic.items():
            point -= share
            if point < 0:
                return status.replicas.get(name)
        return None

    def named(self, entity: str) -> Replica | None:
        """The replica of a served entity; none while nothing serves.

        Raises:
            ResourceDoesNotExist: Something serves, and not that.
        """
        replicas = self._status.replicas
        if replicas and entity not in replicas:
            raise ResourceDoesNotExist(f"The endpoint '{self.name}' has no served entity '{entity}'.")
        return replicas.get(entity)

    def record(self, replica: Replica, exchange: Exchange, shadow: bool) -> None:
        """Take a request and its answer, or the one of a shadow, to the record; returns at once."""
        if not shadow:
            self.metrics.count(replica.series, exchange.status, exchange.milliseconds)
        self.capturing.offer(exchange)

    def mirror(self, request: Request, answered: Replica, reply: Reply) -> None:
        """Send what was answered to the shadows, too; returns at once."""
        names = self._settings.shadows
        if names and reply.status < 400:
            replicas = self._status.replicas
            shadows = [replicas[name] for name in names if name in replicas and name != answered.entity.name]
            self._shadows.mirror(self, request, shadows, reply.body)

    def set(self, settings: EndpointSettings) -> None:
        """Follow other settings."""
        self._settings = settings
        self.capturing.set(settings.capture)
        self._wake.set()

    def look(self) -> None:
        """Look at the record again, which has changed."""
        self._wake.set()

    def metrics_text(self) -> str:
        """The metrics of it, for Prometheus."""
        processes = {one.series: one.process for one in self._status.replicas.values()}
        running = {key: one.pid for key, one in processes.items() if one.pid is not None and not one.asleep}
        extra = [*self._shadows.samples(), ("capture_dropped_total", None, self.capturing.dropped)]
        return self.metrics.text(self.name, running, extra)

    def log(self, entity: str, version: int) -> Path:
        """The file of what a served entity has printed at a version."""
        return self._directory / f"{entity}-v{version}.log"

    def fallbacks(self, chosen: Replica) -> list[Replica]:
        """Who answers where the chosen replica cannot: nobody, unless the AI gateway says so; never a shadow."""
        if not self.falls_back:
            return []
        others = (one for name, one in self._status.replicas.items() if name not in self._settings.shadows)
        return [one for one in others if one.entity.name != chosen.entity.name and one.process.failure is None]

    def stop(self, grace: float = 30.0) -> None:
        """End its processes after what is in flight."""
        with self._lock:
            replicas = self._status.replicas
            self._status = Status(messages=dict.fromkeys(replicas, "the endpoint is being stopped"), stopped=True)
            doomed = [*replicas.values(), *self._starting]
        self._wake.set()
        retire(doomed, grace)
        self._thread.join()
        self.capturing.close()

    def _work(self) -> None:
        due = True
        while not self._status.stopped:
            try:
                if due:
                    self._reconcile()
                self._rest()
            except Exception as error:
                # Whatever it was (a full disk, a database that is locked), an endpoint whose thread ended would
                # stay "updating" for ever; so it says what went wrong, and tries again.
                self._unexpected(error)
            woken = self._wake.wait(self._pause())
            if woken:  # and not after a pause, when news that have just come would be lost
                self._wake.clear()
            due = woken or bool(self._status.messages)

    def _pause(self) -> float | None:
        if self._status.messages:
            return _LOOK_SECONDS
        return self._settings.idle_seconds if self._may_rest() else None

    def _may_rest(self) -> list[Replica]:
        return [one for one in self._status.replicas.values() if one.entity.settings.get("scale_to_zero_enabled")]

    def _rest(self) -> None:
        """End the processes that nobody has asked for a while."""
        for replica in self._may_rest():
            if replica.process.sleep(self._settings.idle_seconds):
                self.events.add("SCALED_TO_ZERO", f"{replica.entity.name} has ended until somebody asks")

    def _unexpected(self, error: Exception) -> None:
        message = f"it could not be updated, and is tried again: {type(error).__name__}: {error}"
        if message not in self._status.messages.values():
            _log.exception("endpoint %s could not be updated", self.name)
        self._show(loading=False, messages={self.name: message})

    def _reconcile(self) -> None:
        try:
            record = self._records.get(self.name)
        except ResourceDoesNotExist:
            return
        if record.id != self.id:
            return
        self.capturing.apply(record.capture)  # of what serves now; a gateway's table is changed without an update
        config = record.pending or record.config
        # Those of what serves too: it goes on until the update serves.
        entities = (*config.entities, *record.config.entities)
        self._followed = frozenset((entity.model.lower(), entity.alias) for entity in entities)
        found = [find(entity, self._models, record.creator) for entity in config.entities]
        missing = {e.name: f.message for e, f in zip(config.entities, found, strict=True) if isinstance(f, Missing)}
        if record.pending is not None and (missing or not self._status.replicas):
            self._go_on(replace(record, pending=None))
        elif record.pending is None:
            self._tried = found
        if missing:
            self._show(loading=False, messages=missing)
            return
        try:
            self._load(record, config, found)
        except ScoringFailed as error:
            self._failed(record, str(error))

    def _go_on(self, record: EndpointRecord) -> None:
        """Serve what an update is to replace: after a restart, and where aliases move while the update waits."""
        found = [find(entity, self._models, record.creator) for entity in record.config.entities]
        serving = [(one.entity, one.version) for one in self._status.replicas.values()]
        wanted = [(one.entity, one.version) for one in _wanted(found)]
        if found == self._tried or wanted == serving or len(wanted) < len(found):
            return
        self._tried = found
        try:
            self._load(record, record.config, found)
        except ScoringFailed as error:
            self._failed(record, str(error))

    def _load(self, record: EndpointRecord, config: EndpointConfig, found: Sequence[Wanted | Missing]) -> None:
        """Start what does not run yet, switch once all answer, then end what is no longer asked for."""
        wanted = [with_environment(one, self._secrets, record.creator, self.name) for one in _wanted(found)]
        old = self._status.replicas
        serving = {w.entity.name: next((r for r in old.values() if r.serves(w)), None) for w in wanted}
        new = [w for w in wanted if serving[w.entity.name] is None]
        if new:
            self._show(loading=True, messages={})
        started = self._start_all(new)
        kept = {name: replica for name, replica in serving.items() if replica is not None}
        # The names are those of the new configuration, where a process of the old one goes on under another name.
        replicas = {w.entity.name: replace((kept | started)[w.entity.name], entity=w.entity) for w in wanted}
        self.capturing.hide(*(secret for w in wanted for secret in w.environment.secrets))
        self.capturing.apply(replace(record, config=config).capture)
        with self._lock:
            self._starting = []
            if self._status.stopped:
                return  # `stop` has ended them all
            self._status = Status(replicas, config.traffic)
        in_use = {id(replica.process) for replica in replicas.values()}
        try:
            # Or else the last update has failed still, also after a restart.
            if record.pending or self._broken or (new and (old or record.failed is None)):
                self._records.activate(record)
            self._broken = False
            self._tell(record, old)
        finally:
            retire([replica for replica in old.values() if id(replica.process) not in in_use], 30.0)

    def _tell(self, record: EndpointRecord, old: Mapping[str, Replica]) -> None:
        """Write to the events what serves now, where that is new."""
        status = self._status
        if record.pending or {one.series for one in old.values()} != {one.series for one in status.replicas.values()}:
            parts = (
                f"{name}: version {one.version} of {one.entity.model} ({status.traffic.get(name, 0)} %)"
                for name, one in status.replicas.items()
            )
            self.events.add("UPDATE_SUCCEEDED" if record.pending else "SERVING", ", ".join(parts))

    def _start_all(self, wanted: list[Wanted]) -> dict[str, Replica]:
        """Start processes and wait until all answer; where one does not, none is left."""
        try:
            for found in wanted:
                self._begin(self._start(found))
            for replica in self._starting:
                replica.process.wait_ready(_LOAD_SECONDS)
        except BaseException:
            retire(self._starting, 0)
            self._starting = []
            raise
        return {replica.entity.name: replica for replica in self._starting}

    def _begin(self, replica: Replica) -> None:
        """Let `stop` know of a process, or end it where `stop` was already called."""
        with self._lock:
            self._starting = [*self._starting, replica]
            stopped = self._status.stopped
        if stopped:
            raise ScoringFailed("the endpoint is being stopped")

    def _failed(self, record: EndpointRecord, reason: str) -> None:
        if self._status.stopped:
            return
        _log.warning("endpoint %s: %s", self.name, reason)
        self._broken = record.pending is None
        self._records.fail(record, reason)
        self.events.add("UPDATE_FAILED" if record.pending else "LOADING_FAILED", reason)
        self._show(loading=False, messages={})

    def _show(self, *, loading: bool, messages: Mapping[str, str]) -> None:
        with self._lock:
            if not self._status.stopped:
                self._status = replace(self._status, loading=loading, messages=messages)

    def _start(self, wanted: Wanted) -> Replica:
        sockets = self._directory / f"{next(self._serial)}.sock"
        log = self.log(wanted.entity.name, wanted.version)
        process = ScoringProcess(wanted.path, sockets, log, wanted.environment)
        return Replica(wanted.entity, wanted.version, process)


def _wanted(found: Sequence[Wanted | Missing]) -> list[Wanted]:
    return [one for one in found if isinstance(one, Wanted)]
