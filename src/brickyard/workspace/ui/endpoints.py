"""The page of a serving endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from brickyard.workspace.ui.page import Page

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.serving.metrics import Counts, Series
    from brickyard.workspace.workspace import Workspace

__all__ = ["EndpointRow", "endpoint", "summaries"]

_EVENTS = 50


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint, as a line of a list."""

    name: str
    ready: str
    update: str
    serves: list[str]


@dataclass(frozen=True)
class EntityRow:
    """A served entity; of its environment, only the names are shown, for values may be secret."""

    name: str
    model: str
    wanted: str
    serving: str
    state: str
    message: str
    traffic: int
    variables: str


@dataclass(frozen=True)
class RequestRow:
    """What a served entity has answered at one version; the mean time is in milliseconds."""

    entity: str
    version: int
    requests: int
    client_errors: int
    server_errors: int
    mean: float


def summaries(workspace: Workspace, principal: Principal) -> list[EndpointRow]:
    """Every endpoint that a principal may see, by name."""
    rows = []
    for one in workspace.serving.all(principal):
        entities = one.config.served_entities if one.config else None
        serves = [f"{entity.entity_name} @ {entity.entity_version}" for entity in entities or []]
        ready, update = _states(one.state)
        rows.append(EndpointRow(one.name or "", ready, update, serves))
    return rows


def endpoint(workspace: Workspace, principal: Principal, path: Mapping[str, str]) -> Page:
    """Whether an endpoint answers, and with which versions."""
    workspace.identity.permissions.require(principal, workspace.serving.securable(path["name"]), "CAN_VIEW")
    found = workspace.serving.get(path["name"])
    ready, update = _states(found.state)
    values = {
        "ready": ready,
        "update": update,
        "entities": _entities(found.config),
        "pending": _entities(_change(found)),
        "facts": [
            ("Created by", found.creator or ""),
            ("Description", found.description or ""),
            ("Configuration", f"version {found.config.config_version}" if found.config else ""),
            ("Rate limits", ", ".join(str(limit) for limit in workspace.serving.inspect.limits(path["name"]))),
        ],
        "table": workspace.serving.inspect.table(path["name"]) or _table(found.config),
        "requests": [_requests(*one) for one in sorted(workspace.serving.inspect.requests(path["name"]).items())],
        "events": workspace.serving.inspect.events(path["name"])[:_EVENTS],
        "updated_at": found.last_updated_timestamp,
        "tags": [(tag.key, tag.value or "") for tag in found.tags or []],
        "url": found.endpoint_url or "",
    }
    busy = update == "IN_PROGRESS"
    return Page(
        "endpoint.html", path["name"], "Serving endpoint", (("Serving", "/"),), values, refresh=3 if busy else None
    )


def _change(found: Any) -> Any:
    """The update that does not serve; not the first configuration, which is shown as what is to serve."""
    first = found.pending_config is not None and found.pending_config.config_version == found.config.config_version
    return None if first else found.pending_config


def _table(config: Any) -> Any:
    """The inference table with its status, if there is one."""
    capture = config.auto_capture_config if config else None
    if not capture or not capture.state:
        return None
    table = capture.state.payload_table
    return replace(table, name=f"{capture.catalog_name}.{capture.schema_name}.{table.name}")


def _states(state: Any) -> tuple[str, str]:
    return state.ready.value, state.config_update.value


def _requests(series: Series, counts: Counts) -> RequestRow:
    errors = (counts.client_errors, counts.server_errors)
    return RequestRow(*series, counts.requests, *errors, counts.milliseconds / max(counts.requests, 1))


def _entities(config: Any) -> list[EntityRow]:
    """The entities of a configuration of the vendor's type, the active or the pending one."""
    if config is None:
        return []
    routes = config.traffic_config.routes if config.traffic_config else []
    shares = {route.served_model_name: route.traffic_percentage for route in routes}
    versions = {one.name: one.model_version for one in config.served_models or []}
    return [_entity(one, shares.get(one.name, 0), versions.get(one.name)) for one in config.served_entities or []]


def _entity(entity: Any, share: int, version: str | None) -> EntityRow:
    return EntityRow(
        name=entity.name,
        model=entity.entity_name,
        wanted=entity.entity_version,
        serving=(version or "") if entity.state.deployment.value == "DEPLOYMENT_READY" else "",
        state=entity.state.deployment.value,
        message=entity.state.deployment_state_message or "",
        traffic=share,
        variables=", ".join(sorted(entity.environment_vars or {})),
    )
