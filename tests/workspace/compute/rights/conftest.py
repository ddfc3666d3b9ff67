"""A world of objects, its owner, and readers who may use nothing in it yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from databricks.sdk import WorkspaceClient

from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.rights.rights import Person, numbers, stream


@pytest.fixture(scope="package")
def people(lab: Lab) -> Iterator[Callable[[], Person]]:
    """Makes a service principal, at each call another."""
    from pyspark.sql import SparkSession

    owner = WorkspaceClient(host=lab.workspace.url, token=lab.token)
    with contextlib.ExitStack() as stack:

        def person(token: str = "", name: str = "") -> Person:
            if not token:
                name = owner.service_principals.create(display_name=f"p{next(numbers)}").application_id or ""
                token = lab.workspace.identity.issue_token(lab.workspace.identity.principal_named(name), "test")
            port = lab.listener.getsockname()[1]
            spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}/;x-brickyard-token={token}").create()
            stack.callback(spark.stop)
            return Person(name, spark, WorkspaceClient(host=lab.workspace.url, token=token))

        yield person


@pytest.fixture(scope="package")
def owner(lab: Lab, people: Callable[..., Person]) -> Person:
    return people(lab.token, lab.workspace.identity.owner.user_name)


@pytest.fixture(scope="package")
def world(owner: Person) -> str:
    """A schema with one object of each kind."""
    schema = f"main.rights_{next(numbers)}"
    for statement in (
        "CREATE SCHEMA {s}",
        "CREATE TABLE {s}.t AS SELECT 1 AS id, 'a' AS s",
        "CREATE TABLE {s}.other AS SELECT 2 AS id",
        "CREATE VIEW {s}.v AS SELECT id + 1 AS n, current_user() AS reader FROM {s}.t",
        "CREATE VIEW {s}.w AS SELECT n FROM {s}.v",
        "CREATE TABLE {s}.c (a INT) USING csv LOCATION 'dbfs:/files-of/{s}'",
        "CREATE FUNCTION {s}.f(x INT) RETURNS INT RETURN x + 1",
        "CREATE VOLUME {s}.files",
    ):
        owner.spark.sql(statement.format(s=schema))
    catalog, name = schema.split(".")
    owner.w.files.upload(f"/Volumes/{catalog}/{name}/files/a.csv", stream(b"id\n1\n"))
    return schema


@pytest.fixture(scope="package")
def warehouse(owner: Person) -> str:
    found = next(iter(owner.w.warehouses.list()), None)
    return str(found.id if found else owner.w.warehouses.create_and_wait(name="rights", cluster_size="2X-Small").id)


@pytest.fixture
def reader(people: Callable[..., Person], owner: Person, world: str, warehouse: str) -> Person:
    """Somebody who may use the schema and the warehouse, and nothing in the schema."""
    from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel

    one = people()
    owner.spark.sql(f"GRANT USE CATALOG ON CATALOG main TO `{one.name}`")
    owner.spark.sql(f"GRANT USE SCHEMA ON SCHEMA {world} TO `{one.name}`")
    rule = AccessControlRequest(service_principal_name=one.name, permission_level=PermissionLevel.CAN_USE)
    owner.w.permissions.update("warehouses", warehouse, access_control_list=[rule])
    return one
