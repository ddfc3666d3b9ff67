"""Catalogs, schemas, tables, volumes, and who may use them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.catalog import (
    CatalogsAPI,
    ColumnInfo,
    ColumnTypeName,
    CreateFunction,
    DataSourceFormat,
    ExternalLocationsAPI,
    ForeignKeyConstraint,
    FunctionsAPI,
    GrantsAPI,
    MetastoresAPI,
    PathOperation,
    PermissionsChange,
    PrimaryKeyConstraint,
    Privilege,
    SchemasAPI,
    StorageCredentialsAPI,
    TableConstraint,
    TableConstraintsAPI,
    TableInfo,
    TableOperation,
    TablesAPI,
    TableType,
    TemporaryPathCredentialsAPI,
    TemporaryTableCredentialsAPI,
    TemporaryVolumeCredentialsAPI,
    VolumeOperation,
    VolumesAPI,
    VolumeType,
)

from tests.workspace.calls.conftest import Robot

FAMILIES = (
    CatalogsAPI,
    FunctionsAPI,
    SchemasAPI,
    MetastoresAPI,
    TableConstraintsAPI,
    TablesAPI,
    VolumesAPI,
    GrantsAPI,
    StorageCredentialsAPI,
    ExternalLocationsAPI,
    TemporaryPathCredentialsAPI,
    TemporaryTableCredentialsAPI,
    TemporaryVolumeCredentialsAPI,
)


@pytest.fixture
def catalog(w: WorkspaceClient, name: Callable[[], str]) -> str:
    """A catalog with the schema `s`."""
    made = w.catalogs.create(name()).name or ""
    w.schemas.create("s", made)
    return made


def external(w: WorkspaceClient, catalog: str, name: str) -> TableInfo:
    kind = ColumnTypeName.INT
    a = ColumnInfo(name="a", type_text="int", type_name=kind, type_json='"integer"', position=0, nullable=False)
    b = ColumnInfo(name="b", type_text="array<struct<x:int,y:string>>", type_name=ColumnTypeName.ARRAY, position=1)
    return w.tables.create(
        name=name,
        catalog_name=catalog,
        schema_name="s",
        table_type=TableType.EXTERNAL,
        data_source_format=DataSourceFormat.DELTA,
        storage_location=f"dbfs:/{catalog}/{name}",
        columns=[a, b],
    )


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    number = w.metastores.current().metastore_id
    assert w.metastores.summary().metastore_id == number == w.metastores.get(number or "").metastore_id
    assert [one.metastore_id for one in w.metastores.list()] == [number]
    catalog = w.catalogs.create(name(), comment="one").name or ""
    assert w.catalogs.update(catalog, comment="two") == w.catalogs.get(catalog)
    assert catalog in {one.name for one in w.catalogs.list()}
    schema = w.schemas.create("s", catalog).full_name or ""
    assert w.schemas.update(schema, comment="two") == w.schemas.get(schema)
    assert schema in {one.full_name for one in w.schemas.list(catalog)}
    tables(w, catalog)
    volumes(w, catalog)
    keys(w, catalog)
    functions(w, robot, catalog)
    grants(w, robot, catalog)
    places(w, catalog)
    w.schemas.delete(schema, force=True)
    assert schema not in {one.full_name for one in w.schemas.list(catalog)}
    w.catalogs.delete(catalog, force=True)
    assert catalog not in {one.name for one in w.catalogs.list()}


def tables(w: WorkspaceClient, catalog: str) -> None:
    made = external(w, catalog, "t")
    full_name = f"{catalog}.s.t"
    assert made.full_name == full_name
    found = w.tables.get(full_name)
    columns = [(one.name, one.type_text, one.nullable) for one in found.columns or []]
    assert columns == [("a", "int", False), ("b", "array<struct<x:int,y:string>>", True)]
    assert found.table_id == made.table_id and found.owner
    (nameless,) = w.tables.list(catalog, "s", omit_username=True, omit_columns=True)
    assert (nameless.owner, nameless.created_by, nameless.updated_by) == (None, None, None)
    described = w.tables.get(full_name, include_delta_metadata=True).delta_runtime_properties_kvpairs
    assert described and described.delta_runtime_properties["delta.lastUpdateVersion"] == "0"
    assert [one.full_name for one in w.tables.list(catalog, "s")] == [full_name]
    assert [one.full_name for one in w.tables.list_summaries(catalog)] == [full_name]
    w.tables.update(full_name, owner="account users")
    assert w.tables.get(full_name).owner == "account users"
    vended = w.temporary_table_credentials.generate_temporary_table_credentials(
        table_id=made.table_id, operation=TableOperation.READ
    )
    assert vended.url == made.storage_location
    path = w.temporary_path_credentials.generate_temporary_path_credentials(
        made.storage_location or "", PathOperation.PATH_READ
    )
    assert path.url == made.storage_location
    w.tables.delete(full_name)
    assert w.tables.exists(full_name).table_exists is False


def plus_one(catalog: str, name: str, schema: str = "s") -> CreateFunction:
    return CreateFunction.from_dict(
        {
            "name": name,
            "catalog_name": catalog,
            "schema_name": schema,
            "input_params": {
                "parameters": [{"name": "x", "type_text": "int", "type_name": "INT", "position": 0, "type_json": ""}]
            },
            "data_type": "INT",
            "full_data_type": "INT",
            "routine_body": "SQL",
            "routine_definition": "x + 1",
            "parameter_style": "S",
            "is_deterministic": True,
            "sql_data_access": "CONTAINS_SQL",
            "is_null_call": False,
            "security_type": "DEFINER",
            "specific_name": name,
            "comment": "one more",
        }
    )


def functions(w: WorkspaceClient, robot: Robot, catalog: str) -> None:
    made = w.functions.create(plus_one(catalog, "plus_one"))
    name = f"{catalog}.s.plus_one"
    assert (made.full_name, made.routine_definition, made.comment) == (name, "x + 1", "one more")
    (x,) = (made.input_params.parameters if made.input_params else None) or []
    assert (x.name, x.type_json) == ("x", '{"name":"x","type":"integer","nullable":true,"metadata":{}}')
    assert w.functions.get(name) == made and [one.full_name for one in w.functions.list(catalog, "s")] == [name]
    with pytest.raises(BadRequest):
        w.functions.create(plus_one(catalog, "plus_one"))
    with pytest.raises(PermissionDenied):
        robot.client.functions.get(name)
    change = PermissionsChange(principal=robot.name, add=[Privilege.EXECUTE])
    assigned = w.grants.update("function", name, changes=[change]).privilege_assignments or []
    assert [one.privileges for one in assigned] == [[Privilege.EXECUTE]]
    assert w.functions.update(name, owner=robot.name).owner == robot.name
    w.functions.delete(name)
    with pytest.raises(NotFound):
        w.functions.get(name)


def keys(w: WorkspaceClient, catalog: str) -> None:
    parent, child = (external(w, catalog, name).full_name or "" for name in ("parent", "child"))
    family = w.table_constraints
    primary = TableConstraint(primary_key_constraint=PrimaryKeyConstraint("pk", ["a"]))
    assert family.create(parent, primary) == primary
    assert w.tables.get(parent).table_constraints == [primary]
    with pytest.raises(BadRequest, match="primary key"):
        family.create(parent, TableConstraint(primary_key_constraint=PrimaryKeyConstraint("again", ["a"])))
    with pytest.raises(BadRequest, match="no column"):
        family.create(child, TableConstraint(primary_key_constraint=PrimaryKeyConstraint("pk", ["nothing"])))
    with pytest.raises(BadRequest, match=r"child column\(s\) `b` is nullable"):
        family.create(child, TableConstraint(primary_key_constraint=PrimaryKeyConstraint("pk", ["b"])))
    foreign = TableConstraint(foreign_key_constraint=ForeignKeyConstraint("fk", ["a"], parent, ["a"]))
    assert family.create(child, foreign) == foreign
    with pytest.raises(BadRequest, match="refers to"):
        family.delete(parent, "pk", False)
    family.delete(parent, "pk", True)
    assert not w.tables.get(parent).table_constraints and not w.tables.get(child).table_constraints
    with pytest.raises(NotFound):
        family.delete(parent, "pk", False)


def volumes(w: WorkspaceClient, catalog: str) -> None:
    made = w.volumes.create(catalog, "s", "v", VolumeType.MANAGED)
    vended = w.temporary_volume_credentials.generate_temporary_volume_credentials(
        volume_id=made.volume_id, operation=VolumeOperation.READ_VOLUME
    )
    assert vended.url == made.storage_location
    changed = w.volumes.update(f"{catalog}.s.v", comment="two")
    assert w.volumes.read(f"{catalog}.s.v").comment == changed.comment == "two"
    assert [one.full_name for one in w.volumes.list(catalog, "s")] == [f"{catalog}.s.v"]
    w.volumes.delete(f"{catalog}.s.v")
    assert not list(w.volumes.list(catalog, "s"))


def places(w: WorkspaceClient, name: str) -> None:
    credential = w.storage_credentials.create(name, comment="one")
    assert w.storage_credentials.update(name, comment="two") == w.storage_credentials.get(name)
    assert credential.id in {one.id for one in w.storage_credentials.list()}
    made = w.external_locations.create(name, f"dbfs:/{name}/out", name)
    assert w.external_locations.update(name, comment="two") == w.external_locations.get(name)
    assert made.url in {one.url for one in w.external_locations.list()}
    w.dbutils.fs.mkdirs(made.url or "")
    tried = w.storage_credentials.validate(storage_credential_name=name, url=made.url)
    assert tried.is_dir and {one.result and one.result.value for one in tried.results or []} == {"PASS"}
    w.external_locations.delete(name)
    w.storage_credentials.delete(name)
    assert name not in {one.name for one in w.storage_credentials.list()}


def grants(w: WorkspaceClient, robot: Robot, catalog: str) -> None:
    add = PermissionsChange(principal=robot.name, add=[Privilege.USE_CATALOG, Privilege.USE_SCHEMA])
    w.grants.update("catalog", catalog, changes=[add])
    assert robot.client.schemas.get(f"{catalog}.s").name == "s"
    given = w.grants.get("catalog", catalog).privilege_assignments or []
    assert [one.principal for one in given] == [robot.name]
    assert list(w.grants.list("catalog", catalog)) == given
    effective = w.grants.get_effective("schema", f"{catalog}.s").privilege_assignments or []
    assert list(w.grants.list_effective("schema", f"{catalog}.s")) == effective
    assert {each.inherited_from_name for one in effective for each in one.privileges or []} == {catalog}


def test_more_than_a_page(w: WorkspaceClient, catalog: str) -> None:
    names = [f"n{number}" for number in range(5)]
    for one in names:
        w.schemas.create(one, catalog)
        w.volumes.create(catalog, "s", one, VolumeType.MANAGED)
        external(w, catalog, one)
    assert [one.name for one in w.schemas.list(catalog, max_results=2)] == ["default", *names, "s"]
    assert [one.name for one in w.volumes.list(catalog, "s", max_results=2)] == names
    assert [one.name for one in w.tables.list(catalog, "s", max_results=2)] == names
    assert [one.full_name for one in w.tables.list_summaries(catalog, max_results=2)] == [
        f"{catalog}.s.{one}" for one in names
    ]
    assert catalog in [one.name for one in w.catalogs.list(max_results=1)]


def test_refusals(w: WorkspaceClient, robot: Robot, catalog: str) -> None:
    with pytest.raises(BadRequest, match="already exists"):
        w.catalogs.create(catalog)
    with pytest.raises(BadRequest, match="already exists"):
        w.schemas.create("s", catalog)
    with pytest.raises(BadRequest):
        w.catalogs.delete(catalog)
    for missing in (w.catalogs.get, w.catalogs.delete):
        with pytest.raises(NotFound):
            missing("no_catalog")
    for in_schema in (w.schemas.get, w.schemas.delete):
        with pytest.raises(NotFound):
            in_schema(f"{catalog}.none")
    for in_table in (w.tables.get, w.tables.delete, w.volumes.read, w.volumes.delete):
        with pytest.raises(NotFound):
            in_table(f"{catalog}.s.none")
    with pytest.raises(NotFound):
        w.volumes.create(catalog, "none", "v", VolumeType.MANAGED)
    with pytest.raises(NotFound):
        list(w.schemas.list("no_catalog"))
    with pytest.raises(InvalidParameterValue):
        w.grants.get("castle", catalog)
    for refused in (robot.client.catalogs.get, robot.client.catalogs.delete):
        with pytest.raises(PermissionDenied):
            refused(catalog)
    with pytest.raises(PermissionDenied):
        robot.client.schemas.create("t", catalog)
    with pytest.raises(PermissionDenied):
        robot.client.grants.update("catalog", catalog, changes=[])
