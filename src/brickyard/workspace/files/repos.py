"""Git folders: clones of remote repositories in the workspace tree."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, select, update

from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
    ResourceExhausted,
)
from brickyard.workspace.files.errors import LeadsAway
from brickyard.workspace.files.git import Checkout, Credential, check_url
from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.identity.git_credentials import provider_of
from brickyard.workspace.store.repos import repos as table

if TYPE_CHECKING:
    from brickyard.workspace.files.service import Files
    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Repo", "Repos", "Wanted"]

_AT_ONCE = 4


@dataclass(frozen=True)
class Repo:
    """A Git folder.

    Attributes:
        id: The number of its workspace object.
        path: Where it is in the tree.
        url: The remote.
        provider: The Git provider.
        creator_id: Who made it.
        branch: The branch that is checked out; nothing at a tag.
        head: The commit that is checked out; nothing in an empty repository.
        sparse_patterns: The directories of a sparse checkout; nothing for all files.
    """

    id: int
    path: str
    url: str
    provider: str
    creator_id: int
    branch: str | None
    head: str | None
    sparse_patterns: tuple[str, ...] | None


@dataclass(frozen=True)
class Wanted:
    """What a Git folder is to become; what is nothing stays."""

    branch: str | None = None
    tag: str | None = None
    sparse_patterns: list[str] | None = None
    credential_id: int | None = None
    discard: bool = False


class Repos:
    """The Git folders of a workspace.

    Args:
        workspace: Whose they are.
        files: Its files.
    """

    def __init__(self, workspace: Workspace, files: Files) -> None:
        self._store = workspace.store
        self._files = files
        self._histories = workspace.data / "git"
        self._lock = threading.RLock()
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._at_work: set[int] = set()
        self._histories.mkdir(parents=True, exist_ok=True)
        self._drop_unfinished()

    def create(self, principal: Principal, url: object, provider: object, path: str | None, wanted: Wanted) -> Repo:
        """Clone a repository into the tree.

        Raises:
            ResourceAlreadyExists: There is something at the path.
            ResourceDoesNotExist: The folder above the path does not exist.
            BadRequest: The repository does not exist.
            GitRemoteError: The remote does not answer.
            PermissionDenied: The principal may not create anything there, or the remote refuses.
        """
        address, kind = check_url(url), provider_of(provider)
        if urlsplit(address).scheme == "file" and not principal.is_admin:
            raise PermissionDenied("Only administrators can clone repositories of the machine itself (file://).")
        target = self._target(principal, path, address)
        self._files.access.require_write(principal, target)
        with self._busy():
            return self._clone(principal, address, kind, target, wanted)

    def _clone(self, principal: Principal, address: str, kind: str, target: str, wanted: Wanted) -> Repo:
        name = uuid.uuid4().hex
        temporary = self._files.storage.incoming(name)
        self._files.git_hosts.allow(principal.id, kind, address)
        login = self.login(principal, kind, address, wanted.credential_id)
        checkout = Checkout(self._histories / name, temporary, address, login)
        try:
            checkout.clone(wanted.sparse_patterns)
            with self._lock:
                repo_id = self._files.tree.reserve(target)
                (self._histories / name).rename(self._history(repo_id))
                row = {"id": repo_id, "path": target, "url": address, "provider": kind, "creator_id": principal.id}
                row |= {"credential_id": wanted.credential_id, "sparse_patterns": wanted.sparse_patterns}
                with self._store.write() as connection:
                    connection.execute(insert(table).values(**row))
                self._files.tree.adopt(temporary, target)
        finally:
            for left in (temporary, self._histories / name):
                shutil.rmtree(left, ignore_errors=True)
        return self.get(repo_id)

    def get(self, repo_id: int) -> Repo:
        """A Git folder.

        Raises:
            ResourceDoesNotExist: There is none with that number.
        """
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.id == repo_id)).first()
        if row is None or not self._is_there(row.id, row.path):
            raise ResourceDoesNotExist(f"Repo {repo_id} does not exist.")
        checkout = self._checkout(row.id, row.path, row.url, None)
        patterns = None if row.sparse_patterns is None else tuple(row.sparse_patterns)
        branch, head = checkout.branch(), checkout.head()
        return Repo(row.id, row.path, row.url, row.provider, row.creator_id, branch, head, patterns)

    def page(self, principal: Principal, prefix: str, after: int, limit: int) -> list[Repo]:
        """Git folders whose path begins so and which the principal may manage, by number."""
        query = select(table.c.id, table.c.path).where(table.c.id > after).order_by(table.c.id)
        with self._store.read() as connection:
            rows = [row for row in connection.execute(query) if row.path.startswith(prefix)]
        may = self._files.access.manages
        mine = [row.id for row in rows if self._is_there(row.id, row.path) and may(principal, row.path)]
        return [self.get(repo_id) for repo_id in mine[:limit]]

    def update(self, principal: Principal, repo_id: int, wanted: Wanted) -> None:
        """Bring a Git folder to the newest commit of a branch, of its own where none is named, or to a tag.

        Raises:
            ResourceDoesNotExist: There is no such Git folder, branch or tag.
            GitConflict: What was changed in the files would be lost.
            InvalidParameterValue: Sparse checkout was not chosen when it was made, or it is at a tag and none is named.
        """
        if wanted.branch is not None and wanted.tag is not None:
            raise InvalidParameterValue("Only one of branch and tag can be given.")
        with self._busy(repo_id):
            repo = self.get(repo_id)
            if wanted.sparse_patterns is not None and repo.sparse_patterns is None:
                raise InvalidParameterValue("Sparse checkout can only be chosen when a Git folder is created.")
            if repo.creator_id == principal.id or wanted.credential_id is not None:
                self._files.git_hosts.allow(principal.id, repo.provider, repo.url)
            login = self.login(principal, repo.provider, repo.url, wanted.credential_id)
            checkout = self._checkout(repo.id, repo.path, repo.url, login)
            if wanted.sparse_patterns is not None:
                checkout.sparse(wanted.sparse_patterns)
                with self._store.write() as connection:
                    mine = table.c.id == repo_id
                    connection.execute(update(table).where(mine).values(sparse_patterns=wanted.sparse_patterns))
            branch = wanted.branch or (None if wanted.tag or wanted.sparse_patterns is not None else _own_branch(repo))
            if branch is not None or wanted.tag is not None:
                checkout.fetch()
                checkout.switch(branch=branch, tag=wanted.tag, discard=wanted.discard)

    def delete(self, repo_id: int) -> None:
        """Delete a Git folder with everything in it that was not pushed.

        Raises:
            ResourceDoesNotExist: There is none with that number.
        """
        with self._busy(repo_id):
            repo = self.get(repo_id)
            self._files.tree.delete(repo.path, recursive=True)
            with self._store.write() as connection:
                connection.execute(delete(table).where(table.c.id == repo_id))
            shutil.rmtree(self._history(repo_id), ignore_errors=True)

    @contextmanager
    def _busy(self, repo_id: int | None = None) -> Iterator[None]:
        """Work on a Git folder, alone, and beside a few others: a remote that hangs must not hold the workspace."""
        if not self._slots.acquire(blocking=False):
            raise ResourceExhausted(f"{_AT_ONCE} Git folders are being fetched; try again when one is done.")
        try:
            with self._alone(repo_id):
                yield
        finally:
            self._slots.release()

    @contextmanager
    def _alone(self, repo_id: int | None) -> Iterator[None]:
        with self._lock:
            if repo_id in self._at_work:
                raise ResourceConflict(f"Repo {repo_id} is being changed; try again when that is done.")
            self._at_work |= {repo_id} if repo_id is not None else set()
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard(repo_id or 0)

    def login(
        self, principal: Principal, provider: str, url: str, credential_id: int | None = None
    ) -> Credential | None:
        """A principal's credential, where it may go to that server."""
        if not self._files.git_hosts.may_have(principal.id, provider, url):
            return None
        found = self._files.git_credentials.login(principal.id, provider, credential_id)
        return None if found is None else Credential(*found)

    def _target(self, principal: Principal, path: str | None, url: str) -> str:
        name = url.rstrip("/").rpartition("/")[2].removesuffix(".git") or "repo"
        target = tree_path(path) if path else f"/Repos/{principal.user_name}/{name}"
        names = target.split("/")[1:]
        if names[0] == "Repos" and len(names) != 3:
            raise InvalidParameterValue(f"{target} must have the form /Repos/<folder>/<name>.")
        parent = target.rpartition("/")[0] or "/"
        if not path or (names[0] == "Repos" and names[1] == principal.user_name):
            self._files.ensure_repos_folder(principal)
        if self._files.tree.find(parent) is None:
            raise ResourceDoesNotExist(f"Parent directory {parent} does not exist.")
        if self._files.tree.find(target) is not None:
            raise ResourceAlreadyExists(f"{target} already exists.")
        if self._files.tree.repo_of(target) is not None:
            raise InvalidParameterValue(f"{parent} is in a Git folder; one cannot be inside of another.")
        return target

    def _checkout(self, repo_id: int, path: str, url: str, login: Credential | None) -> Checkout:
        return Checkout(self._history(repo_id), self._files.local_path("/Workspace" + path), url, login)

    def _is_there(self, repo_id: int, path: str) -> bool:
        try:
            found = self._files.tree.find(path)
        except LeadsAway:  # a task has put a link in its place
            return False
        return found is not None and found.id == repo_id

    def _history(self, repo_id: int) -> Path:
        return self._histories / str(repo_id)

    def _drop_unfinished(self) -> None:
        """Forget what a killed server left: folders without a row, and rows without a folder."""
        with self._store.read() as connection:
            rows = connection.execute(select(table.c.id, table.c.path)).all()
        kept = {str(row.id) for row in rows if self._is_there(row.id, row.path)}
        for path in self._histories.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
        gone = [row.id for row in rows if str(row.id) not in kept]
        if gone:
            with self._store.write() as connection:
                connection.execute(delete(table).where(table.c.id.in_(gone)))


def _own_branch(repo: Repo) -> str:
    if repo.branch is None:
        raise InvalidParameterValue(f"Repo {repo.id} is at a tag or is empty; name the branch or tag to go to.")
    return repo.branch
