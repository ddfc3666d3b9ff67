"""The global init scripts of one workspace, in their order."""

from __future__ import annotations

import base64
import binascii
import secrets
import shutil
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update

from brickyard.workspace.api.errors import InvalidParameterValue, ResourceDoesNotExist
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clock import now
from brickyard.workspace.store.global_scripts import global_init_scripts as table

if TYPE_CHECKING:
    from brickyard.workspace.store import Store

__all__ = ["GlobalScripts", "ScriptRecord"]

_LONGEST_SCRIPT, _LONGEST_NAME = 64 * 1024, 100


@dataclass(frozen=True)
class ScriptRecord:
    """A script; times are epoch milliseconds."""

    script_id: str
    name: str
    script: str
    enabled: bool
    position: int
    created_by: str
    created_at: int
    updated_by: str
    updated_at: int

    @property
    def text(self) -> bytes:
        """What is executed."""
        return base64.b64decode(self.script)


class GlobalScripts:
    """Positions are 0, 1, 2, and so on: a script that takes the place of another moves all from there on by one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[ScriptRecord]:
        """All scripts, in the order in which they are executed."""
        with self._store.read() as connection:
            return self._all(connection)

    def get(self, script_id: str) -> ScriptRecord:
        """A script.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        found = next((one for one in self.all() if one.script_id == script_id), None)
        if found is None:
            raise ResourceDoesNotExist(f"The global init script with id {script_id} does not exist.")
        return found

    def files(self, directory: Path) -> list[tuple[str, Path]]:
        """The enabled scripts, each with its name and a file in a directory that only the workspace's user can read."""
        found: list[tuple[str, Path]] = []
        shutil.rmtree(directory, ignore_errors=True)  # of scripts that have been deleted since
        for one in (script for script in self.all() if script.enabled):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = directory / f"{one.position:03}_{one.script_id}.sh"
            file.write_bytes(one.text)
            found.append((one.name, file))
        return found

    def create(self, body: Mapping[str, Any], by: str) -> ScriptRecord:
        """Add a script, by default the last one, and not enabled.

        Raises:
            InvalidParameterValue: It has no name or no script in base64, or is too long.
        """
        given, moment = _given(body), now()
        made = ScriptRecord(
            script_id=secrets.token_hex(8).upper(),
            created_by=by,
            created_at=moment,
            updated_by=by,
            updated_at=moment,
            **{"enabled": False, "position": len(self.all()), **given},
        )
        with self._store.write() as connection:
            others = self._all(connection)
            connection.execute(insert(table).values(**vars(made)))
            self._place(connection, others, made)
        return made

    def update(self, script_id: str, body: Mapping[str, Any], by: str) -> None:
        """Change a script.

        Raises:
            InvalidParameterValue: As for `create`.
            ResourceDoesNotExist: There is none of that id.
        """
        changed = replace(self.get(script_id), **_given(body), updated_by=by, updated_at=now())
        with self._store.write() as connection:
            connection.execute(update(table).where(table.c.script_id == script_id).values(**vars(changed)))
            others = [one for one in self._all(connection) if one.script_id != script_id]
            self._place(connection, others, changed)

    def delete(self, script_id: str) -> None:
        """Delete a script; those after it move up.

        Raises:
            ResourceDoesNotExist: There is none of that id.
        """
        self.get(script_id)
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.script_id == script_id))
            self._number(connection, self._all(connection))

    def _all(self, connection: Connection) -> list[ScriptRecord]:
        rows = connection.execute(select(table).order_by(table.c.position, table.c.created_at)).mappings()
        return [ScriptRecord(**row) for row in rows]

    def _place(self, connection: Connection, others: list[ScriptRecord], one: ScriptRecord) -> None:
        position = min(one.position, len(others))
        self._number(connection, [*others[:position], one, *others[position:]])

    def _number(self, connection: Connection, scripts: list[ScriptRecord]) -> None:
        for position, one in enumerate(scripts):
            mine = table.c.script_id == one.script_id
            connection.execute(update(table).where(mine).values(position=position))


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a call sets.

    Raises:
        InvalidParameterValue: A value that a script cannot have.
    """
    from databricks.sdk.service.compute import GlobalInitScriptDetailsWithContent

    check_shape(GlobalInitScriptDetailsWithContent, body)
    name, script, position = body.get("name"), body.get("script"), body.get("position")
    if not name or len(name) > _LONGEST_NAME:
        raise InvalidParameterValue(f"name is required, and has 1 to {_LONGEST_NAME} characters")
    if any(unicodedata.category(one) == "Cc" for one in name):
        raise InvalidParameterValue("name cannot have control characters")
    try:
        text = base64.b64decode(script or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterValue(f"script must be in base64: {error}") from error
    if not 0 < len(text) <= _LONGEST_SCRIPT:
        raise InvalidParameterValue(
            f"script is required, and has at most {_LONGEST_SCRIPT} bytes when it is decoded, not {len(text)}"
        )
    if position is not None and int(position) < 0:
        raise InvalidParameterValue(f"position must be 0 or more, not {position}")
    found: dict[str, Any] = {"name": name, "script": script}
    if position is not None:
        found["position"] = min(int(position), 2**31 - 1)
    if body.get("enabled") is not None:
        found["enabled"] = body["enabled"]
    return found
