"""What every database must do, whichever it is."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from brickyard.errors import WorkspaceProcessError
from brickyard.workspace.store import Store
from brickyard.workspace.store.audit import audit
from brickyard.workspace.store.base import SCHEMA_VERSION, schema_version
from brickyard.workspace.store.identity import group_members, groups, tokens
from brickyard.workspace.store.registry import lineage, model_tags, model_versions, registered_models
from brickyard.workspace.store.secrets import secret_scopes, secret_values
from brickyard.workspace.store.serving import serving_endpoints
from brickyard.workspace.store.upsert import put
from tests.workspace.store.conftest import Opener, Place

WRITER = """
import pathlib, sys
from sqlalchemy import insert
from brickyard.workspace.store import Store
from brickyard.workspace.store.secrets import secret_scopes
place = sys.argv[2] if sys.argv[1] == "str" else pathlib.Path(sys.argv[2])
store = Store(place)
for number in range(1_000_000):
    with store.write() as connection:
        connection.execute(insert(secret_scopes).values(id=str(number), name="n", created_at=0, created_by="me"))
    print(number, flush=True)
"""


def add_scope(store: Store, name: str, created_at: int = 0) -> None:
    with store.write() as connection:
        row = {"id": name, "name": name, "created_at": created_at, "created_by": "me"}
        connection.execute(insert(secret_scopes).values(row))


def scopes(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(secret_scopes.c.id).order_by(secret_scopes.c.id)).scalars())


def test_what_was_written_is_there_when_the_database_is_opened_again(opened: Opener) -> None:
    first = opened()
    add_scope(first, "kept")
    first.close()
    assert scopes(opened()) == ["kept"]


def test_a_write_that_raises_changes_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as connection:
        connection.execute(
            insert(secret_scopes).values(id="gone", name="gone", created_at=0, created_by="me"),
        )
        raise RuntimeError
    assert scopes(store) == []


def test_every_acknowledged_write_survives_kill_minus_nine(place: Place, opened: Opener) -> None:
    command = [sys.executable, "-c", WRITER, type(place).__name__, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(40)]
        writer.kill()
        acknowledged += writer.stdout.read().split("\n")[:-1]
    assert len(acknowledged) >= 40
    assert set(acknowledged) <= set(scopes(opened()))


def test_a_reader_sees_one_state_while_a_writer_commits(store: Store) -> None:
    add_scope(store, "before")
    count = select(func.count()).select_from(secret_scopes)
    with store.read() as connection:
        assert connection.execute(count).scalar() == 1
        add_scope(store, "after")
        assert connection.execute(count).scalar() == 1
    assert scopes(store) == ["after", "before"]


def test_a_reader_does_not_wait_for_a_writer_nor_see_what_it_has_not_committed(store: Store) -> None:
    with store.write() as connection:
        connection.execute(insert(secret_scopes).values(id="new", name="new", created_at=0, created_by="me"))
        assert scopes(store) == []
    assert scopes(store) == ["new"]


def test_writers_follow_one_another(store: Store) -> None:
    add_scope(store, "counter")
    mine = secret_scopes.c.id == "counter"

    def count() -> None:
        for _ in range(25):
            with store.write() as connection:
                now = connection.execute(select(secret_scopes.c.created_at).where(mine)).scalar_one()
                connection.execute(update(secret_scopes).where(mine).values(created_at=now + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert connection.execute(select(secret_scopes.c.created_at).where(mine)).scalar() == 100


def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(DBAPIError), store.read() as connection:
        connection.execute(insert(secret_scopes).values(id="no", name="no", created_at=0, created_by="me"))
    assert scopes(store) == []


def test_text_is_ordered_by_its_bytes_and_compared_by_case(store: Store) -> None:
    for name in ("b", "A", "a", "Z", "é", "_", "ab", "a/b", "a-b"):
        add_scope(store, name)
    assert scopes(store) == ["A", "Z", "_", "a", "a-b", "a/b", "ab", "b", "é"]
    with store.read() as connection:
        after = select(secret_scopes.c.id).where(secret_scopes.c.id > "a", secret_scopes.c.id < "b")
        assert set(connection.execute(after).scalars()) == {"a-b", "a/b", "ab"}


def test_put_inserts_then_changes(store: Store) -> None:
    with store.write() as connection:
        add_model(connection, "a.b.c")
        for value in ("old", "new"):
            put(connection, model_tags, {"name": "a.b.c", "key": "k", "value": value})
        assert connection.execute(select(model_tags)).all() == [("a.b.c", "k", "new")]


def test_a_taken_name_is_refused_and_undoes_the_write(store: Store) -> None:
    add_scope(store, "taken")
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(insert(secret_scopes).values(id="other", name="o", created_at=0, created_by="me"))
        connection.execute(insert(secret_scopes).values(id="taken", name="t", created_at=0, created_by="me"))
    assert scopes(store) == ["taken"]


def test_what_belongs_to_nothing_is_refused(store: Store) -> None:
    row = {"id": "t", "hash": "h", "principal_id": 404, "comment": "", "created_at": 0, "listed": True}
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(insert(tokens).values(row))


def test_what_is_deleted_takes_along_what_is_its_own(store: Store) -> None:
    with store.write() as connection:
        connection.execute(insert(secret_scopes).values(id="s", name="s", created_at=0, created_by="me"))
        connection.execute(insert(secret_values).values(scope="s", key="k", sealed=b"\x00\xff", updated_at=0))
        connection.execute(insert(groups).values(id=2**53 - 1, display_name="g"))
        connection.execute(insert(group_members).values(group_id=2**53 - 1, member_id=7))
        assert connection.execute(select(secret_values.c.sealed)).scalar() == b"\x00\xff"
        connection.execute(delete(secret_scopes))
        connection.execute(delete(groups))
        assert connection.execute(select(secret_values)).all() == []
        assert connection.execute(select(group_members)).all() == []


def test_json_and_large_numbers_come_back_as_they_went(store: Store) -> None:
    config = {"b": [1, None, "ü", 2**60, 0.1], "a": {}}
    row = {"name": "e", "id": "i", "creator": "me", "created_at": 2**62, "updated_at": 0, "tags": {}, "config": config}
    with store.write() as connection:
        connection.execute(insert(serving_endpoints).values(**row, config_version=1, pending_config=None))
    with store.read() as connection:
        found = connection.execute(select(serving_endpoints)).one()
    assert (found.config, found.tags, found.pending_config, found.created_at) == (config, {}, None, 2**62)


@pytest.mark.parametrize("table", [audit, lineage], ids=lambda table: table.name)
def test_numbers_that_the_database_gives_rise(store: Store, table: Table) -> None:
    rows = {
        "audit": dict.fromkeys(("principal", "source_address", "action", "object", "error_code"), "")
        | {"time": 0, "status": 200},
        "model_version_lineage": {"name": "a.b.c", "version": 1, "direction": "", "entities": ""}
        | {"recorded_at": 0, "recorded_by": "me"},
    }
    with store.write() as connection:
        add_model(connection, "a.b.c")
        for _ in range(3):
            connection.execute(insert(table).values(rows[table.name]))
        ids = list(connection.execute(select(table.c.id).order_by(table.c.id)).scalars())
    assert len(set(ids)) == 3


def test_a_database_of_a_newer_brickyard_is_refused_and_left_alone(opened: Opener) -> None:
    store = opened()
    with store.write() as connection:
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION + 1))
    store.close()
    with pytest.raises(WorkspaceProcessError, match="written by a newer Brickyard") as refused:
        opened()
    assert refused.value.where and refused.value.next == "upgrade brickyard"


def add_model(connection: object, name: str) -> None:
    """A model with its first version."""
    from sqlalchemy import Connection

    assert isinstance(connection, Connection)
    catalog, schema, _ = name.split(".")
    stamps = {"created_at": 0, "created_by": "me", "updated_at": 0, "updated_by": "me"}
    model = {"name": name, "catalog_name": catalog, "schema_name": schema, "owner": "me", "next_version": 2}
    connection.execute(insert(registered_models).values(model | stamps))
    version = {"name": name, "version": 1, "id": name, "status": "READY", "dependencies": ""}
    connection.execute(insert(model_versions).values(version | stamps))
