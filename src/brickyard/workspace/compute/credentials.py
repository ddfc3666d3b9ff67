"""Passwords in the addresses of repositories: handed to git without its command line, which everybody can see."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["GitAccess", "git_environment", "without_git_access"]

_GIT = re.compile(r"git\+(?P<scheme>https?://)(?P<user>[^\s/?#]+)@(?P<place>[^\s@?#]+)", re.IGNORECASE)


@dataclass(frozen=True)
class GitAccess:
    """What a repository is read with.

    Attributes:
        url: The repository, without user and password.
        user: User and password as the address had them, `user:password` or a token alone.
    """

    url: str
    user: str


def without_git_access(requirement: str) -> tuple[str, list[GitAccess]]:
    """A requirement without user and password in the addresses of git, and what was there.

    The installer would pass them on in git's command line, which everybody on the machine can see.
    """
    found = [GitAccess(f"{one['scheme']}{one['place']}", one["user"]) for one in _GIT.finditer(requirement)]
    return _GIT.sub(r"git+\g<scheme>\g<place>", requirement), found


def git_environment(accesses: Iterable[GitAccess], inherited: Mapping[str, str]) -> dict[str, str]:
    """Variables that make git send user and password of its own accord, and never ask for them.

    Source: https://git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT
    """
    variables = {"GIT_TERMINAL_PROMPT": "0"}
    first = int(inherited.get("GIT_CONFIG_COUNT") or 0)
    for number, access in enumerate(accesses, first):
        variables[f"GIT_CONFIG_KEY_{number}"] = f"http.{access.url}.extraHeader"
        variables[f"GIT_CONFIG_VALUE_{number}"] = f"Authorization: Basic {_basic(access.user)}"
        variables["GIT_CONFIG_COUNT"] = str(number + 1)
    return variables


def _basic(user: str) -> str:
    name, _, password = user.partition(":")
    return base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
