"""Each action on each kind of object, by callers with each set of privileges: who may, and what the others are told."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import (
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    TableConstraint,
    TableOperation,
    VolumeOperation,
    VolumeType,
)

from tests.workspace.catalog.conftest import Place, Robot, make_table

Action = Callable[[Robot, Place], object]

REGISTRY = "/api/2.0/mlflow/unity-catalog"


def registry(method: str, path: str, **fields: object) -> Action:
    def call(r: Robot, p: Place) -> object:
        sent: dict[str, Any] = {"name": p.named("function"), **fields}
        place = "query" if method == "GET" else "body"
        return r.client.api_client.do(method, f"{REGISTRY}/{path}", **{place: sent})

    return call


def table_data(operation: TableOperation) -> Action:
    return lambda r, p: r.client.temporary_table_credentials.generate_temporary_table_credentials(
        operation=operation, table_id=p.client.tables.get(p.named("table")).table_id
    )


def volume_data(operation: VolumeOperation) -> Action:
    return lambda r, p: r.client.temporary_volume_credentials.generate_temporary_volume_credentials(
        operation=operation, volume_id=p.client.volumes.read(p.named("volume")).volume_id
    )


def files(p: Place, name: str = "a.txt") -> str:
    return f"/Volumes/{p.named('volume').replace('.', '/')}/{name}"


def upload(r: Robot, p: Place) -> object:
    return r.client.files.upload(files(p), io.BytesIO(b"new"), overwrite=True)


def download(r: Robot, p: Place) -> object:
    p.client.files.upload(files(p), io.BytesIO(b"old"), overwrite=True)
    return r.client.files.download(files(p))


def delete_file(r: Robot, p: Place) -> object:
    p.client.files.upload(files(p), io.BytesIO(b"old"), overwrite=True)
    return r.client.files.delete(files(p))


ACTIONS: dict[str, Action] = {
    "create a catalog": lambda r, p: r.client.catalogs.create(f"{p.catalog}x"),
    "get the catalog": lambda r, p: r.client.catalogs.get(p.catalog),
    "change the catalog": lambda r, p: r.client.catalogs.update(p.catalog, comment="c"),
    "drop the catalog": lambda r, p: r.client.catalogs.delete(p.catalog, force=True),
    "grant on the catalog": lambda r, p: Place(r.client, p.catalog).grant("catalog", r, "BROWSE"),
    "create a schema": lambda r, p: r.client.schemas.create("new", p.catalog),
    "get the schema": lambda r, p: r.client.schemas.get(p.schema),
    "change the schema": lambda r, p: r.client.schemas.update(p.schema, comment="c"),
    "own the schema": lambda r, p: r.client.schemas.update(p.schema, owner=r.name),
    "drop the schema": lambda r, p: r.client.schemas.delete(p.schema, force=True),
    "grant on the schema": lambda r, p: Place(r.client, p.catalog).grant("schema", r, "EXECUTE"),
    "create a table": lambda r, p: make_table(r.client, f"{p.schema}.new"),
    "get the table": lambda r, p: r.client.tables.get(p.named("table")),
    "read the table": table_data(TableOperation.READ),
    "write the table": table_data(TableOperation.READ_WRITE),
    "describe the table": lambda r, p: r.client.api_client.do(
        "PATCH", f"/api/2.1/unity-catalog/tables/{p.named('table')}", body={"comment": "c"}
    ),
    "own the table": lambda r, p: r.client.tables.update(p.named("table"), owner=r.name),
    "drop the table": lambda r, p: r.client.tables.delete(p.named("table")),
    "grant on the table": lambda r, p: Place(r.client, p.catalog).grant("table", r, "SELECT"),
    "create a volume": lambda r, p: r.client.volumes.create(p.catalog, "s", "new", VolumeType.MANAGED),
    "read the volume": lambda r, p: r.client.volumes.read(p.named("volume")),
    "change the volume": lambda r, p: r.client.volumes.update(p.named("volume"), comment="c"),
    "drop the volume": lambda r, p: r.client.volumes.delete(p.named("volume")),
    "grant on the volume": lambda r, p: Place(r.client, p.catalog).grant("volume", r, "READ_VOLUME"),
    "list files": lambda r, p: list(r.client.files.list_directory_contents(files(p, ""))),
    "download a file": download,
    "upload a file": upload,
    "delete a file": delete_file,
    "mount the volume": volume_data(VolumeOperation.READ_VOLUME),
    "create a model": lambda r, p: r.client.registered_models.create(
        catalog_name=p.catalog, schema_name="s", name="new"
    ),
    "create a model by MLflow": lambda r, p: r.client.api_client.do(
        "POST", f"{REGISTRY}/registered-models/create", body={"name": f"{p.schema}.newer"}
    ),
    "get the model": lambda r, p: r.client.registered_models.get(p.named("function")),
    "list its versions": lambda r, p: list(r.client.model_versions.list(p.named("function"))),
    "get the model by MLflow": registry("GET", "registered-models/get"),
    "change the model": lambda r, p: r.client.registered_models.update(p.named("function"), comment="c"),
    "change the model by MLflow": registry("PATCH", "registered-models/update", description="d"),
    "tag the model": registry("POST", "registered-models/set-tag", key="k", value="v"),
    "add a version": registry("POST", "model-versions/create", source="s"),
    "drop the model": lambda r, p: r.client.registered_models.delete(p.named("function")),
    "grant on the model": lambda r, p: Place(r.client, p.catalog).grant("function", r, "EXECUTE"),
}

USE = (("catalog", "USE_CATALOG"), ("schema", "USE_SCHEMA"))
SEES = {"get the catalog"}
ENTERS = SEES | {"get the schema"}
TABLES = {"get the table", "describe the table", "own the table", "drop the table", "grant on the table"}
VOLUMES = {"read the volume", "change the volume", "drop the volume", "grant on the volume"}
READS_MODELS = {"get the model", "list its versions", "get the model by MLflow"}
WRITES_MODELS = {"change the model", "change the model by MLflow", "tag the model", "add a version"}
MODELS = READS_MODELS | WRITES_MODELS | {"drop the model", "grant on the model"}
FILES = {"list files", "download a file"}
SCHEMAS = {"get the schema", "change the schema", "own the schema", "drop the schema", "grant on the schema"}
CREATES = {"create a table", "create a volume", "create a model", "create a model by MLflow"}
DATA = {"read the table", "write the table", *FILES, "upload a file", "delete a file", "mount the volume"}

# What is granted -> what it allows; every other action is refused.
ROLES: dict[str, tuple[tuple[tuple[str, str], ...], set[str]]] = {
    "nothing": ((), set()),
    "only the way": (USE, ENTERS),
    "without the catalog": ((USE[1], ("table", "SELECT"), ("table", "MANAGE")), set()),
    "without the schema": ((USE[0], ("schema", "SELECT"), ("function", "EXECUTE")), SEES),
    "creates schemas": ((USE[0], ("catalog", "CREATE_SCHEMA")), SEES | {"create a schema"}),
    "creates tables": ((*USE, ("schema", "CREATE_TABLE")), ENTERS | {"create a table"}),
    "creates volumes": ((*USE, ("catalog", "CREATE_VOLUME")), ENTERS | {"create a volume"}),
    "creates models": (
        (*USE, ("schema", "CREATE_MODEL")),
        ENTERS | {"create a model", "create a model by MLflow"},
    ),
    "selects": ((*USE, ("table", "SELECT")), ENTERS | {"get the table", "read the table"}),
    "selects all": ((*USE, ("catalog", "SELECT")), ENTERS | {"get the table", "read the table"}),
    "only modifies": ((*USE, ("table", "MODIFY")), ENTERS | {"describe the table"}),
    "modifies": (
        (*USE, ("table", "SELECT"), ("schema", "MODIFY")),
        ENTERS | {"get the table", "read the table", "write the table", "describe the table"},
    ),
    "reads files": ((*USE, ("volume", "READ_VOLUME")), ENTERS | FILES | {"read the volume", "mount the volume"}),
    "writes files": ((*USE, ("volume", "WRITE_VOLUME")), ENTERS | {"upload a file", "delete a file"}),
    "executes": ((*USE, ("function", "EXECUTE")), ENTERS | READS_MODELS),
    "tags": ((*USE, ("schema", "APPLY_TAG")), ENTERS | {"tag the model"}),
    "manages the table": ((*USE, ("table", "MANAGE")), ENTERS | TABLES),
    "manages the volume": ((*USE, ("volume", "MANAGE")), ENTERS | VOLUMES),
    "manages the model": ((*USE, ("function", "MANAGE")), ENTERS | MODELS),
    "manages the schema": (
        (*USE, ("schema", "MANAGE")),
        SEES | SCHEMAS | TABLES | VOLUMES | MODELS,
    ),
    "all privileges": (
        (("catalog", "ALL_PRIVILEGES"),),
        ENTERS
        | DATA
        | CREATES
        | READS_MODELS
        | {"create a schema", "get the table", "describe the table", "read the volume"}
        | {"tag the model", "add a version"},
    ),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_was_granted_and_nothing_else(
    role: str, make_robot: Callable[[], Robot], place: Place
) -> None:
    granted, allowed = ROLES[role]
    assert allowed <= set(ACTIONS)
    robot = make_robot()
    for kind, privilege in granted:
        place.grant(kind, robot, privilege)
    refused = sorted(set(ACTIONS) - allowed)
    for name in refused:
        with pytest.raises(PermissionDenied, match=r"User does not have [A-Z ]+ on [A-Za-z ]+ '") as error:
            ACTIONS[name](robot, place)
        assert error.value.error_code == "PERMISSION_DENIED", name
    last = {name for name in allowed if name.startswith(("own", "drop", "grant", "delete"))}
    for name in [*sorted(allowed - last)]:
        ACTIONS[name](robot, place)


@pytest.mark.parametrize("kind", ["table", "volume", "model"])
def test_who_manages_may_give_and_take_everything(kind: str, make_robot: Callable[[], Robot], place: Place) -> None:
    robot = make_robot()
    for above, privilege in (*USE, ("function" if kind == "model" else kind, "MANAGE")):
        place.grant(above, robot, privilege)
    ACTIONS[f"grant on the {kind}"](robot, place)
    ACTIONS[f"drop the {kind}"](robot, place)


def test_an_owner_may_do_everything_with_it_and_manage_what_is_in_it(robot: Robot, place: Place) -> None:
    place.grant("catalog", robot, "USE_CATALOG")
    place.client.schemas.update(place.schema, owner=robot.name)
    with pytest.raises(PermissionDenied, match=f"SELECT on Table '{place.named('table')}'"):
        ACTIONS["read the table"](robot, place)
    for name in ("get the table", "create a table", "create a model", "grant on the table"):
        ACTIONS[name](robot, place)
    ACTIONS["read the table"](robot, place)  # as an owner of a schema may grant itself what it needs
    ACTIONS["own the table"](robot, place)
    ACTIONS["write the table"](robot, place)
    ACTIONS["drop the schema"](robot, place)


def test_a_schema_gets_another_name_from_whom_may_make_it(robot: Robot, place: Place) -> None:
    place.grant("catalog", robot, "USE_CATALOG")
    place.client.schemas.update(place.schema, owner=robot.name)
    schemas = robot.client.schemas
    assert schemas.update(place.schema, new_name="S", comment="mine").comment == "mine"  # its own name is no change
    with pytest.raises(PermissionDenied, match=f"CREATE SCHEMA on Catalog '{place.catalog}'"):
        schemas.update(place.schema, new_name="renamed")
    place.grant("catalog", robot, "CREATE_SCHEMA")
    assert schemas.update(place.schema, new_name="renamed").full_name == f"{place.catalog}.renamed"


def test_a_catalog_may_be_made_by_whom_the_metastore_lets(robot: Robot, place: Place) -> None:
    from databricks.sdk.service.catalog import PermissionsChange, Privilege

    w, metastore = place.client, place.client.metastores.summary()
    with pytest.raises(PermissionDenied, match=f"CREATE CATALOG on Metastore '{metastore.name}'"):
        ACTIONS["create a catalog"](robot, place)
    change = PermissionsChange(principal=robot.name, add=[Privilege.CREATE_CATALOG])
    w.grants.update("metastore", metastore.metastore_id or "", changes=[change])
    ACTIONS["create a catalog"](robot, place)
    made = f"{place.catalog}x"
    assert robot.client.catalogs.get(made).owner == robot.name
    robot.client.schemas.create("mine", made)
    robot.client.catalogs.delete(made, force=True)
    with pytest.raises(PermissionDenied):
        Place(robot.client, place.catalog).grant("catalog", robot, "USE_CATALOG")


def test_lists_show_what_may_be_seen(robot: Robot, place: Place) -> None:
    make_table(place.client, f"{place.schema}.hidden")
    see, catalog = robot.client, place.catalog
    assert catalog not in {one.name for one in see.catalogs.list()}
    with pytest.raises(PermissionDenied, match=f"USE CATALOG on Catalog '{catalog}'"):
        list(see.schemas.list(catalog))
    place.grant("catalog", robot, "USE_CATALOG")
    assert catalog in {one.name for one in see.catalogs.list()}
    assert list(see.schemas.list(catalog)) == []
    with pytest.raises(PermissionDenied, match=f"USE SCHEMA on Schema '{place.schema}'"):
        list(see.tables.list(catalog, "s"))
    place.grant("schema", robot, "USE_SCHEMA")
    assert [one.name for one in see.schemas.list(catalog)] == ["s"]
    assert list(see.tables.list(catalog, "s")) == []
    assert list(see.volumes.list(catalog, "s")) == []
    assert list(see.registered_models.list(catalog_name=catalog, schema_name="s")) == []
    for kind, privilege in (("table", "SELECT"), ("volume", "READ_VOLUME"), ("function", "EXECUTE")):
        place.grant(kind, robot, privilege)
    assert [one.name for one in see.tables.list(catalog, "s")] == ["t"]
    assert [one.full_name for one in see.tables.list_summaries(catalog)] == [place.named("table")]
    assert [one.name for one in see.volumes.list(catalog, "s")] == ["v"]
    assert [one.name for one in see.registered_models.list(catalog_name=catalog, schema_name="s")] == ["f"]
    place.revoke("volume", robot, "READ_VOLUME")
    assert list(see.volumes.list(catalog, "s")) == []


def test_a_model_is_served_by_whom_may_execute_it(robot: Robot, place: Place) -> None:
    from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput

    entity = ServedEntityInput(entity_name=place.named("function"), entity_version="1", workload_size="Small")
    name = f"serves-{place.catalog}"
    place.grant("catalog", robot, "USE_CATALOG", "USE_SCHEMA")
    with pytest.raises(PermissionDenied, match=f"EXECUTE on Routine or Model '{place.named('function')}'"):
        robot.client.serving_endpoints.create(name, config=EndpointCoreConfigInput(name, served_entities=[entity]))
    assert name not in {one.name for one in place.client.serving_endpoints.list()}


def test_browse_shows_that_there_is_something_and_no_more(robot: Robot, place: Place) -> None:
    place.grant("catalog", robot, "BROWSE")
    see, table = robot.client, place.named("table")
    found = see.tables.get(table, include_browse=True)
    assert (found.name, found.browse_only, found.storage_location) == ("t", True, None)
    assert [one.browse_only for one in see.tables.list(place.catalog, "s", include_browse=True)] == [True]
    assert see.tables.exists(table).table_exists
    for call in (lambda: see.tables.get(table), lambda: see.volumes.read(place.named("volume"))):
        with pytest.raises(PermissionDenied, match=f"USE CATALOG on Catalog '{place.catalog}'"):
            call()


def test_what_is_not_there_is_said_only_to_whom_may_look(robot: Robot, place: Place) -> None:
    for path in (f"tables/{place.schema}.no", f"volumes/{place.schema}.no", f"schemas/{place.catalog}.no"):
        with pytest.raises(PermissionDenied):
            robot.client.api_client.do("GET", f"/api/2.1/unity-catalog/{path}")
    place.grant("catalog", robot, "USE_CATALOG")
    place.grant("schema", robot, "USE_SCHEMA")
    for path in (f"tables/{place.schema}.no", f"volumes/{place.schema}.no", f"schemas/{place.catalog}.no"):
        with pytest.raises(NotFound, match="does not exist") as error:
            robot.client.api_client.do("GET", f"/api/2.1/unity-catalog/{path}")
        assert str(error.value.error_code).endswith("_DOES_NOT_EXIST")


def test_a_foreign_key_is_for_whom_manages_both_tables(robot: Robot, place: Place) -> None:
    see = robot.client
    place.grant("schema", robot, "USE_SCHEMA", "CREATE_TABLE")
    place.grant("catalog", robot, "USE_CATALOG")
    parent, child = (f"{place.schema}.{name}" for name in ("parent", "child"))
    make_table(place.client, parent, nullable=False)
    make_table(see, child)
    keys = place.client.table_constraints
    keys.create(parent, TableConstraint(primary_key_constraint=PrimaryKeyConstraint("pk", ["a"])))
    foreign = TableConstraint(foreign_key_constraint=ForeignKeyConstraint("fk", ["a"], parent.upper(), ["a"]))
    with pytest.raises(PermissionDenied, match=r"MANAGE on Table.*parent"):
        see.table_constraints.create(child, foreign)
    place.client.tables.update(parent, owner=robot.name)
    see.table_constraints.create(child, foreign)
    place.client.tables.update(child, owner=place.client.current_user.me().user_name)
    with pytest.raises(PermissionDenied, match=r"MANAGE on Table.*child"):
        see.table_constraints.delete(parent, "pk", True)
    assert place.client.tables.get(child).table_constraints
    keys.delete(parent, "pk", True)
    assert not place.client.tables.get(child).table_constraints
