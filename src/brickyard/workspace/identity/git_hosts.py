"""Where Git credentials go: a token of a provider's cloud to that cloud, others to servers that their owner has named.

The service keeps no host with a credential (`databricks.sdk.service.workspace.GitCredentialsAPI.create`). A token for a
server of one's own must still not go wherever somebody else's job or Git folder says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import select

from brickyard.workspace.store.repos import git_hosts as table
from brickyard.workspace.store.upsert import put

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["GitHosts"]

_CLOUDS = {
    "gitHub": ("github.com",),
    "gitLab": ("gitlab.com",),
    "bitbucketCloud": ("bitbucket.org",),
    "azureDevOpsServices": ("dev.azure.com", "visualstudio.com"),
}
_CODE_COMMIT = re.compile(r"git-codecommit(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")


class GitHosts:
    """The servers that principals have named themselves, by provider.

    Args:
        store: The workspace's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def allow(self, principal_id: int, provider: str, url: str) -> None:
        """A principal wants a repository of this server: its tokens of the provider may go there from now on."""
        if provider not in (*_CLOUDS, "awsCodeCommit") and urlsplit(url).hostname:
            row = {"principal_id": principal_id, "provider": provider, "host": _host(url)}
            with self._store.write() as connection:
                put(connection, table, row)

    def may_have(self, principal_id: int, provider: str, url: str) -> bool:
        """Whether a principal's token of a provider may go to a repository's server."""
        host = (urlsplit(url).hostname or "").lower()
        if provider == "awsCodeCommit":
            return _CODE_COMMIT.fullmatch(host) is not None
        if provider in _CLOUDS:
            return any(host == one or host.endswith(f".{one}") for one in _CLOUDS[provider])
        mine = (table.c.principal_id == principal_id) & (table.c.provider == provider) & (table.c.host == _host(url))
        with self._store.read() as connection:
            return connection.execute(select(table.c.host).where(mine)).first() is not None


def _host(url: str) -> str:
    """The server: behind another port of a machine may be somebody else."""
    parts = urlsplit(url)
    return f"{(parts.hostname or '').lower()}:{parts.port or 443}"
