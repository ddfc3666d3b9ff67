"""The files of a run's commit, fetched with the Git credential of whoever the run runs as.

The commit is looked up once, at the run's start, and all of its tasks and repairs have their files from it. What was
fetched stays with whoever fetched it, so that a commit is fetched once; the files themselves are the run's alone, and
go with its end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from brickyard.workspace.api.errors import ApiError, PermissionDenied, ResourceDoesNotExist
from brickyard.workspace.files.git import Checkout, shown_url
from brickyard.workspace.identity.git_credentials import provider_of
from brickyard.workspace.identity.principals import Kind
from brickyard.workspace.jobs.directories import source_directory
from brickyard.workspace.jobs.git_histories import GitHistories
from brickyard.workspace.jobs.git_source import needs_source, revision_of
from brickyard.workspace.jobs.job_store import has_repository
from brickyard.workspace.jobs.records import Json, RunRecord

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["GitCheckouts", "allow_git_host"]

_NAMES_HOST = frozenset({"git_source", "run_as"})


def allow_git_host(
    workspace: Workspace, settings: Json, given: Iterable[str], principal: Principal, runs_as: str
) -> None:
    """Let the runs of a job ask its repository's server with the Git credentials of who they run as.

    Whoever gives a job the repository, or says that it runs as themselves, allows that of their own credentials, and
    of no other's. An administrator acts for service principals too, who give nothing themselves.

    Args:
        workspace: Whose job it is.
        settings: The job's settings, checked.
        given: Which of them the principal has given.
        principal: Who has.
        runs_as: The name of who the runs run as.
    """
    source = settings.get("git_source") or {}
    if not runs_as or not source.get("git_url") or _NAMES_HOST.isdisjoint(given):
        return
    try:
        runner = workspace.identity.principal_named(runs_as)
    except ResourceDoesNotExist:  # deleted or deactivated: its runs fail
        return
    acts_for = principal.is_admin and runner.kind is Kind.SERVICE_PRINCIPAL
    if runner.id == principal.id or acts_for:
        workspace.files.git_hosts.allow(runner.id, provider_of(source["git_provider"]), source["git_url"])


class GitCheckouts:
    """Brings the files of commits to runs.

    Args:
        workspace: Whose runs they are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._histories = GitHistories(workspace.root / "git-sources")

    def take(self, run: RunRecord, principal: Principal) -> str:
        """Put the files of a run's commit into its directory; answers the commit, which stays what it was once.

        Raises:
            ApiError: The repository cannot be reached, or has no such branch, tag or commit. No password is in it.
        """
        source, place = run.settings["git_source"], source_directory(self._workspace, run)
        if run.request.commit and place.is_dir():
            return run.request.commit
        try:
            return self._take(run, source, place, principal)
        except ApiError as error:
            error.message = error.message.replace(source["git_url"], shown_url(source["git_url"]))
            if isinstance(error, PermissionDenied):
                error.message += self._not_sent(source, principal)
            error.args = (error.message,)
            raise

    def _take(self, run: RunRecord, source: Json, place: Path, principal: Principal) -> str:
        if urlsplit(source["git_url"]).scheme == "file" and not principal.is_admin:
            raise PermissionDenied("Only administrators can use repositories of the machine itself (file://).")
        login = self._workspace.files.repos.login(principal, provider_of(source["git_provider"]), source["git_url"])
        making = place.with_name("source.new")
        _clear(place)  # what a kill left behind
        revision = {"commit": run.request.commit} if run.request.commit else revision_of(source)
        with self._histories.hold(source["git_url"], principal.id, run.run_id) as history:
            checkout = Checkout(history, making, source["git_url"], login, place.with_name("source.index"))
            for left in history.rglob("*.lock"):  # by a fetch that was killed, as nobody else fetches now
                left.unlink(missing_ok=True)
            commit = checkout.fetch_commit(**revision)
        checkout.export(commit, source.get("sparse_checkout", {}).get("patterns"))
        place.with_name("source.index").unlink(missing_ok=True)
        making.rename(place)
        return commit

    def _not_sent(self, source: Json, principal: Principal) -> str:
        """That there is a credential which the server was not sent, and how it would be."""
        files, provider = self._workspace.files, provider_of(source["git_provider"])
        has = any(one.provider == provider for one in files.git_credentials.list(principal.id))
        if not has or files.git_hosts.may_have(principal.id, provider, source["git_url"]):
            return ""
        return (
            f" The {provider} credential of {principal.user_name} was not sent: it goes only to servers that its owner"
            " has named. The owner, or an administrator for a service principal, can give the job its git_source or"
            " run_as again; a Git folder from the repository does as well."
        )

    def leave(self, run: RunRecord) -> None:
        """The run has ended: its files go."""
        if needs_source(run):
            _clear(source_directory(self._workspace, run))
            if run.state.result == "SUCCESS":  # others may be repaired
                self._histories.leave(run.run_id)

    def forget(self, run: RunRecord) -> None:
        """The run is deleted: what was fetched for it goes, where no job and no other run may need that."""
        if not needs_source(run):
            return
        url = run.settings["git_source"]["git_url"]
        with self._workspace.store.read() as connection:
            needed = has_repository(connection, url)
        if needed:
            self._histories.leave(run.run_id)
            return
        try:
            runner = self._workspace.identity.principal_named(run.run_as).id
        except ResourceDoesNotExist:  # its histories go when they are old
            runner = None
        self._histories.forget(url, runner, run.run_id)


def _clear(place: Path) -> None:
    for one in (place, place.with_name("source.new")):
        shutil.rmtree(one, ignore_errors=True)
    for one in place.parent.glob("source.index*"):  # and its lock
        one.unlink(missing_ok=True)
