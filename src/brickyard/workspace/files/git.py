"""Git as Git folders need it: the real `git`, without the settings, helpers and hooks of whoever runs the workspace."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from brickyard.workspace.api.errors import (
    ApiError,
    BadRequest,
    InvalidParameterValue,
    NotImplementedByWorkspace,
    PermissionDenied,
    ResourceDoesNotExist,
)

__all__ = [
    "Checkout",
    "Credential",
    "GitConflict",
    "GitRemoteError",
    "check_url",
    "default_branch",
    "shown_url",
    "without_token",
]

_SECONDS = 600
_LONGEST_USER = 19  # the shortest tokens of providers have 20
_TOKEN = re.compile(r"gh[a-z]_|github_pat_|gl[a-z]+-|AT[A-Z]{2}|eyJ")  # how tokens of providers begin
_WORD = re.compile(r"[A-Z]?[a-z]*([A-Z][a-z]+){0,3}\d{0,4}|[A-Z]{1,10}|\d{1,12}")  # of names; what is random is none
_HASH = 40  # the digits of a whole hash
_ALL_COMMITS = 2**31 - 1  # what git takes for no limit
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
        index: What of the history is in the files; with the history, where it is not given.
    """

    git_directory: Path
    work_tree: Path
    url: str
    credential: Credential | None = None
    index: Path | None = None

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

    def fetch_commit(self, *, branch: str | None = None, tag: str | None = None, commit: str | None = None) -> str:
        """Bring one commit here, without what was before it where the remote can do that; answers its hash.

        A commit that is here already is not asked for.

        Raises:
            ResourceDoesNotExist: The remote has no such branch, tag or commit.
            ApiError: As for `clone`.
        """
        self.git_directory.mkdir(parents=True, exist_ok=True)
        self.work_tree.mkdir(parents=True, exist_ok=True)
        self._run("init", "--quiet")
        if commit is not None:
            return self._fetch_hash(_checked(commit))
        kind, name = ("heads", _checked(branch)) if branch is not None else ("tags", _checked(tag))
        listed = self._run("ls-remote", "--quiet", self.url, f"refs/{kind}/{name}", f"refs/{kind}/{name}^{{}}")
        if not listed.strip():
            raise ResourceDoesNotExist(f"{'Branch' if tag is None else 'Tag'} {name} does not exist at {self.url}.")
        newest = listed.split("\n")[-2].split("\t")[0]  # of an annotated tag, its commit is last
        if self._commit_of(newest) is None:
            self._fetch_shallow(1, f"refs/{kind}/{name}")
            newest = self._commit_of("FETCH_HEAD") or newest
        return newest

    def _fetch_shallow(self, depth: int, *names: str) -> None:
        """Fetch so many commits of each name; all of them from a remote that can only give all."""
        try:
            self._run("fetch", "--quiet", f"--depth={depth}", "--no-tags", self.url, *names)
        except BadRequest:
            self._run("fetch", "--quiet", "--no-tags", self.url, *names)

    def _fetch_hash(self, commit: str) -> str:
        if not re.fullmatch(r"[0-9a-fA-F]{7,64}", commit):
            raise InvalidParameterValue(f"{commit!r} is not the hash of a commit")
        found = self._commit_of(commit)
        if found is None and len(commit) >= _HASH:
            with contextlib.suppress(BadRequest):  # not every remote gives single commits
                self._run("fetch", "--quiet", "--depth=1", "--no-tags", self.url, commit)
            found = self._commit_of(commit)
        if found is None:
            everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
            self._fetch_shallow(_ALL_COMMITS, *everything)
            found = self._commit_of(commit)
        if found is None:
            raise ResourceDoesNotExist(f"Commit {commit} does not exist at {self.url}.")
        return found

    def export(self, commit: str, patterns: list[str] | None = None) -> None:
        """Write the files of a commit that is here.

        Args:
            commit: Its hash.
            patterns: Directories of a sparse checkout; all files without it.
        """
        self._run("read-tree", commit)
        names = self._run("ls-files", "-z").split("\0")
        wanted = "\0".join(name for name in names if _is_in(name, patterns))
        self._run("checkout-index", "--force", "--quiet", "-z", "--stdin", given=wanted)

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

    def _run(self, *arguments: str, accept: tuple[int, ...] = (0,), given: str = "") -> str:
        command = ["git", f"--git-dir={self.git_directory}", f"--work-tree={self.work_tree}", *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=self.work_tree,
                env=self._environ(),
                input=given.encode(errors="surrogateescape"),
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise NotImplementedByWorkspace(
                "Git sources and Git folders need the program `git`, which is not installed here"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise GitRemoteError(f"{self.url} did not answer within {_SECONDS} s") from error
        if done.returncode not in accept:
            raise _failure(self.url, done.stderr.decode(errors="replace").strip())
        return done.stdout.decode(errors="surrogateescape")

    def _environ(self) -> dict[str, str]:
        settings = dict(_SETTINGS)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
        environ |= {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        } | ({} if self.index is None else {"GIT_INDEX_FILE": str(self.index)})
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
        InvalidParameterValue: It is neither, or carries a password or a token, which all would see who see it.
    """
    if not isinstance(url, str) or any(ord(letter) < 33 or ord(letter) == 127 for letter in url):
        raise InvalidParameterValue("url must be the address of a Git repository")
    try:
        parts = urlsplit(url)
        wrong = (
            parts.scheme not in ("https", "file") or (parts.scheme == "https" and not parts.hostname) or parts.port == 0
        )
    except ValueError as error:
        raise InvalidParameterValue(f"Invalid Git URL: {error}.") from error
    if wrong or not parts.path.strip("/"):
        raise InvalidParameterValue(
            f"Invalid Git URL {shown_url(url)!r}: it must begin with https:// (or file://) and name a repository."
        )
    if parts.password is not None or without_token(url) != url:
        raise InvalidParameterValue(
            "The URL must not contain a password or a token; put it into a Git credential (w.git_credentials), and"
            f" give {shown_url(url)!r}."
        )
    return url


def shown_url(url: str) -> str:
    """A remote's address without the user in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def without_token(url: str) -> str:
    """A remote's address, without the user in it who may be a token.

    Azure DevOps and Bitbucket give addresses with a user: the organisation, or a name that is short or made of words.
    """
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    organisations = (parts.path.strip("/").split("/")[0], (parts.hostname or "").split(".")[0])
    is_name = ":" not in user and (len(user) <= _LONGEST_USER or user in organisations or _is_made_of_words(user))
    return url if is_name else shown_url(url)


def _is_made_of_words(user: str) -> bool:
    words = re.split(r"[^A-Za-z0-9]+", unquote(user))
    return _TOKEN.match(user) is None and all(map(_WORD.fullmatch, words))


def default_branch(answer: str) -> str | None:
    """The branch that a remote's HEAD means, from what `ls-remote --symref` printed; nothing in an empty repository."""
    found = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", answer, re.MULTILINE)
    return found[1] if found else None


def _is_in(name: str, patterns: list[str] | None) -> bool:
    """Whether a file is in a sparse checkout: in one of the directories, or beside them or one above them."""
    above = name.rpartition("/")[0]
    return bool(name) and (
        patterns is None
        or not above
        or any(
            f"{one.strip('/')}/".startswith(f"{above}/") or f"{name}/".startswith(f"{one.strip('/')}/")
            for one in patterns
        )
    )


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
