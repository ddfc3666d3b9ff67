"""The path of a deploy: connect, build, lock, plan, apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from brickyard.errors import DeploymentError, UsageError
from brickyard.plan.apply import Applier
from brickyard.plan.artifacts import build_artifacts
from brickyard.plan.builder import build_plan, destruction_plan
from brickyard.plan.connect import Connection, calling, connect_to
from brickyard.plan.definition import Plan
from brickyard.plan.drift import seen, without_drifted
from brickyard.plan.lock import Holder, locked
from brickyard.plan.remote_files import RemoteFiles
from brickyard.plan.state import DeployedResource, Files, State, StateStore
from brickyard.project.faults import nearest
from brickyard.project.project import Project

__all__ = ["Deployment", "Options"]


def _silent(_line: str) -> None:
    """Say nothing."""


def _always(_plan: Plan) -> bool:
    """Agree to every plan."""
    return True


@dataclass(frozen=True)
class Options:
    """How a deploy or a destroy is done.

    Args:
        force_lock: Take the lock from whoever holds it.
        force: Deploy from another branch than the target asks for.
        adopt: Take over resources that are there already.
        approve: Is asked before anything is done; False leaves everything as it is.
        progress: Is told what was done, a line at a time.
    """

    force_lock: bool = False
    force: bool = False
    adopt: bool = False
    approve: Callable[[Plan], bool] = _always
    progress: Callable[[str], None] = _silent


def _unknown(what: str, name: str, known: list[str]) -> UsageError:
    like = nearest(name, known)
    hint = f"did you mean '{like}'?" if like else f"there is: {', '.join(known) or 'none'}"
    return UsageError(f"{what} '{name}'", next=hint)


@dataclass(frozen=True)
class Deployment:
    """A project and the workspace it is deployed to.

    Args:
        project: The project, resolved for the signed-in user.
        connection: The workspace.
    """

    project: Project
    connection: Connection
    _files: RemoteFiles = field(repr=False)
    _store: StateStore = field(repr=False)

    @classmethod
    def of(cls, project: Project, environ: Mapping[str, str] | None = None) -> Deployment:
        """Connect to the workspace of the project's target.

        Raises:
            ConnectionFailed: It cannot be reached, or refuses the credentials.
        """
        connection = connect_to(project.workspace, environ)
        project = project.for_user(connection.user_name)
        files = RemoteFiles(connection)
        return cls(project, connection, files, StateStore(files, project.workspace.state_path))

    def resources(self) -> Mapping[str, DeployedResource]:
        """What is deployed, by address; empty before the first deploy."""
        state = self._store.load()
        return state.resources if state else {}

    def is_deployed(self) -> bool:
        """Whether there is anything to destroy."""
        return self._store.load() is not None

    def job_id(self, key: str, parameters: Mapping[str, str]) -> str:
        """The id of a deployed job.

        Args:
            key: The job's name in the project.
            parameters: The parameters that it shall be run with.

        Raises:
            UsageError: The project has no such job, or the job has no such parameter.
            DeploymentError: The job is not deployed.
        """
        job = self.project.resource("jobs", key)
        if job is None:
            keys = [resource.key for resource in self.project.resources if resource.type == "jobs"]
            raise _unknown("the project has no job", key, keys)
        known = [str(item["name"]) for item in job.config.get("parameters") or ()]
        for name in parameters:
            if name not in known:
                raise _unknown(f"the job '{key}' has no parameter", name, known)
        deployed = self.resources().get(job.address)
        if deployed is None or deployed.id is None:
            target = self.project.target
            raise DeploymentError(
                f"the job '{key}' is not deployed to '{target}'",
                where=self.connection.host,
                next=f"deploy it: brickyard deploy -t {target}",
            )
        return deployed.id

    def plan(self, options: Options | None = None) -> Plan:
        """Build the plan; changes nothing in the workspace.

        Raises:
            DeploymentError: A wheel cannot be built, or the plan cannot be made.
        """
        options = options or Options()
        build_artifacts(self.project, options.progress)
        files = self._deployed_files()
        return build_plan(self.project, self.connection, self._store.load(), files, adopt=options.adopt)

    def deploy(self, options: Options | None = None, saved: Plan | None = None) -> Plan | None:
        """Make the workspace match the project.

        Args:
            options: How.
            saved: A plan that was made before; otherwise one is made now.

        Returns:
            The plan that was applied, or None if it was not approved.

        Raises:
            DeploymentError: The deployment is locked, the branch is not the target's, the saved plan is out of date,
                or something failed.
        """
        options = options or Options()
        if not options.force:
            self._refuse_other_branch()
        build_artifacts(self.project, options.progress)
        with self._locked("deploy", options):
            state, files = self._store.load(), self._deployed_files()
            if saved is not None:
                self._refuse_if_moved(saved, state)
            plan = saved or build_plan(self.project, self.connection, state, files, adopt=options.adopt)
            if not options.approve(plan):
                return None
            if not plan.is_empty:
                begun = state or self._store.new()
                if state is None:
                    self._store.save(begun)
                root = self.project.root
                Applier(root, self.connection, self._store, begun, files, options.progress).apply(plan)
        return plan

    def destroy(self, options: Options | None = None) -> Plan | None:
        """Delete everything that was deployed, and the deployment's directory.

        Returns:
            The plan that was applied, or None if nothing was deployed or it was not approved.

        Raises:
            DeploymentError: The deployment is locked, or something could not be deleted.
        """
        options = options or Options()
        if self._store.load() is None:
            return None
        with self._locked("destroy", options):
            state = self._store.load() or State(lineage="")
            plan = destruction_plan(self.project, self.connection, state)
            if not options.approve(plan):
                return None
            Applier(self.project.root, self.connection, self._store, state, {}, options.progress).apply(plan)
            self._delete_files(options)
        return plan

    def _deployed_files(self) -> Files:
        """The files of the last deployment, without those that the workspace does not have as they were."""
        files = self._store.load_files()
        return without_drifted(files, seen(self._files, files))

    def _delete_files(self, options: Options) -> None:
        """Delete what was uploaded; a directory of its own as a whole."""
        root = self.project.workspace.root_path
        for path in self._store.load_files():
            if not path.startswith(f"{root}/"):
                with calling("delete a file", path):
                    self._files.delete(path)
        self._store.delete()
        with calling("delete the deployment's directory", root):
            self._files.delete(root, recursive=True)
        options.progress(f"deleted  {root}")

    def _locked(self, command: str, options: Options) -> AbstractContextManager[None]:
        holder = Holder.here(self.connection.user_name, f"brickyard {command}")
        path = self.project.workspace.state_path
        return locked(self._files, path, holder, force=options.force_lock, notice=options.progress)

    def _refuse_other_branch(self) -> None:
        git = self.project.git
        if git is not None and git.actual and git.actual != git.expected:
            raise DeploymentError(
                f"'{self.project.target}' is deployed from the branch '{git.expected}', and this is '{git.actual}'",
                where=str(git.at),
                next=f"git switch {git.expected}, or say --force",
            )

    def _refuse_if_moved(self, saved: Plan, state: State | None) -> None:
        now = (state.lineage if state else None, state.serial if state else 0)
        here = (self.connection.host, self.project.workspace.root_path)
        if (saved.host, saved.root_path) != here:
            raise DeploymentError(
                f"the plan is for {saved.host}, {saved.root_path}", where=f"{here[0]}, {here[1]}", next="plan again"
            )
        if (saved.lineage, saved.serial) != now:
            raise DeploymentError(
                f"the plan was made for serial {saved.serial} of the deployment, which is at {now[1]} now",
                where=self._store.path,
                next="make the plan again: something was deployed in between",
            )
