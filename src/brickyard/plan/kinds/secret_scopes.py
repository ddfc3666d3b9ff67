"""Secret scopes: they have a name and a keeper, and nothing about them can change."""

from __future__ import annotations

from collections.abc import Collection

from brickyard.plan.connect import Connection
from brickyard.plan.kinds.base import Config

__all__ = ["SecretScopes"]


class SecretScopes:
    """Secret scopes, through the Secrets API; a project declares scopes, never secrets."""

    title = "secret scope"
    fixed = ("name", "backend_type", "keyvault_metadata")
    keeps_data = True

    def name(self, config: Config) -> str:
        """The scope's name."""
        return str(config.get("name", ""))

    def normal(self, config: Config) -> Config:
        """With the keeper that the workspace assumes."""
        return {"backend_type": "DATABRICKS", **config}

    def ignored(self, config: Config) -> tuple[str, ...]:
        """None."""
        return ()

    def read(self, connection: Connection, id: str) -> Config | None:
        """The scope; the API only lists them."""
        for scope in connection.call("GET", "/api/2.0/secrets/scopes/list").get("scopes", ()):
            if scope.get("name") == id:
                found = {"name": id, "backend_type": scope.get("backend_type", "DATABRICKS")}
                vault = scope.get("keyvault_metadata")
                return {**found, "keyvault_metadata": vault} if vault else found
        return None

    def find(self, connection: Connection, config: Config, known: Collection[str]) -> str | None:
        """The scope of that name."""
        name = self.name(config)
        return name if name not in known and self.read(connection, name) is not None else None

    def create(self, connection: Connection, config: Config) -> str:
        """Create the scope."""
        body = {"scope": self.name(config)}
        if "backend_type" in config:
            body["scope_backend_type"] = config["backend_type"]
        if "keyvault_metadata" in config:
            body["backend_azure_keyvault"] = config["keyvault_metadata"]
        connection.call("POST", "/api/2.0/secrets/scopes/create", body=body)
        return self.name(config)

    def update(self, connection: Connection, id: str, config: Config, fields: Collection[str]) -> None:
        """Nothing to do: every field is fixed."""

    def delete(self, connection: Connection, id: str) -> None:
        """Delete the scope with its secrets."""
        from databricks.sdk.errors.platform import NotFound

        try:
            connection.call("POST", "/api/2.0/secrets/scopes/delete", body={"scope": id})
        except NotFound:
            return

    def url(self, connection: Connection, id: str) -> str | None:
        """Scopes have no page."""
        return None
