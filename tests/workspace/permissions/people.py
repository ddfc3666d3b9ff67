"""An administrator, and somebody who is none, with groups through which permissions reach it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.iam import AccessControlRequest, ComplexValue, PermissionLevel

from tests.support import LocalWorkspace

__all__ = ["Lab", "Robot", "entry"]

_numbers = itertools.count(1)


def entry(level: str, **who: str) -> AccessControlRequest:
    """One line of an access list: `group_name`, `user_name` or `service_principal_name` has a level."""
    return AccessControlRequest(permission_level=PermissionLevel(level), **who)


@dataclass(frozen=True)
class Robot:
    """A service principal that is no administrator.

    Attributes:
        name: Its application id.
        client: The official client with its token.
        token: The token.
        ways: How a level may be granted so that it counts for the robot: the grantee, by the name of the way.
    """

    name: str
    client: WorkspaceClient
    token: str
    ways: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lab:
    """A workspace in which these tests may do as they like.

    Attributes:
        workspace: The workspace.
        w: Its owner's client.
        directory: Where a test may keep files.
    """

    workspace: LocalWorkspace
    w: WorkspaceClient
    directory: Path

    @property
    def owner(self) -> str:
        """The owner's user name."""
        return self.w.current_user.me().user_name or ""

    def name(self, prefix: str = "n") -> str:
        """A name that no other test uses."""
        return f"{prefix}{next(_numbers)}"

    def folder(self) -> str:
        """A folder that is the owner's alone."""
        path = f"/Users/{self.owner}/{self.name('folder')}"
        self.w.workspace.mkdirs(path)
        return path

    def robot(self) -> Robot:
        """A service principal in a group, which is in another group."""
        principal = self.w.service_principals.create(display_name=self.name("robot"))
        name = principal.application_id or ""
        token = self.w.token_management.create_obo_token(name, lifetime_seconds=3600).token_value or ""
        inner = self.w.groups.create(display_name=self.name("inner"), members=[ComplexValue(value=principal.id)])
        outer = self.w.groups.create(display_name=self.name("outer"), members=[ComplexValue(value=inner.id)])
        client = WorkspaceClient(host=self.workspace.host, token=token, auth_type="pat")
        ways = {
            "directly": {"service_principal_name": name},
            "by a group": {"group_name": inner.display_name or ""},
            "by a nested group": {"group_name": outer.display_name or ""},
        }
        return Robot(name, client, token, ways)

    def grant(self, kind: str, object_id: str, level: str | None, who: dict[str, str]) -> None:
        """Let an object have this grant and no other; a job keeps its owner, where the grant does not name another."""
        entries = [entry(level, **who)] if level else []
        if kind == "jobs" and level != "IS_OWNER":
            entries.append(entry("IS_OWNER", user_name=self.owner))
        if (kind, object_id) == ("registered-models", "root"):
            entries.append(entry("CAN_MANAGE", group_name="admins"))
        self.w.permissions.set(kind, object_id, access_control_list=entries)
