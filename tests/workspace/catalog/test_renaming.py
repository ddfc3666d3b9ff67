"""New names for catalogs, schemas, volumes and models: what is in them goes along."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound
from databricks.sdk.service.catalog import (
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Privilege,
    TableConstraint,
    VolumeType,
)

from brickyard.workspace.catalog.dropped import Dropped
from brickyard.workspace.catalog.records import CATALOG
from brickyard.workspace.catalog.renaming import Renaming
from brickyard.workspace.store import Store
from tests.support import LocalWorkspace
from tests.workspace.calls.test_unity import plus_one
from tests.workspace.catalog.conftest import make_table


@pytest.fixture(scope="module")
def w(workspace: LocalWorkspace) -> WorkspaceClient:
    return workspace.client()


def fill(w: WorkspaceClient, catalog: str) -> None:
    """A catalog with a schema `s`, and one object of each kind in it."""
    w.catalogs.create(catalog)
    w.schemas.create("s", catalog, comment="mine")
    common = {"catalog_name": catalog, "schema_name": "s", "columns": [{"name": "a", "type_text": "int"}]}
    for name, more in (
        ("t", {"table_type": "MANAGED"}),
        ("e", {"table_type": "EXTERNAL", "storage_location": f"dbfs:/{catalog}/e"}),
    ):
        w.api_client.do("POST", "/api/2.1/unity-catalog/tables", body={**common, **more, "name": name})
    w.volumes.create(catalog, "s", "v", VolumeType.MANAGED)
    w.files.upload(f"/Volumes/{catalog}/s/v/a.txt", io.BytesIO(b"1"))
    w.registered_models.create(name="m", catalog_name=catalog, schema_name="s", comment="c")
    body = {"catalog_name": catalog, "schema_name": "s", "model_name": "m", "source": "here"}
    for version in ("1", "2"):
        w.api_client.do("POST", "/api/2.1/unity-catalog/models/versions", body=body)
        w.files.upload(f"/Models/{catalog}/s/m/{version}/MLmodel", io.BytesIO(version.encode()))
        w.api_client.do("PATCH", f"/api/2.1/unity-catalog/models/{catalog}.s.m/versions/{version}/finalize", body={})
    w.registered_models.set_alias(f"{catalog}.s.m", "champion", 2)
    w.api_client.do(
        "PATCH",
        f"/api/2.1/unity-catalog/permissions/function/{catalog}.s.m",
        body={"changes": [{"principal": "account users", "add": ["EXECUTE"]}]},
    )


def check(w: WorkspaceClient, schema: str, old: str) -> None:
    """All that `fill` has made is in this schema, and nothing in the old one."""
    catalog, _, name = schema.partition(".")
    assert [one.name for one in w.tables.list(catalog, name)] == ["e", "t"]
    table = w.tables.get(f"{schema}.t")
    assert [one.name for one in table.columns or []] == ["a"]
    assert (table.storage_location or "").endswith(f"/tables/{catalog}/{name}/t")
    assert [one.name for one in w.tables.get(f"{schema}.e").columns or []] == ["a"]
    contents = w.files.download(f"/Volumes/{catalog}/{name}/v/a.txt").contents
    assert contents is not None and contents.read() == b"1"
    assert (w.volumes.read(f"{schema}.v").storage_location or "").endswith(f"/volumes/{catalog}/{name}/v")
    assert w.model_versions.get_by_alias(f"{schema}.m", "champion").version == 2
    assert [one.version for one in w.model_versions.list(f"{schema}.m")] == [2, 1]
    model = w.files.download(f"/Models/{catalog}/{name}/m/2/MLmodel").contents
    assert model is not None and model.read() == b"2"
    granted = w.grants.get("function", f"{schema}.m").privilege_assignments or []
    assert [(one.principal, one.privileges) for one in granted] == [("account users", [Privilege.EXECUTE])]
    with pytest.raises(NotFound):
        w.schemas.get(old)
    with pytest.raises(NotFound):
        w.files.get_directory_metadata(f"/Volumes/{old.replace('.', '/')}/v")


def test_what_is_in_it_goes_along(w: WorkspaceClient) -> None:
    catalog = f"c{uuid.uuid4().hex[:8]}"
    fill(w, catalog)
    before = w.schemas.get(f"{catalog}.s")
    renamed = w.schemas.update(f"{catalog}.s", new_name="Renamed", comment="ours")
    assert (renamed.full_name, renamed.comment) == (f"{catalog}.renamed", "ours")
    assert (renamed.schema_id, renamed.owner) == (before.schema_id, before.owner)
    check(w, f"{catalog}.renamed", f"{catalog}.s")
    assert w.catalogs.update(catalog, new_name=f"{catalog}_2").name == f"{catalog}_2"
    check(w, f"{catalog}_2.renamed", f"{catalog}.renamed")

    catalog = f"{catalog}_2"
    assert w.volumes.update(f"{catalog}.renamed.v", new_name="w").full_name == f"{catalog}.renamed.w"
    w.files.get_metadata(f"/Volumes/{catalog}/renamed/w/a.txt")
    assert w.registered_models.update(f"{catalog}.renamed.m", new_name="n").full_name == f"{catalog}.renamed.n"
    assert w.model_versions.get_by_alias(f"{catalog}.renamed.n", "champion").version == 2
    w.catalogs.delete(catalog, force=True)


def test_names_that_are_taken_or_elsewhere_are_refused(w: WorkspaceClient) -> None:
    catalog = w.catalogs.create(f"c{uuid.uuid4().hex[:8]}").name or ""
    w.schemas.create("s", catalog)
    with pytest.raises(BadRequest) as taken:
        w.schemas.update(f"{catalog}.s", new_name="default")
    assert taken.value.error_code == "SCHEMA_ALREADY_EXISTS"
    with pytest.raises(InvalidParameterValue, match="stays in"):
        w.schemas.update(f"{catalog}.s", new_name="main.s")
    with pytest.raises(InvalidParameterValue):
        w.catalogs.update(catalog, new_name="a b")
    assert w.schemas.update(f"{catalog}.s", new_name="S").name == "s"  # its own name is no change
    with pytest.raises(NotFound):
        w.schemas.update(f"{catalog}.nowhere", new_name="other")


def test_keys_and_policies_follow_what_they_name(w: WorkspaceClient) -> None:
    catalog = w.catalogs.create(f"c{uuid.uuid4().hex[:8]}").name or ""
    for schema in ("s", "s2"):  # one name begins as the other
        w.schemas.create(schema, catalog)
        make_table(w, f"{catalog}.{schema}.parent", nullable=False)
        w.functions.create(plus_one(catalog, "f", schema))
        primary = TableConstraint(primary_key_constraint=PrimaryKeyConstraint("pk", ["a"]))
        w.table_constraints.create(f"{catalog}.{schema}.parent", primary)
    child = f"{catalog}.default.child"
    make_table(w, child)
    for schema in ("s", "s2"):
        foreign = ForeignKeyConstraint(schema, ["a"], f"{catalog}.{schema}.parent", ["a"])
        w.table_constraints.create(child, TableConstraint(foreign_key_constraint=foreign))
    policy = {"function_name": f"{catalog}.s.f", "input_column_names": ["a"]}
    mask = {"function_name": f"{catalog}.s2.f", "using_column_names": []}
    body = {"row_filter": policy, "column_masks": {"a": mask}}
    w.api_client.do("PATCH", f"/api/2.1/unity-catalog/tables/{child}", body=body)

    w.api_client.do("PATCH", f"/api/2.1/unity-catalog/tables/{catalog}.s.parent", body={"new_name": "f"})
    w.schemas.update(f"{catalog}.s", new_name="t")
    assert named(w, child) == [f"{catalog}.t.f", f"{catalog}.s2.parent", f"{catalog}.t.f", f"{catalog}.s2.f"]
    w.catalogs.update(catalog, new_name=f"{catalog}x")
    child, catalog = f"{catalog}x.default.child", f"{catalog}x"
    assert named(w, child) == [f"{catalog}.t.f", f"{catalog}.s2.parent", f"{catalog}.t.f", f"{catalog}.s2.f"]
    with pytest.raises(BadRequest, match="refers to"):
        w.table_constraints.delete(f"{catalog}.t.f", "pk", False)
    w.catalogs.delete(catalog, force=True)


def named(w: WorkspaceClient, full_name: str) -> list[str | None]:
    """What a table refers to: the parents of its foreign keys, and the functions of its filter and of a mask."""
    table = w.tables.get(full_name)
    keys = [one.foreign_key_constraint for one in table.table_constraints or []]
    assert table.row_filter and table.columns and table.columns[0].mask
    parents = [one.parent_table for one in keys if one]
    return [*parents, table.row_filter.function_name, table.columns[0].mask.function_name]


def test_directories_of_an_interrupted_renaming_go_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "workspace.db")
    with store.write() as connection:
        CATALOG.add(connection, "old", "me")
    place = tmp_path / "volumes" / "new" / "s"
    place.mkdir(parents=True)
    (tmp_path / ".renaming").write_text(json.dumps(["CATALOG", "old", "new"]))
    renaming = Renaming(store, tmp_path, Dropped(tmp_path))
    renaming.settle()
    assert (tmp_path / "volumes" / "old" / "s").is_dir() and not place.exists()
    assert not (tmp_path / ".renaming").exists()
    store.close()
