"""MLflow experiments: deleting one only hides it, and its name stays taken."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from brickyard.plan.connect import Connection
from brickyard.plan.kinds.base import Config

__all__ = ["Experiments"]

_ROOT = "/api/2.0/mlflow/experiments"


class Experiments:
    """Experiments, through the MLflow API."""

    title = "experiment"
    fixed = ("artifact_location", "trace_location")
    keeps_data = True

    def name(self, config: Config) -> str:
        """The experiment's name."""
        return str(config.get("name", ""))

    def normal(self, config: Config) -> Config:
        """With its tags as a mapping, so that their order does not count."""
        tags = {tag["key"]: tag.get("value", "") for tag in config.get("tags") or ()}
        return {**{name: value for name, value in config.items() if name != "tags"}, **({"tags": tags} if tags else {})}

    def ignored(self, config: Config) -> tuple[str, ...]:
        """None."""
        return ()

    def read(self, connection: Connection, id: str) -> Config | None:
        """The experiment, unless it was deleted; tags of the service itself do not count."""
        from databricks.sdk.errors.platform import NotFound

        try:
            found = connection.call("GET", f"{_ROOT}/get", query={"experiment_id": id})["experiment"]
        except NotFound:
            return None
        if found.get("lifecycle_stage") == "deleted":
            return None
        tags = {tag["key"]: tag.get("value", "") for tag in found.get("tags", ()) if "mlflow." not in tag["key"]}
        read = {"name": found.get("name"), "artifact_location": found.get("artifact_location")}
        return {**{name: value for name, value in read.items() if value}, **({"tags": tags} if tags else {})}

    def find(self, connection: Connection, config: Config, known: Collection[str]) -> str | None:
        """The experiment of that name."""
        found = self._by_name(connection, self.name(config))
        if found is None or found.get("lifecycle_stage") == "deleted" or found["experiment_id"] in known:
            return None
        return str(found["experiment_id"])

    def _by_name(self, connection: Connection, name: str) -> dict[str, Any] | None:
        from databricks.sdk.errors.platform import NotFound

        try:
            found: dict[str, Any] = connection.call("GET", f"{_ROOT}/get-by-name", query={"experiment_name": name})[
                "experiment"
            ]
        except NotFound:
            return None
        return found

    def create(self, connection: Connection, config: Config) -> str:
        """Create the experiment and its directory, or bring a deleted one back."""
        name = self.name(config)
        found = self._by_name(connection, name)
        if found is not None and found.get("lifecycle_stage") == "deleted":
            id = str(found["experiment_id"])
            connection.call("POST", f"{_ROOT}/restore", body={"experiment_id": id})
            self.update(connection, id, config, ("tags",))
            return id
        if name.count("/") > 1:
            connection.call("POST", "/api/2.0/workspace/mkdirs", body={"path": name.rpartition("/")[0]})
        return str(connection.call("POST", f"{_ROOT}/create", body=config)["experiment_id"])

    def update(self, connection: Connection, id: str, config: Config, fields: Collection[str]) -> None:
        """Change name and tags."""
        if "name" in fields:
            connection.call("POST", f"{_ROOT}/update", body={"experiment_id": id, "new_name": self.name(config)})
        for tag in (config.get("tags") or ()) if "tags" in fields else ():
            body = {"experiment_id": id, "key": tag["key"], "value": tag.get("value", "")}
            connection.call("POST", f"{_ROOT}/set-experiment-tag", body=body)
        if "tags" in fields:
            wanted = {str(tag["key"]) for tag in config.get("tags") or ()}
            have = (self.read(connection, id) or {}).get("tags", {})
            for key in sorted(set(have) - wanted):
                _delete_tag(connection, id, key)

    def delete(self, connection: Connection, id: str) -> None:
        """Delete the experiment."""
        from databricks.sdk.errors.platform import NotFound

        if self.read(connection, id) is None:
            return
        try:
            connection.call("POST", f"{_ROOT}/delete", body={"experiment_id": id})
        except NotFound:
            return

    def url(self, connection: Connection, id: str) -> str | None:
        """The experiment's page."""
        return f"{connection.host}/ml/experiments/{id}"


def _delete_tag(connection: Connection, id: str, key: str) -> None:
    """Take a tag away, or its value in a workspace of an older MLflow, which cannot do that."""
    from databricks.sdk.errors.platform import NotFound, NotImplemented

    body = {"experiment_id": id, "key": key}
    try:
        connection.call("POST", f"{_ROOT}/delete-experiment-tag", body=body)
    except (NotFound, NotImplemented):
        connection.call("POST", f"{_ROOT}/set-experiment-tag", body={**body, "value": ""})
