"""Settings that hold for the whole workspace, under the names of the vendor's `workspace-conf`.

Source of the names: https://docs.databricks.com/api/workspace/workspaceconf and the Terraform provider's
`databricks_workspace_conf`. A setting of what the local workspace has can only be set to what it says already, unless
it is acted on; one that switches what is not here at all is kept.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from brickyard.workspace.api.errors import BadRequest, NotImplementedByWorkspace
from brickyard.workspace.store.settings import settings

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["Settings"]

_TOKENS = "enableTokensConfig"
_LONGEST_TOKEN = "maxTokenLifetimeDays"
_DEFAULT_DAYS = 730
_VALUES: Mapping[str, str] = {
    _TOKENS: "true",
    _LONGEST_TOKEN: "0",
    "enableDbfsFileBrowser": "false",
    "enableDcs": "false",
    "enableDeprecatedClusterNamedInitScripts": "false",
    "enableDeprecatedGlobalInitScripts": "false",
    "enableExportNotebook": "true",
    "enableIpAccessLists": "false",
    "enableJobViewAcls": "true",
    "enableNotebookTableClipboard": "true",
    "enableProjectTypeInWorkspace": "true",
    "enableResultsDownloading": "true",
    "enableVerboseAuditLogs": "false",
    "enableWebTerminal": "false",
    "enableWorkspaceFilesystem": "true",
    "enforceClusterViewAcls": "true",
    "enforceUserIsolation": "false",
    "enforceWorkspaceViewAcls": "true",
    "mlflowRunArtifactDownloadEnabled": "true",
    "storeInteractiveNotebookResultsInCustomerAccount": "true",
}

_CATALOG = "default catalog"

# The vendor's pages, terminals, and lists of addresses: without lists, everybody gets in there too.
_OF_NOTHING_HERE = (
    "enableDbfsFileBrowser",
    "enableIpAccessLists",
    "enableNotebookTableClipboard",
    "enableProjectTypeInWorkspace",
    "enableResultsDownloading",
    "enableWebTerminal",
)


class Settings:
    """Reads and changes the settings of a workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        with store.read() as connection:
            rows = connection.execute(select(settings.c.name, settings.c.value)).all()
        self._set: dict[str, str] = {row.name: row.value for row in rows}

    @property
    def tokens_enabled(self) -> bool:
        """Whether personal access tokens can be made."""
        return self._value(_TOKENS) == "true"

    @property
    def longest_token_seconds(self) -> int:
        """How long a new personal access token can be accepted at most."""
        return (int(self._value(_LONGEST_TOKEN)) or _DEFAULT_DAYS) * 24 * 3600

    @property
    def default_catalog(self) -> str:
        """In which catalog names of one or two parts are, unless a cluster says otherwise."""
        return self._set.get(_CATALOG) or "main"

    @property
    def chosen_catalog(self) -> str | None:
        """The default catalog, where one was chosen."""
        return self._set.get(_CATALOG) or None

    def choose_catalog(self, name: str | None) -> None:
        """Choose the default catalog; nothing to choose none."""
        self._put({_CATALOG: name or ""})

    def get(self, names: Iterable[str]) -> dict[str, str]:
        """The values of settings.

        Raises:
            BadRequest: There is no such setting.
        """
        names = list(names)
        _check_names(names)
        return {name: self._value(name) for name in names}

    def change(self, values: Mapping[str, object]) -> None:
        """Change settings, all of them or none.

        Raises:
            BadRequest: There is no such setting, or it cannot have that value.
            NotImplementedByWorkspace: The local workspace cannot act on it.
        """
        _check_names(values)
        for name, value in values.items():
            _check_value(name, value)
        self._put({name: str(value) for name, value in values.items()})

    def is_done(self, what: str) -> bool:
        """Whether something was done that is done once in the life of a workspace."""
        return f"done:{what}" in self._set

    def mark_done(self, what: str) -> None:
        """Remember that something was done that is done once in the life of a workspace."""
        self._put({f"done:{what}": "true"})

    def document(self, name: str) -> str | None:
        """What a service of the workspace keeps under a name; nothing where it has kept nothing yet."""
        return self._set.get(f"document:{name}")

    def keep_document(self, name: str, text: str) -> None:
        """Keep what a service of the workspace wants to know again, in the place of what it kept before."""
        self._put({f"document:{name}": text})

    def _put(self, values: Mapping[str, str]) -> None:
        with self._lock:
            with self._store.write() as connection:
                connection.execute(delete(settings).where(settings.c.name.in_(values)))
                if values:
                    rows = [{"name": name, "value": value} for name, value in values.items()]
                    connection.execute(insert(settings), rows)
            self._set |= values

    def _value(self, name: str) -> str:
        return self._set.get(name, _VALUES[name])


def _check_names(names: Iterable[str]) -> None:
    unknown = [name for name in names if name not in _VALUES]
    if unknown:
        raise BadRequest(f"Invalid keys: {json.dumps(unknown)}. Known are: {', '.join(_VALUES)}")


def _check_value(name: str, value: object) -> None:
    if name == _LONGEST_TOKEN:
        if not isinstance(value, str) or not re.fullmatch("[0-9]{1,3}", value) or int(value) > _DEFAULT_DAYS:
            raise BadRequest(f'{name} must be days as text, from "1" to "{_DEFAULT_DAYS}", or "0" for the most')
    elif value not in ("true", "false"):
        raise BadRequest(f'{name} must be the text "true" or "false"')
    elif name not in (_TOKENS, *_OF_NOTHING_HERE) and value != _VALUES[name]:
        raise NotImplementedByWorkspace(
            f"{name} is always {_VALUES[name]!r} in the local workspace: nothing here would act on {value!r}"
        )
