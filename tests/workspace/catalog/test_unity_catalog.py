"""Unity Catalog through the official SDK."""

from __future__ import annotations

import io
import uuid
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound
from databricks.sdk.errors import NotImplemented as NotImplementedByServer
from databricks.sdk.service.catalog import (
    ColumnInfo,
    ColumnTypeName,
    DataSourceFormat,
    PathOperation,
    TableOperation,
    TableType,
    VolumeOperation,
    VolumeType,
)
from deltalake import DeltaTable, write_deltalake

from tests.support import LocalWorkspace


@pytest.fixture(scope="module")
def client(workspace: LocalWorkspace) -> WorkspaceClient:
    return workspace.client()


@pytest.fixture
def schema(client: WorkspaceClient) -> str:
    return client.schemas.create(f"s{uuid.uuid4().hex[:8]}", "main", comment="for a test").full_name or ""


def directory(uri: str | None) -> Path:
    parts = urlsplit(uri or "")
    assert parts.scheme == "file"
    return Path(unquote(parts.path))


def create(client: WorkspaceClient, full_name: str, **columns: str) -> str:
    """Make a managed table and answer its directory's address."""
    catalog, schema, name = full_name.split(".")
    body = {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "columns": [{"name": column, "type_text": kind} for column, kind in columns.items()],
    }
    made = client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    assert isinstance(made, dict)
    return str(made["storage_location"])


def test_main_and_its_default_schema_are_there(client: WorkspaceClient) -> None:
    assert "main" in {one.name for one in client.catalogs.list()}
    assert client.schemas.get("main.default").catalog_name == "main"
    assert client.metastores.current().default_catalog_name == "main"
    assert client.metastores.summary().metastore_id == client.catalogs.get("main").metastore_id


def test_catalogs_are_made_changed_and_deleted(client: WorkspaceClient) -> None:
    name = f"c{uuid.uuid4().hex[:8]}"
    made = client.catalogs.create(name.upper(), comment="one", properties={"team": "flights"})
    assert (made.name, made.comment, made.properties) == (name, "one", {"team": "flights"})
    assert client.catalogs.update(name, comment="two").comment == "two"
    assert client.catalogs.get(name).properties == {"team": "flights"}
    with pytest.raises(BadRequest) as taken:
        client.catalogs.create(name)
    assert taken.value.error_code == "CATALOG_ALREADY_EXISTS"
    client.schemas.create("extra", name)
    with pytest.raises(BadRequest, match="extra"):
        client.catalogs.delete(name)
    client.catalogs.delete(name, force=True)
    with pytest.raises(NotFound) as missing:
        client.catalogs.get(name)
    assert missing.value.error_code == "CATALOG_DOES_NOT_EXIST"


def test_schemas_are_made_listed_and_deleted(client: WorkspaceClient, schema: str) -> None:
    assert schema in {one.full_name for one in client.schemas.list("main")}
    assert client.schemas.update(schema, owner="account users").owner == "account users"
    with pytest.raises(NotFound) as nobody:
        client.schemas.update(schema, owner="someone")
    assert nobody.value.error_code == "PRINCIPAL_DOES_NOT_EXIST"
    with pytest.raises(NotFound) as missing:
        client.schemas.create("x", "no_such_catalog")
    assert missing.value.error_code == "CATALOG_DOES_NOT_EXIST"
    create(client, f"{schema}.t", a="bigint")
    with pytest.raises(BadRequest) as full:
        client.schemas.delete(schema)
    assert full.value.error_code == "SCHEMA_NOT_EMPTY"
    client.schemas.delete(schema, force=True)
    with pytest.raises(NotFound) as gone:
        client.schemas.get(schema)
    assert gone.value.error_code == "SCHEMA_DOES_NOT_EXIST"


def test_models_keep_their_schema_unless_forced(client: WorkspaceClient, schema: str) -> None:
    name = f"{schema}.delay"
    client.api_client.do("POST", "/api/2.0/mlflow/unity-catalog/registered-models/create", body={"name": name})
    with pytest.raises(BadRequest, match="delay"):
        client.schemas.delete(schema)
    client.schemas.delete(schema, force=True)
    with pytest.raises(NotFound):
        client.api_client.do("GET", "/api/2.0/mlflow/unity-catalog/registered-models/get", query={"name": name})


def test_a_managed_table_is_delta_in_its_place(workspace: LocalWorkspace, client: WorkspaceClient, schema: str) -> None:
    location = create(client, f"{schema}.Trips", id="bigint", fare="decimal(10,2)", day="date")
    place = directory(location)
    assert place == workspace.root / "data" / "tables" / schema.replace(".", "/") / "trips"
    write_deltalake(str(place), pa.table({"extra": [1]}), mode="append", schema_mode="merge")
    table = client.tables.get(f"{schema}.trips")
    assert (table.table_type, table.data_source_format) == (TableType.MANAGED, DataSourceFormat.DELTA)
    assert [(one.name, one.type_text, one.type_name, one.position) for one in table.columns or []] == [
        ("id", "bigint", ColumnTypeName.LONG, 0),
        ("fare", "decimal(10,2)", ColumnTypeName.DECIMAL, 1),
        ("day", "date", ColumnTypeName.DATE, 2),
        ("extra", "bigint", ColumnTypeName.LONG, 3),
    ]
    assert client.tables.exists(f"{schema}.TRIPS").table_exists
    client.tables.delete(f"{schema}.trips")
    assert not place.exists()
    assert not client.tables.exists(f"{schema}.trips").table_exists
    with pytest.raises(NotFound) as missing:
        client.tables.get(f"{schema}.trips")
    assert missing.value.error_code == "TABLE_DOES_NOT_EXIST"


def test_an_existing_log_becomes_a_managed_table(
    workspace: LocalWorkspace, client: WorkspaceClient, schema: str
) -> None:
    place = workspace.root / "data" / "tables" / schema.replace(".", "/") / "made"
    inner = pa.struct([("x", pa.int64()), ("y", pa.list_(pa.string()))])
    write_deltalake(str(place), pa.table({"s": pa.array([], inner), "p": pa.array([], pa.string())}), partition_by="p")
    body = {
        "name": "made",
        "catalog_name": "main",
        "schema_name": schema.split(".")[1],
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "storage_location": place.as_uri(),
        "columns": [],
        "comment": "made by the engine",
    }
    client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    table = client.tables.get(f"{schema}.made")
    assert table.comment == "made by the engine"
    assert [(one.name, one.type_text, one.partition_index) for one in table.columns or []] == [
        ("s", "struct<x:bigint,y:array<string>>", None),
        ("p", "string", 0),
    ]
    with pytest.raises(BadRequest) as taken:
        client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    assert taken.value.error_code == "TABLE_ALREADY_EXISTS"


def test_an_external_table_keeps_its_data(workspace: LocalWorkspace, client: WorkspaceClient, schema: str) -> None:
    place = workspace.root / "data" / "dbfs" / schema
    write_deltalake(str(place), pa.table({"a": [1, 2]}))
    column = ColumnInfo(name="a", type_text="bigint", type_name=ColumnTypeName.LONG, type_json='"long"', position=0)
    made = client.tables.create(
        name="outside",
        catalog_name="main",
        schema_name=schema.split(".")[1],
        table_type=TableType.EXTERNAL,
        data_source_format=DataSourceFormat.DELTA,
        storage_location=f"dbfs:/{schema}",
        columns=[column],
    )
    assert directory(made.storage_location) == place
    for taken in (f"dbfs:/{schema}", f"dbfs:/{schema}/inside"):
        body = {"name": "twice", "catalog_name": "main", "schema_name": schema.split(".")[1], "table_type": "EXTERNAL"}
        body |= {"data_source_format": "DELTA", "storage_location": taken}
        with pytest.raises(InvalidParameterValue, match=rf"overlaps .* {schema}\.outside"):
            client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    client.tables.delete(f"{schema}.outside")
    assert DeltaTable(place).to_pyarrow_table().num_rows == 2


def test_locations_stay_inside_of_the_data(client: WorkspaceClient, schema: str, tmp_path: Path) -> None:
    for location in (tmp_path.as_uri(), "s3://bucket/x", "file:///etc"):
        with pytest.raises((NotFound, InvalidParameterValue, NotImplementedByServer)):
            client.tables.create(
                name="outside",
                catalog_name="main",
                schema_name=schema.split(".")[1],
                table_type=TableType.EXTERNAL,
                data_source_format=DataSourceFormat.DELTA,
                storage_location=location,
            )
    assert not client.tables.exists(f"{schema}.outside").table_exists


def test_an_external_table_is_not_the_data_of_a_managed_one(client: WorkspaceClient, schema: str) -> None:
    location = create(client, f"{schema}.mine", a="bigint")
    with pytest.raises(InvalidParameterValue, match="managed"):
        client.tables.create(
            name="twice",
            catalog_name="main",
            schema_name=schema.split(".")[1],
            table_type=TableType.EXTERNAL,
            data_source_format=DataSourceFormat.DELTA,
            storage_location=location,
        )


def test_what_an_interrupted_write_left_is_not_taken_for_a_new_table(
    workspace: LocalWorkspace, client: WorkspaceClient, schema: str
) -> None:
    place = workspace.root / "data" / "tables" / schema.replace(".", "/") / "t"
    write_deltalake(str(place), pa.table({"left": [1, 2]}))
    create(client, f"{schema}.t", a="string")
    assert [one.name for one in client.tables.get(f"{schema}.t").columns or []] == ["a"]
    assert DeltaTable(place).to_pyarrow_table().num_rows == 0


def test_columns_without_a_type_are_described(client: WorkspaceClient, schema: str) -> None:
    body = {"name": "t", "catalog_name": "main", "schema_name": schema.split(".")[1], "table_type": "MANAGED"}
    columns = [{"name": "nothing", "type_json": '"void"'}, {"name": "a", "type_text": "int"}]
    client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body={**body, "columns": columns})
    found = [(one.name, one.type_text, one.type_name) for one in client.tables.get(f"{schema}.t").columns or []]
    assert found == [("nothing", "void", ColumnTypeName.NULL), ("a", "int", ColumnTypeName.INT)]


@pytest.mark.parametrize("kind", ['{"name": "a"}', '"no type"', "5", '{"type": "struct"}', "[]", "not json"])
def test_types_that_are_none_are_refused(client: WorkspaceClient, schema: str, kind: str) -> None:
    body = {"name": "t", "catalog_name": "main", "schema_name": schema.split(".")[1], "table_type": "MANAGED"}
    with pytest.raises(InvalidParameterValue):
        columns = [{"name": "a", "type_json": kind}]
        client.api_client.do("POST", "/api/2.1/unity-catalog/tables", body={**body, "columns": columns})


def test_a_table_without_log_and_columns_is_refused(client: WorkspaceClient, schema: str) -> None:
    with pytest.raises(InvalidParameterValue, match="columns"):
        create(client, f"{schema}.nothing")
    with pytest.raises(InvalidParameterValue, match="type"):
        create(client, f"{schema}.odd", a="no such type")
    assert [one.name for one in client.tables.list("main", schema.split(".")[1])] == []


def test_tables_are_listed_in_pages_and_summarised(client: WorkspaceClient, schema: str) -> None:
    name = schema.split(".")[1]
    for number in range(5):
        create(client, f"{schema}.t_{number}", a="string")
    create(client, f"{schema}.other", a="string")
    pages = list(client.tables.list("main", name, max_results=2))
    assert [one.name for one in pages] == ["other", "t_0", "t_1", "t_2", "t_3", "t_4"]
    assert all(one.columns for one in pages)
    assert all(not one.columns for one in client.tables.list("main", name, omit_columns=True))
    found = client.tables.list_summaries("main", schema_name_pattern=name, table_name_pattern="t\\_%".replace("\\", ""))
    assert [one.full_name for one in found] == [f"{schema}.t_{number}" for number in range(5)]


def test_one_broken_log_does_not_hide_the_others(client: WorkspaceClient, schema: str) -> None:
    place = directory(create(client, f"{schema}.broken", a="string"))
    create(client, f"{schema}.whole", a="string")
    for log in (place / "_delta_log").glob("*.json"):
        log.write_text("{ not json")
    found = {one.name: one.columns for one in client.tables.list("main", schema.split(".")[1])}
    assert not found["broken"] and found["whole"]
    with pytest.raises(BadRequest, match="cannot be read"):
        client.tables.get(f"{schema}.broken")
    client.tables.delete(f"{schema}.broken")


def test_views_keep_their_query(client: WorkspaceClient, schema: str) -> None:
    body = {"name": "v", "catalog_name": "main", "schema_name": schema.split(".")[1], "table_type": "VIEW"}
    client.api_client.do(
        "POST", "/api/2.1/unity-catalog/tables", body={**body, "view_definition": "select 1", "columns": []}
    )
    view = client.tables.get(f"{schema}.v")
    assert (view.table_type, view.view_definition, view.storage_location) == (TableType.VIEW, "select 1", None)


def test_the_first_thing_that_is_missing_is_named(client: WorkspaceClient, schema: str) -> None:
    for read, name, code in (
        (client.schemas.get, "nowhere.s", "CATALOG_DOES_NOT_EXIST"),
        (client.tables.get, "nowhere.s.t", "CATALOG_DOES_NOT_EXIST"),
        (client.tables.get, "main.nowhere.t", "SCHEMA_DOES_NOT_EXIST"),
        (client.volumes.read, "main.nowhere.v", "SCHEMA_DOES_NOT_EXIST"),
        (client.tables.get, f"{schema}.nowhere", "TABLE_DOES_NOT_EXIST"),
    ):
        with pytest.raises(NotFound) as missing:
            read(name)
        assert missing.value.error_code == code
    with pytest.raises(InvalidParameterValue, match="page_token"):
        client.api_client.do("GET", "/api/2.1/unity-catalog/schemas?catalog_name=main&page_token=%25%25")
    body = {"catalog_name": "main", "schema_name": "default", "name": "v", "volume_type": "OTHER"}
    with pytest.raises(InvalidParameterValue, match="volume_type"):
        client.api_client.do("POST", "/api/2.1/unity-catalog/volumes", body=body)


def test_comments_change(client: WorkspaceClient, schema: str) -> None:
    create(client, f"{schema}.t", a="string")
    client.api_client.do("PATCH", f"/api/2.1/unity-catalog/tables/{schema}.t", body={"comment": "new"})
    assert client.tables.get(f"{schema}.t").comment == "new"
    with pytest.raises(NotFound, match="External Location"):
        client.schemas.create("other", "main", storage_root="file:///tmp")


def test_volumes_have_a_directory(workspace: LocalWorkspace, client: WorkspaceClient, schema: str) -> None:
    name = schema.split(".")[1]
    made = client.volumes.create("main", name, "Raw", VolumeType.MANAGED, comment="files")
    place = workspace.root / "data" / "volumes" / "main" / name / "raw"
    assert directory(made.storage_location) == place and place.is_dir()
    assert [one.full_name for one in client.volumes.list("main", name)] == [f"{schema}.raw"]
    assert client.volumes.update(f"{schema}.raw", comment="more files").comment == "more files"
    client.files.upload(f"/Volumes/main/{name}/raw/a.csv", io.BytesIO(b"1"))
    with pytest.raises(BadRequest, match="raw"):
        client.schemas.delete(schema)
    client.volumes.delete(f"{schema}.raw")
    assert not place.exists()
    with pytest.raises(NotFound) as missing:
        client.volumes.read(f"{schema}.raw")
    assert missing.value.error_code == "VOLUME_DOES_NOT_EXIST"
    with pytest.raises(InvalidParameterValue, match="external volume"):
        client.volumes.create("main", name, "x", VolumeType.EXTERNAL)


def test_credentials_are_an_address_only(client: WorkspaceClient, schema: str) -> None:
    location = create(client, f"{schema}.t", a="string")
    table = client.tables.get(f"{schema}.t")
    answer = client.temporary_table_credentials.generate_temporary_table_credentials(
        operation=TableOperation.READ, table_id=table.table_id
    )
    assert answer.url == location and answer.azure_user_delegation_sas is None
    path = client.temporary_path_credentials.generate_temporary_path_credentials(location, PathOperation.PATH_READ)
    assert path.url == location
    with pytest.raises(NotFound, match="External Location"):
        client.temporary_path_credentials.generate_temporary_path_credentials("file:///etc", PathOperation.PATH_READ)
    volume = client.volumes.create("main", schema.split(".")[1], "v", VolumeType.MANAGED)
    found = client.temporary_volume_credentials.generate_temporary_volume_credentials(
        operation=VolumeOperation.READ_VOLUME, volume_id=volume.volume_id
    )
    assert found.url == volume.storage_location
    with pytest.raises(NotFound):
        client.temporary_table_credentials.generate_temporary_table_credentials(
            table_id="x", operation=TableOperation.READ
        )


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "..", "a b", "x" * 300, "a\u0000"])
def test_names_that_would_lead_elsewhere_are_refused(client: WorkspaceClient, name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        client.schemas.create(name, "main")
    with pytest.raises(InvalidParameterValue):
        client.volumes.create("main", "default", name, VolumeType.MANAGED)
