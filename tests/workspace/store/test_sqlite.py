"""What can go wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DatabaseError

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.store import Failure, Owner, Store, failure
from brickyard.workspace.store.secrets import secret_scopes


def test_damage_that_is_met_while_running_is_told_from_a_mistake_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "workspace.db"
    store = Store(path)
    rows = [{"id": f"{number:05}", "name": "n" * 200, "created_at": 0, "created_by": "me"} for number in range(2000)]
    with store.write() as connection:
        connection.execute(insert(secret_scopes), rows)
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size * 3 // 4)  # beyond what says which tables there are
        file.write(b"\xff" * (size // 8))
    with pytest.raises(WorkspaceProcessError, match="damaged"):  # a workspace that starts looks for it
        Store(path, Owner("dev", 1, new=False))
    store = Store(path)
    with pytest.raises(DatabaseError) as error, store.read() as connection:
        connection.execute(select(secret_scopes)).all()
    assert failure(error.value) is Failure.DAMAGED
    store.close()


def test_a_directory_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "workspace.db").mkdir()
    with pytest.raises(WorkspaceProcessError, match="cannot be opened") as error:
        Store(tmp_path / "workspace.db")
    assert error.value.where == str(tmp_path / "workspace.db")
