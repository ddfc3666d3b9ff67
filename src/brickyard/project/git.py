"""What a project's git repository says of its checkout, read from the repository's files; runs no program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Checkout", "read_checkout"]

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MAX_LINKS = 5


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of a repository.

    Args:
        branch: The branch; empty where a commit is checked out without one, as CI systems do.
        commit: The commit's hash; empty in a repository without commits.
        origin_url: Where `origin` is, without credentials; empty without that remote.
        bundle_root_path: The project's directory in the repository, `.` at its top.
    """

    branch: str
    commit: str
    origin_url: str
    bundle_root_path: str


def read_checkout(root: Path) -> Checkout | None:
    """Read the checkout that a directory is part of, or None if it is not part of one or cannot be read."""
    top = next((place for place in (root, *root.parents) if (place / ".git").exists()), None)
    try:
        return _read(top, root) if top is not None else None
    except (OSError, UnicodeDecodeError):
        return None


def _read(top: Path, root: Path) -> Checkout:
    own = _directory(top / ".git")
    # A worktree has its own HEAD and shares the rest.
    shared_file = own / "commondir"
    shared = (own / shared_file.read_text(encoding="utf-8").strip()) if shared_file.is_file() else own
    head = (own / "HEAD").read_text(encoding="utf-8").strip()
    reference = head.removeprefix("ref: ") if head.startswith("ref: ") else ""
    return Checkout(
        branch=reference.removeprefix("refs/heads/"),
        commit=_commit(reference, (own, shared)) if reference else head,
        origin_url=_without_credentials(_origin(shared / "config")),
        bundle_root_path=root.relative_to(top).as_posix(),
    )


def _directory(git: Path) -> Path:
    """Where the repository is: worktrees and submodules have a file that says it."""
    if git.is_dir():
        return git
    return git.parent / git.read_text(encoding="utf-8").strip().removeprefix("gitdir: ")


def _commit(reference: str, places: tuple[Path, ...]) -> str:
    for _ in range(_MAX_LINKS):
        found = next((place / reference for place in places if (place / reference).is_file()), None)
        text = found.read_text(encoding="utf-8").strip() if found else _packed(reference, places[-1] / "packed-refs")
        if not text.startswith("ref: "):
            return text if _COMMIT.fullmatch(text) else ""
        reference = text.removeprefix("ref: ")
    return ""


def _packed(reference: str, file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((line.split(" ")[0] for line in lines if line.endswith(f" {reference}")), "")


def _origin(config: Path) -> str:
    section = ""
    for line in config.read_text(encoding="utf-8").splitlines() if config.is_file() else ():
        text = line.strip()
        if text.startswith("["):
            section = text
        name, _, value = text.partition("=")
        if section == '[remote "origin"]' and name.strip().lower() == "url":
            return value.strip().strip('"')
    return ""


def _without_credentials(url: str) -> str:
    return re.sub(r"^(https?://)[^/@]*@", r"\1", url)
