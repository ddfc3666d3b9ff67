"""dbt tasks: the commands of a dbt project on a SQL warehouse: https://docs.databricks.com/jobs/dbt.html ."""

from __future__ import annotations

import shlex
from dataclasses import replace

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.tasks import TaskSpec
from brickyard.workspace.jobs.kinds.base import Faulty, Start
from brickyard.workspace.jobs.kinds.git_snapshot import snapshot_of
from brickyard.workspace.jobs.kinds.processes import Program, ProgramWork
from brickyard.workspace.jobs.records import Json
from brickyard.workspace.jobs.references import resolve, resolve_all

__all__ = ["Dbt"]


class Dbt(Program):
    """The commands of a project."""

    name = "dbt_task"
    process = "dbt"
    required = ("commands",)

    def check(self, key: str, work: Json) -> None:
        """As for every program; each command is one of dbt, and it is known where they connect to."""
        super().check(key, work)
        if work.get("source") != "GIT" and not work.get("project_directory"):
            raise InvalidParameterValue(f"task {key!r}: dbt_task.project_directory is required")
        if (wrong := _wrong(work["commands"])) is not None:
            raise InvalidParameterValue(f"task {key!r}: the command {wrong!r} must begin with dbt")
        if not work.get("warehouse_id") and not work.get("profiles_directory"):
            raise InvalidParameterValue(f"task {key!r}: dbt_task needs warehouse_id, or profiles_directory")

    def _work(self, work: Json, start: Start) -> ProgramWork:
        given: list[str] = start.run.request.overriding.get("dbt_commands") or work["commands"]
        commands = resolve_all(given, start.scope)
        if (wrong := _wrong(commands)) is not None:
            raise Faulty(f"the command {wrong!r} must begin with dbt; correct dbt_commands of the run, or the task")
        source = resolve(work.get("project_directory", ""), start.scope)
        if work.get("source") == "GIT":
            source = snapshot_of(start.workspace, start.run).directory(source)
        return ProgramWork(source, commands)

    def _resolved(self, parameters: dict[str, str] | list[str]) -> Json:
        return {self.name: {"commands": parameters}}

    def _spec(self, start: Start, work: ProgramWork) -> TaskSpec:
        spec, given = super()._spec(start, work), resolve_all(start.definition[self.name], start.scope)
        if given.get("profiles_directory"):
            own = {"DBT_PROFILES_DIR": given["profiles_directory"]}
        else:
            catalog = given.get("catalog") or start.workspace.identity.settings.default_catalog
            place = {"DBT_CATALOG": catalog, "DBT_SCHEMA": given.get("schema") or "default"}
            own = {"DBT_HTTP_PATH": f"/sql/1.0/warehouses/{given['warehouse_id']}"} | place
        return replace(spec, environment={**spec.environment, **own})


def _wrong(commands: list[str]) -> str | None:
    """The first of the commands that is none of dbt."""
    return next((command for command in commands if _first(command) != "dbt"), None)


def _first(command: str) -> str:
    try:
        return next(iter(shlex.split(command)), "")
    except ValueError:  # a quotation without an end
        return ""
