"""Runs a plan's stages; every step is noted in the state before and after, so that any interruption can be resumed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from brickyard.errors import BrickyardError, ConnectionFailed, DeploymentError
from brickyard.plan.connect import Connection, calling
from brickyard.plan.definition import FileChange, Plan, ResourceChange
from brickyard.plan.drift import seen, with_times
from brickyard.plan.kinds import kind_of
from brickyard.plan.references import fill
from brickyard.plan.remote_files import RemoteFiles
from brickyard.plan.stages import (
    ChangeResource,
    DeleteFiles,
    DeleteResource,
    RefreshState,
    Stage,
    UploadFiles,
    stages_of,
)
from brickyard.plan.state import DeployedFile, DeployedResource, Files, State, StateStore
from brickyard.plan.sync import digest

__all__ = ["Applier"]

_UPLOADERS = 4
_PAST = {"create": "created", "update": "changed", "recreate": "created again"}


@dataclass
class Applier:
    """Applies plans to one workspace.

    Args:
        root: The project's directory, where files are read.
        connection: The workspace.
        store: Where the state is kept.
        state: The state before; the applier goes on from it.
        files: The files of the last deployment.
        progress: Is told what was done, a line at a time.
    """

    root: Path
    connection: Connection
    store: StateStore
    state: State
    files: Files
    progress: Callable[[str], None]
    _failed: dict[str, BrickyardError] = field(default_factory=dict)

    def apply(self, plan: Plan) -> None:
        """Run the stages of a plan.

        A resource that fails does not stop those that do not need it; all failures are reported at the end.

        Raises:
            DeploymentError: Something failed; the next deploy continues from there.
            ConnectionFailed: The workspace went away.
        """
        stages = stages_of(plan)
        if stages:
            # Before anything else: a plan that was saved earlier is out of date from here on.
            self.state = dataclasses.replace(self.state, serial=self.state.serial + 1)
            self.store.save(self.state)
        for stage in stages:
            self._run(stage)
        self._report()

    def _run(self, stage: Stage) -> None:
        match stage:
            case UploadFiles(files):
                self._upload(files)
            case ChangeResource(change):
                self._guarded(change, self._change)
            case RefreshState(change):
                self._guarded(change, self._refresh)
            case DeleteResource(change):
                self._guarded(change, self._delete)
            case DeleteFiles(files):
                self._delete_files(files)

    def _guarded(self, change: ResourceChange, step: Callable[[ResourceChange], None]) -> None:
        broken = [address for address in change.depends_on if address in self._failed]
        try:
            if broken and change.action != "delete":
                raise DeploymentError(f"it needs '{broken[0]}', which failed", where=change.address)
            step(change)
        except ConnectionFailed:
            raise
        except BrickyardError as error:
            self._failed[change.address] = error
            self.progress(f"failed   {change.address}: {error.message}")

    def _report(self) -> None:
        if not self._failed:
            return
        lines = "\n".join(
            f"  {address}: {error.message}" + (f"\n    next: {error.next}" if error.next else "")
            for address, error in self._failed.items()
        )
        raise DeploymentError(
            f"{len(self._failed)} of the resources could not be deployed:\n{lines}",
            where=self.connection.host,
            next="correct the cause and deploy again: what was done is noted, and only the rest is done then",
        )

    def _note(self, address: str, resource: DeployedResource | None) -> None:
        self.state = self.state.with_resource(address, resource)
        self.store.save(self.state)

    def _change(self, change: ResourceChange) -> None:
        kind, address = kind_of(change.address), change.address
        config = fill(change.config, self.state.resources, strict=True, where=address)
        before = self.state.resources.get(address)
        wanted = DeployedResource(change.id, config, depends_on=change.depends_on, pending=change.action)
        # The intent: without it, a creation that is interrupted would be done twice.
        known = before if before and before.id and change.action != "create" else None
        intent = dataclasses.replace(known, pending=change.action) if known else wanted
        self._note(address, intent)
        verb = {"create": "create", "update": "change", "recreate": "create again"}[change.action]
        with calling(f"{verb} the {kind.title} '{change.name}'", address):
            id = self._perform(change, config)
            observed = kind.read(self.connection, id) or {}
        self._note(address, DeployedResource(id, config, observed, change.depends_on))
        self.progress(f"{_PAST[change.action]:<9}{kind.title} '{change.name}'")

    def _perform(self, change: ResourceChange, config: dict[str, object]) -> str:
        kind = kind_of(change.address)
        if change.action == "update" and change.id is not None:
            kind.update(self.connection, change.id, config, {item.field for item in change.changes})
            return change.id
        if change.action == "recreate" and change.id is not None:
            kind.delete(self.connection, change.id)
            # Should this be interrupted, the next deployment finds nothing under the old id.
            self._note(change.address, DeployedResource(None, config, depends_on=change.depends_on, pending="create"))
        return self._create(change, config)

    def _create(self, change: ResourceChange, config: dict[str, object]) -> str:
        from databricks.sdk.errors.platform import ResourceConflict

        kind = kind_of(change.address)
        try:
            return kind.create(self.connection, config)
        except ResourceConflict:
            # It was not there when the plan was made: the SDK repeated a call whose answer was lost.
            ids = {item.id for item in self.state.resources.values() if item.id is not None}
            found = kind.find(self.connection, config, ids)
            if found is None:
                raise
            return found

    def _refresh(self, change: ResourceChange) -> None:
        kind = kind_of(change.address)
        config = fill(change.config, self.state.resources, strict=True, where=change.address)
        if change.id is None:
            raise DeploymentError("its id is not known", where=change.address, next="deploy again")
        with calling(f"look at the {kind.title} '{change.name}'", change.address):
            observed = kind.read(self.connection, change.id) or {}
        self._note(change.address, DeployedResource(change.id, config, observed, change.depends_on))

    def _delete(self, change: ResourceChange) -> None:
        kind, before = kind_of(change.address), self.state.resources.get(change.address)
        if change.id is not None and before is not None:
            self._note(change.address, dataclasses.replace(before, id=change.id, pending="delete"))
            with calling(f"delete the {kind.title} '{change.name}'", change.address):
                kind.delete(self.connection, change.id)
            self.progress(f"deleted  {kind.title} '{change.name}'")
        self._note(change.address, None)

    def _upload(self, files: tuple[FileChange, ...]) -> None:
        remote = RemoteFiles(self.connection)
        # The intent: a file that was uploaded and then forgotten could never be deleted.
        self.files = {**self.files, **{file.stored: DeployedFile(None) for file in files}}
        self.store.save_files(self.files)
        with calling("make the directories for the files", self.connection.host):
            for directory in sorted({file.path.rpartition("/")[0] for file in files}):
                remote.mkdirs(directory)
        with ThreadPoolExecutor(_UPLOADERS) as pool:
            uploads = [pool.submit(self._upload_one, remote, file) for file in files]
            try:
                for upload in uploads:
                    upload.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # what has begun is waited for
                raise
        uploaded = {file.stored: DeployedFile(file.sha256) for file in files}
        self.files = {**self.files, **with_times(uploaded, seen(remote, uploaded))}
        self.store.save_files(self.files)
        size = sum(file.size for file in files) / 1024
        self.progress(f"uploaded {len(files)} file{'s' * (len(files) != 1)} ({size:,.1f} KiB)")

    def _upload_one(self, remote: RemoteFiles, file: FileChange) -> None:
        source = self.root / str(file.source)
        try:
            if digest(source) != file.sha256:
                raise DeploymentError("the file changed after the plan was made", where=str(source), next="plan again")
            content = source.read_bytes()
        except OSError as error:
            raise DeploymentError(f"the file cannot be read: {error.strerror}", where=str(source)) from error
        with calling(f"upload '{file.source}'", file.path):
            remote.write(file.path, content)

    def _delete_files(self, files: tuple[FileChange, ...]) -> None:
        remote = RemoteFiles(self.connection)
        for file in files:
            with calling("delete a file", file.stored):
                remote.delete(file.stored)
        gone = {file.stored for file in files}
        self.files = {stored: file for stored, file in self.files.items() if stored not in gone}
        self.store.save_files(self.files)
        self.progress(f"deleted  {len(files)} file{'s' * (len(files) != 1)}")
