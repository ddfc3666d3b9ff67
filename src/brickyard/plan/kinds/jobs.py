"""Jobs: the workspace gives them an id, and their name need not be unique."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from brickyard.plan.connect import Connection
from brickyard.plan.kinds.base import Config
from brickyard.plan.kinds.picking import picked

__all__ = ["Jobs"]

# The lists that come in pages of a hundred.
_PAGED = ("environments", "job_clusters", "parameters", "tasks")


class Jobs:
    """Jobs, through the Jobs API 2.2."""

    title = "job"
    fixed: tuple[str, ...] = ()
    keeps_data = False

    def name(self, config: Config) -> str:
        """The job's name."""
        return str(config.get("name", ""))

    def normal(self, config: Config) -> Config:
        """The settings without what is empty."""
        settings: Config = picked(dict(config), "jobs.JobSettings")
        return settings

    def ignored(self, config: Config) -> tuple[str, ...]:
        """None."""
        return ()

    def read(self, connection: Connection, id: str) -> Config | None:
        """The job's settings, from all pages of a large job."""
        from databricks.sdk.errors.platform import NotFound

        query: dict[str, Any] = {"job_id": int(id)}
        settings: dict[str, Any] = {}
        while True:
            try:
                page = connection.call("GET", "/api/2.2/jobs/get", query=query)
            except NotFound:
                return None
            for name, value in (page.get("settings") or {}).items():
                more = name in _PAGED and name in settings
                settings[name] = [*settings[name], *value] if more else value
            if not page.get("next_page_token"):
                return self.normal(settings)
            query["page_token"] = page["next_page_token"]

    def find(self, connection: Connection, config: Config, known: Collection[str]) -> str | None:
        """A job of this name that says it belongs to this deployment.

        The name alone does not tell: others may have jobs with the same one.
        """
        wanted = (config.get("deployment") or {}).get("metadata_file_path")
        query: dict[str, object] = {"name": config.get("name"), "limit": 100}
        while True:
            page = connection.call("GET", "/api/2.2/jobs/list", query=query)
            for job in page.get("jobs", ()):
                id, settings = str(job["job_id"]), job.get("settings") or {}
                path = (settings.get("deployment") or {}).get("metadata_file_path")
                if id not in known and path == wanted and settings.get("name") == config.get("name"):
                    return id
            if not page.get("next_page_token"):
                return None
            query["page_token"] = page["next_page_token"]

    def create(self, connection: Connection, config: Config) -> str:
        """Create the job."""
        return str(connection.call("POST", "/api/2.2/jobs/create", body=config)["job_id"])

    def update(self, connection: Connection, id: str, config: Config, fields: Collection[str]) -> None:
        """Overwrite all settings, so that what was added by hand goes."""
        connection.call("POST", "/api/2.2/jobs/reset", body={"job_id": int(id), "new_settings": dict(config)})

    def delete(self, connection: Connection, id: str) -> None:
        """Delete the job; the real service answers an unknown id with an invalid parameter."""
        from databricks.sdk.errors.platform import InvalidParameterValue, NotFound

        try:
            connection.call("POST", "/api/2.2/jobs/delete", body={"job_id": int(id)})
        except (NotFound, InvalidParameterValue):
            if self.read(connection, id) is not None:
                raise

    def url(self, connection: Connection, id: str) -> str | None:
        """The job's page."""
        return f"{connection.host}/jobs/{id}"
