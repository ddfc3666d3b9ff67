"""What is told of an endpoint at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidState, ResourceDoesNotExist
from brickyard.workspace.serving.model_files import build_log, open_api

if TYPE_CHECKING:
    from databricks.sdk.service.serving import PayloadTable

    from brickyard.workspace.serving.config import Entity
    from brickyard.workspace.serving.endpoint import Endpoint
    from brickyard.workspace.serving.events import Event
    from brickyard.workspace.serving.limits import Limit
    from brickyard.workspace.serving.metrics import Counts, Series
    from brickyard.workspace.serving.records import EndpointRecords
    from brickyard.workspace.serving.wanted import ModelVersions

__all__ = ["Inspection"]

_LOG_BYTES = 64 << 10


class Inspection:
    """Looks into endpoints, and changes nothing; an endpoint that does not exist is a ResourceDoesNotExist.

    Args:
        endpoint: Finds an endpoint by its name.
        records: Where endpoints are kept.
        models: The model registry.
        url: The workspace's address.
    """

    def __init__(
        self, endpoint: Callable[[str], Endpoint], records: EndpointRecords, models: ModelVersions, url: str
    ) -> None:
        self._endpoint = endpoint
        self._records = records
        self._models = models
        self._url = url

    def events(self, name: str) -> list[Event]:
        """What happened to an endpoint, the newest first."""
        return self._records.events(self._records.get(name).id).all()

    def metrics(self, name: str) -> str:
        """The metrics of an endpoint, for Prometheus."""
        return self._endpoint(name).metrics_text()

    def requests(self, name: str) -> dict[Series, Counts]:
        """What an endpoint has answered since the workspace started, by served entity and version."""
        return self._endpoint(name).metrics.all()

    def limits(self, name: str) -> tuple[Limit, ...]:
        """The rate limits of an endpoint."""
        return self._records.get(name).limits

    def table(self, name: str) -> PayloadTable | None:
        """The inference table that an endpoint writes to now."""
        return self._endpoint(name).capturing.state

    def log(self, name: str, entity: str) -> str:
        """The last lines that a served entity has printed, without secrets."""
        path = self._endpoint(name).log(entity, self._version(name, entity))
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            return file.read().decode(errors="replace")

    def build_log(self, name: str, entity: str) -> str:
        """What a served entity is run with."""
        version = self._version(name, entity)
        return build_log(self._models.model_version(self._wanted(name, entity).model, version).path)

    def open_api(self, name: str) -> dict[str, Any]:
        """How an endpoint is asked, as an OpenAPI document."""
        replicas = self._endpoint(name).status.replicas.values()
        paths = {r.entity.name: self._models.model_version(r.entity.model, r.version).path for r in replicas}
        return open_api(name, self._url, paths)

    def _wanted(self, name: str, entity: str) -> Entity:
        """A served entity of the configuration, or of the last update that does not serve."""
        record = self._records.get(name)
        for config in (record.config, record.pending, record.failed):
            for one in config.entities if config is not None else ():
                if one.name == entity:
                    return one
        raise ResourceDoesNotExist(f"The endpoint '{name}' has no served entity '{entity}'.")

    def _version(self, name: str, entity: str) -> int:
        """The version of a served entity that serves, is to, or could not."""
        wanted = self._wanted(name, entity)
        replica = self._endpoint(name).status.replicas.get(entity)
        version = replica.version if replica else self._models.alias(wanted.model, wanted.alias or "")
        if replica is None and wanted.alias is None:
            version = int(wanted.version)
        if version is None:
            raise InvalidState(f"The served entity '{entity}' waits for a version with the alias '{wanted.alias}'.")
        return version
