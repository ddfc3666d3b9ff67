"""Git folders (repos)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.access import Access, anyone
from brickyard.workspace.api.base import Call, Family
from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.files.git import without_token
from brickyard.workspace.files.paths import tree_path
from brickyard.workspace.files.repos import Repo, Wanted
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk.service.workspace import CreateRepoResponse, GetRepoResponse

__all__ = ["family"]

family = Family()
_ROOT = "/api/2.0/repos"
_PAGE = 20


def _on_repo(level: str) -> Access:
    def check(workspace: Workspace, call: Call) -> None:
        repo = workspace.files.repos.get(_id(call))
        workspace.files.access.require(call.principal, repo.path, level)

    return check


@family.call("POST", _ROOT, access=anyone)
def create_repo(workspace: Workspace, call: Call) -> CreateRepoResponse:
    """Clone a repository into the workspace tree."""
    from databricks.sdk.service.workspace import CreateRepoResponse

    path = _text(call, "path")
    wanted = Wanted(sparse_patterns=_patterns(call), credential_id=_credential(call))
    repo = workspace.files.repos.create(call.principal, call.body.get("url"), call.body.get("provider"), path, wanted)
    return CreateRepoResponse.from_dict(_wire(repo))


@family.call("GET", _ROOT, access=anyone)
def list_repos(workspace: Workspace, call: Call) -> dict[str, Any]:
    """The Git folders that the caller may manage, in pages."""
    after = call.query.get("next_page_token") or "0"
    if not after.isdecimal() or len(after) > 18:
        raise InvalidParameterValue("next_page_token is not one of this listing")
    prefix = tree_path(call.query.get("path_prefix") or "/")
    found = workspace.files.repos.page(call.principal, "/Repos" if prefix == "/" else prefix, int(after), _PAGE + 1)
    answer: dict[str, Any] = {"repos": [_wire(repo) for repo in found[:_PAGE]]} if found else {}
    return answer | {"next_page_token": str(found[_PAGE - 1].id)} if len(found) > _PAGE else answer


@family.call("GET", _ROOT + "/{repo_id}", access=_on_repo("CAN_READ"))
def get_repo(workspace: Workspace, call: Call) -> GetRepoResponse:
    """A Git folder, its branch and its commit."""
    from databricks.sdk.service.workspace import GetRepoResponse

    return GetRepoResponse.from_dict(_wire(workspace.files.repos.get(_id(call))))


@family.call("PATCH", _ROOT + "/{repo_id}", access=_on_repo("CAN_EDIT"))
def update_repo(workspace: Workspace, call: Call) -> None:
    """Go to another branch or tag, or to the newest commit of the branch."""
    discard = call.body.get("dangerously_force_discard_all") or False
    if not isinstance(discard, bool):
        raise InvalidParameterValue("dangerously_force_discard_all must be true or false")
    wanted = Wanted(_text(call, "branch"), _text(call, "tag"), _patterns(call), _credential(call), discard)
    workspace.files.repos.update(call.principal, _id(call), wanted)


@family.call("DELETE", _ROOT + "/{repo_id}", access=_on_repo("CAN_MANAGE"))
def delete_repo(workspace: Workspace, call: Call) -> None:
    """Delete a Git folder."""
    workspace.files.repos.delete(_id(call))


def _id(call: Call) -> int:
    if not call.path["repo_id"].isdecimal() or len(call.path["repo_id"]) > 18:
        raise ResourceDoesNotExist(f"Repo {call.path['repo_id']} does not exist.")
    return int(call.path["repo_id"])


def _text(call: Call, name: str) -> str | None:
    value = call.body.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise InvalidParameterValue(f"{name} must be text")
    return value


def _credential(call: Call) -> int | None:
    value = call.body.get("git_credential_id")
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**18):
        raise InvalidParameterValue("git_credential_id must be a number")
    return value


def _patterns(call: Call) -> list[str] | None:
    given = call.body.get("sparse_checkout")
    if given is None:
        return None
    patterns = given.get("patterns") if isinstance(given, dict) else None
    if not isinstance(patterns, list) or not all(isinstance(one, str) for one in patterns):
        raise InvalidParameterValue("sparse_checkout.patterns must be a list of directories")
    return patterns


def _wire(repo: Repo) -> dict[str, Any]:
    wire: dict[str, Any] = {"id": repo.id, "path": repo.path, "url": without_token(repo.url), "provider": repo.provider}
    wire |= {"branch": repo.branch} if repo.branch else {}
    wire |= {"head_commit_id": repo.head} if repo.head else {}
    return wire | (
        {"sparse_checkout": {"patterns": list(repo.sparse_patterns)}} if repo.sparse_patterns is not None else {}
    )
