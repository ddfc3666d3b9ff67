"""Serving endpoints: a change of what they serve is taken over while they go on answering."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from brickyard.plan.connect import Connection
from brickyard.plan.kinds.base import Config
from brickyard.plan.kinds.picking import picked

__all__ = ["ServingEndpoints"]

_ROOT = "/api/2.0/serving-endpoints"


class ServingEndpoints:
    """Model serving endpoints."""

    title = "serving endpoint"
    fixed = ("name", "budget_policy_id", "description", "route_optimized", "telemetry_config")
    keeps_data = False

    def name(self, config: Config) -> str:
        """The endpoint's name."""
        return str(config.get("name", ""))

    def normal(self, config: Config) -> Config:
        """In the fields that `read` gives."""
        return _comparable(config, config.get("config") or {})

    def ignored(self, config: Config) -> tuple[str, ...]:
        """The version, where it is an alias: the workspace may answer with the one it points at just now."""
        entities = (config.get("config") or {}).get("served_entities") or ()
        follows = any(not str(entity.get("entity_version", "")).isdigit() for entity in entities)
        return ("entity_version",) if follows else ()

    def read(self, connection: Connection, id: str) -> Config | None:
        """The endpoint; what it is changing to counts, not what serves meanwhile, but for a change that failed."""
        from databricks.sdk.errors.platform import NotFound

        try:
            found = connection.call("GET", f"{_ROOT}/{id}")
        except NotFound:
            return None
        change, serves = found.get("pending_config"), found.get("config")
        failed = (found.get("state") or {}).get("config_update") == "UPDATE_FAILED"
        return _comparable(found, (serves or change if failed else change or serves) or {})

    def find(self, connection: Connection, config: Config, known: Collection[str]) -> str | None:
        """The endpoint of that name."""
        name = self.name(config)
        return name if name not in known and self.read(connection, name) is not None else None

    def create(self, connection: Connection, config: Config) -> str:
        """Create the endpoint; it is ready some time later."""
        connection.call("POST", _ROOT, body=config)
        return self.name(config)

    def update(self, connection: Connection, id: str, config: Config, fields: Collection[str]) -> None:
        """Change what is served, the limits, who is told, and the tags."""
        if "config" in fields:
            connection.call("PUT", f"{_ROOT}/{id}/config", body=config.get("config") or {})
        if "ai_gateway" in fields:
            connection.call("PUT", f"{_ROOT}/{id}/ai-gateway", body=config.get("ai_gateway") or {})
        if "rate_limits" in fields:
            limits = list(config.get("rate_limits") or ())
            connection.call("PUT", f"{_ROOT}/{id}/rate-limits", body={"rate_limits": limits})
        if "email_notifications" in fields:
            mails = config.get("email_notifications") or {}
            connection.call("PATCH", f"{_ROOT}/{id}/notifications", body={"email_notifications": mails})
        if "tags" in fields:
            wanted = list(config.get("tags") or ())
            have = connection.call("GET", f"{_ROOT}/{id}").get("tags") or ()
            gone = sorted({str(tag["key"]) for tag in have} - {str(tag["key"]) for tag in wanted})
            connection.call("PATCH", f"{_ROOT}/{id}/tags", body={"add_tags": wanted, "delete_tags": gone})

    def delete(self, connection: Connection, id: str) -> None:
        """Delete the endpoint."""
        from databricks.sdk.errors.platform import NotFound

        try:
            connection.call("DELETE", f"{_ROOT}/{id}")
        except NotFound:
            return

    def url(self, connection: Connection, id: str) -> str | None:
        """The endpoint's page."""
        return f"{connection.host}/ml/endpoints/{id}"


def _comparable(endpoint: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    found = picked({**endpoint, "config": dict(config)}, "serving.ServingEndpointsAPI.create")
    core = found.setdefault("config", {})
    core.pop("name", None)
    if "served_entities" in core:
        core.pop("served_models", None)  # the older list says the same, with the version that answers just now
    found["tags"] = sorted(found.get("tags") or (), key=lambda tag: str(tag.get("key")))
    return {name: value for name, value in found.items() if value or name == "config"}
