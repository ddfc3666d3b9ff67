"""Git as Git folders need it: the real `git`, without the settings, helpers and hooks of whoever runs the workspace."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from brickyard.workspace.api.errors import (
    ApiError,
    BadRequest,
    InvalidParameterValue,
    NotImplementedByWorkspace,
    PermissionDenied,
    ResourceDoesNotExist,
)

__all__ = ["Checkout", "Credential", "GitConflict", "GitRemoteError", "check_url", "default_branch"]

_SECONDS = 600
_NAME = re.compile(r"(?!-)(?!.*(\.\.|@\{|//|\.lock$|[/.]$))[^\x00-\x20~^:?*\[\\\x7f]+")
# The helper is asked only by the host of the repository, and the values are in no argument and in no file.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$BRICKYARD_GIT_USER" "$BRICKYARD_GIT_TOKEN"; }; f'
)
_KEPT = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH")  # a company's own certificate authority
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.symlinks": "false",  # a link in a repository would lead to files of others
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "credential.helper": "",
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.file.allow": "always",
    "http.followRedirects": "initial",
    "advice.detachedHead": "false",
    "gc.auto": "0",
}


class GitConflict(ApiError):
    """Files were changed in the Git folder that the update would overwrite."""

    status, code = 409, "GIT_CONFLICT"


class GitRemoteError(ApiError):
    """The remote does not answer; none of the codes at which clients try again, for minutes, by themselves."""

    status, code = 400, "GIT_REMOTE_ERROR"


@dataclass(frozen=True)
class Credential:
    """With what a remote is asked."""

    username: str
    token: str


@dataclass(frozen=True)
class Checkout:
    """A repository: where its history is, and the directory with the files of one commit.

    Attributes:
        git_directory: The history, outside of the workspace tree.
        work_tree: The files.
        url: The remote.
        credential: For remotes that ask.
    """

    git_directory: Path
    work_tree: Path
    url: str
    credential: Credential | None = None

    def clone(self, patterns: list[str] | None = None) -> None:
        """Fetch everything and check out the remote's default branch.

        Args:
            patterns: Directories of a sparse checkout; all files without it.

        Raises:
            ApiError: The remote cannot be reached, refuses the credential, or is no repository.
        """
        self.git_directory.mkdir(parents=True)
        self.work_tree.mkdir(parents=True, exist_ok=True)
        self._run("init", "--quiet")
        self._run("remote", "add", "origin", self.url)
        self.fetch()
        if patterns is not None:
            self.sparse(patterns)
        branch = default_branch(self._run("ls-remote", "--symref", "origin", "HEAD"))
        if branch is not None and self._commit_of(f"refs/remotes/origin/{branch}"):
            self._run("checkout", "--quiet", "-B", branch, "--track", f"origin/{branch}")

    def fetch(self) -> None:
        """Bring the history up to date with the remote.

        Raises:
            ApiError: As for `clone`.
        """
        self._run("fetch", "--quiet", "--prune", "--force", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")

    def switch(self, *, branch: str | None = None, tag: str | None = None, discard: bool = False) -> None:
        """Go to the remote's newest commit of a branch, or to a tag.

        Args:
            branch: A branch.
            tag: A tag; after it, no branch is checked out.
            discard: Whether all that was changed in the files is thrown away first.

        Raises:
            ResourceDoesNotExist: The remote has no such branch or tag.
            GitConflict: Files were changed that would be overwritten, or the branch has commits of its own.
        """
        name = _checked(branch if branch is not None else tag)
        target = f"refs/remotes/origin/{name}" if branch is not None else f"refs/tags/{name}"
        if not self._commit_of(target):
            raise ResourceDoesNotExist(
                f"{'Branch' if branch is not None else 'Tag'} {name} does not exist at {self.url}."
            )
        if discard:
            self._run("reset", "--quiet", "--hard")
            self._run("clean", "--quiet", "-ffdx")
        if branch is None:
            self._run("checkout", "--quiet", "--detach", target)
            return
        if self._commit_of(f"refs/heads/{name}"):
            self._run("checkout", "--quiet", name, "--")
            self._run("merge", "--quiet", "--ff-only", target)
        else:
            self._run("checkout", "--quiet", "-b", name, "--track", f"origin/{name}")

    def sparse(self, patterns: list[str]) -> None:
        """Keep only the files in some directories, and those at the top.

        Raises:
            InvalidParameterValue: A pattern is not a directory's path.
        """
        if any(not isinstance(one, str) or not one.strip("/") or ".." in one.split("/") for one in patterns):
            raise InvalidParameterValue("sparse_checkout.patterns must be paths of directories in the repository")
        self._run("sparse-checkout", "set", "--cone", "--end-of-options", *patterns)

    def branch(self) -> str | None:
        """The branch that is checked out; nothing at a tag."""
        found = self._run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1)).strip()
        return found or None

    def head(self) -> str | None:
        """The commit that is checked out; nothing in an empty repository."""
        return self._commit_of("HEAD")

    def _commit_of(self, name: str) -> str | None:
        found = self._run("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}", accept=(0, 1, 128)).strip()
        return found or None

    def _run(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
        command = ["git", f"--git-dir={self.git_directory}", f"--work-tree={self.work_tree}", *arguments]
        try:
            done = subprocess.run(
                command, cwd=self.work_tree, env=self._environ(), capture_output=True, timeout=_SECONDS, check=False
            )
        except FileNotFoundError as error:
            raise NotImplementedByWorkspace(
                "Git folders need the program `git`, which is not installed here"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise GitRemoteError(f"{self.url} did not answer within {_SECONDS} s") from error
        if done.returncode not in accept:
            raise _failure(self.url, done.stderr.decode(errors="replace").strip())
        return done.stdout.decode(errors="replace")

    def _environ(self) -> dict[str, str]:
        settings = dict(_SETTINGS)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
        environ |= {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        if self.credential is not None:
            host = urlsplit(self.url)
            settings[f"credential.{host.scheme}://{host.netloc}.helper"] = _HELPER
            environ |= {"BRICKYARD_GIT_USER": self.credential.username, "BRICKYARD_GIT_TOKEN": self.credential.token}
        environ["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (name, value) in enumerate(settings.items()):
            environ |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return environ


def check_url(url: object) -> str:
    """A remote's address: https, or file for a repository on this machine.

    Raises:
        InvalidParameterValue: It is neither, or carries a password.
    """
    if not isinstance(url, str) or any(ord(letter) < 33 or ord(letter) == 127 for letter in url):
        raise InvalidParameterValue("url must be the address of a Git repository")
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("https", "file") or (parts.scheme == "https" and not parts.hostname)
    except ValueError as error:
        raise InvalidParameterValue(f"Invalid Git URL {url!r}: {error}.") from error
    if wrong or not parts.path.strip("/"):
        raise InvalidParameterValue(
            f"Invalid Git URL {url!r}: it must begin with https:// (or file://) and name a repository."
        )
    if parts.password is not None:
        raise InvalidParameterValue("The URL must not contain a password; put the token into a Git credential.")
    return url


def default_branch(answer: str) -> str | None:
    """The branch that a remote's HEAD means, from what `ls-remote --symref` printed; nothing in an empty repository."""
    found = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", answer, re.MULTILINE)
    return found[1] if found else None


def _checked(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidParameterValue(f"{name!r} is not a name of a branch or tag")
    return name


def _failure(url: str, said: str) -> ApiError:
    """What a caller is told of an error of git."""
    low = said.lower()
    if "would be overwritten" in low or "not possible to fast-forward" in low or "please commit your changes" in low:
        return GitConflict(
            f"Files or commits of the Git folder are in conflict with the remote; resolve them first. {said}"
        )
    if any(words in low for words in ("authentication failed", "could not read username", "error: 403", "error: 401")):
        return PermissionDenied(
            f"The Git provider of {url} asks for credentials, or refused yours;"
            " check the Git credentials (w.git_credentials) and that they may read the repository."
        )
    if any(words in low for words in ("not found", "does not appear to be a git repository", "does not exist")):
        return BadRequest(
            f"Remote repo not found: there is no Git repository at {url}, or your credentials may not see it."
        )
    if any(words in low for words in ("could not resolve", "failed to connect", "unable to access", "timed out")):
        return GitRemoteError(f"{url} cannot be reached: {said.splitlines()[-1] if said else 'no answer'}")
    return BadRequest(f"Git refused: {said or 'it gave no reason'}")
