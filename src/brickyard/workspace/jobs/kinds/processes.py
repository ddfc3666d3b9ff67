"""Tasks that are programs: notebooks, Python files and entry points of wheels, each in a process of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.compute.endings import LIBRARY_ERROR, library_failure
from brickyard.workspace.compute.tasks import TaskKind, TaskSpec
from brickyard.workspace.jobs import reuse
from brickyard.workspace.jobs.cluster_task import ClusterTask
from brickyard.workspace.jobs.clusters import place_of
from brickyard.workspace.jobs.directories import run_directory
from brickyard.workspace.jobs.git_source import source_of
from brickyard.workspace.jobs.kinds.base import Faulty, Prepared, Start
from brickyard.workspace.jobs.kinds.git_snapshot import snapshot_of
from brickyard.workspace.jobs.records import Json
from brickyard.workspace.jobs.references import resolve, resolve_all
from brickyard.workspace.jobs.sources import check_sources
from brickyard.workspace.libraries.kinds import label_of, uninstallable, words_of

__all__ = ["Notebook", "Program", "ProgramWork", "PythonWheel", "SparkPython"]


@dataclass(frozen=True)
class ProgramWork:
    """What the task executes: where it is, and the parameters it is given, references resolved."""

    source: str
    parameters: dict[str, str] | list[str]


class Program(ABC):
    """What programs have in common."""

    name: str
    process: TaskKind
    required: tuple[str, ...]
    in_process = True
    survives = False

    def check(self, key: str, work: Json) -> None:
        """Refuse what is incomplete, and sources that are not here."""
        for name in self.required:
            if not work.get(name):
                raise InvalidParameterValue(f"task {key!r}: {self.name}.{name} is required")

    def prepare(self, start: Start) -> Prepared:
        """The process to start."""
        _check_libraries(start.definition)
        work = self._work(start.definition[self.name], start)
        spec = self._spec(start, work)
        check_sources(start.workspace, spec, start.principal)
        place = place_of(start.definition, start.run.settings)
        if place is None:
            return Prepared(self._resolved(work.parameters), lambda: reuse.start(start, spec))
        on_cluster = partial(ClusterTask, start, spec, place, partial(reuse.start, start))
        return Prepared(self._resolved(work.parameters), on_cluster, waits=True)

    @abstractmethod
    def _work(self, work: Json, start: Start) -> ProgramWork:
        """Merge the task's parameters with the run's: job parameters win over all, as they do on the service."""

    def _resolved(self, parameters: dict[str, str] | list[str]) -> Json:
        return {self.name: {"named_parameters" if isinstance(parameters, dict) else "parameters": parameters}}

    def _spec(self, start: Start, work: ProgramWork) -> TaskSpec:
        task, run, definition = start.task, start.run, start.definition
        return TaskSpec(
            run_id=task.run_id,
            job_id=run.job_id,
            job_run_id=run.job_run_id,
            task_key=task.task_key,
            kind=self.process,
            source=work.source,
            user_name=run.run_as,
            token=start.token,
            directory=run_directory(start.workspace, task.run_id),
            parameters=work.parameters,
            libraries=_libraries(definition, run.settings),
            task_values=start.upstream,
            mounts=_mounts(start),
            timeout_seconds=definition.get("timeout_seconds", 0),
            records_notebooks=True,
        )


def _mounts(start: Start) -> dict[str, str]:
    """Where the task finds the repository that its code is from."""
    if source_of(start.definition) is None:
        return {}
    snapshot = snapshot_of(start.workspace, start.run)
    return {snapshot.path: str(snapshot.place)}


class Notebook(Program):
    """A notebook, with its parameters as widgets."""

    name = "notebook_task"
    process = "notebook"
    required = ("notebook_path",)

    def check(self, key: str, work: Json) -> None:
        """As for every program; the path is absolute."""
        super().check(key, work)
        if work.get("warehouse_id"):
            raise InvalidParameterValue(f"task {key!r}: warehouse_id is not supported by the local workspace")
        if work.get("source") != "GIT" and not work["notebook_path"].startswith("/"):
            raise InvalidParameterValue(
                f"task {key!r}: only absolute paths are supported for notebook_path, not {work['notebook_path']!r}"
            )

    def _work(self, work: Json, start: Start) -> ProgramWork:
        given = work.get("base_parameters", {}) | start.run.request.overriding.get("notebook_params", {})
        source = resolve(work["notebook_path"], start.scope)
        if work["source"] == "GIT":
            source = snapshot_of(start.workspace, start.run).notebook(source)
        return ProgramWork(source, resolve_all(given, start.scope) | dict(start.run.request.parameters))

    def _resolved(self, parameters: dict[str, str] | list[str]) -> Json:
        return {self.name: {"base_parameters": parameters}}


class SparkPython(Program):
    """A Python file, with its parameters as arguments."""

    name = "spark_python_task"
    process = "spark_python"
    required = ("python_file",)

    def _work(self, work: Json, start: Start) -> ProgramWork:
        arguments: list[str] = start.run.request.overriding.get("python_params") or work.get("parameters", [])
        source = resolve(work["python_file"], start.scope)
        if work["source"] == "GIT":
            source = snapshot_of(start.workspace, start.run).python_file(source)
        return ProgramWork(source, resolve_all(arguments, start.scope))


class PythonWheel(Program):
    """An entry point of a wheel, with its parameters as arguments or as `--name=value`."""

    name = "python_wheel_task"
    process = "python_wheel"
    required = ("package_name", "entry_point")

    def check(self, key: str, work: Json) -> None:
        """As for every program; its parameters are of one form."""
        super().check(key, work)
        if work.get("parameters") and work.get("named_parameters"):
            raise InvalidParameterValue(f"task {key!r}: parameters and named_parameters cannot be given together")

    def _work(self, work: Json, start: Start) -> ProgramWork:
        source, overriding = f"{work['package_name']}:{work['entry_point']}", start.run.request.overriding
        named = work.get("named_parameters", {}) | overriding.get("python_named_params", {})
        if named:
            return ProgramWork(source, resolve_all(named, start.scope) | dict(start.run.request.parameters))
        arguments = overriding.get("python_params") or work.get("parameters", [])
        return ProgramWork(source, resolve_all(arguments, start.scope))


def _check_libraries(definition: Json) -> None:
    for library in definition.get("libraries", []):
        why = uninstallable(library)
        if why is not None:
            raise Faulty(library_failure(why, label_of(library)), LIBRARY_ERROR)


def _libraries(definition: Json, settings: Json) -> tuple[str, ...]:
    """Requirements and paths for pip: the task's libraries, then those of its environment."""
    found: list[str] = []
    for library in definition.get("libraries", []):
        found.extend(words_of(library))
    for environment in settings.get("environments", []):
        if environment["environment_key"] == definition.get("environment_key"):
            found.extend(environment.get("spec", {}).get("dependencies", []))
    return tuple(found)
