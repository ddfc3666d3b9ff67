"""What leads to an object, who owns it, and what may be made, in Spark, SQL and REST alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from databricks.sdk.service.catalog import PermissionsChange, Privilege, VolumeType
from databricks.sdk.service.iam import ComplexValue

from tests.workspace.compute.rights.rights import Person, csv_file, fresh, numbers, refused, statement, stream

Ways = dict[str, Callable[[Person, str], Any]]


def ways(warehouse: str) -> Ways:
    """How each kind of object is used, by Spark, a statement and the SDK."""
    return {
        "Spark": lambda p, s: p.spark.table(f"{s}.t").collect(),
        "function": lambda p, s: p.spark.sql(f"SELECT {s}.f(1)").collect(),
        "statement": lambda p, s: statement(p, warehouse, f"SELECT n FROM {s}.v"),
        "table": lambda p, s: p.w.tables.get(f"{s}.t"),
        "routine": lambda p, s: p.w.functions.get(f"{s}.f"),
        "file": lambda p, s: p.w.files.download(csv_file(s)),
        "file in Spark": lambda p, s: p.spark.read.csv(csv_file(s)).collect(),
    }


def test_a_privilege_needs_the_way_to_its_object(
    owner: Person, reader: Person, world: str, warehouse: str, people: Callable[[], Person]
) -> None:
    for grant in ("SELECT ON TABLE {s}.t", "SELECT ON TABLE {s}.v", "EXECUTE ON FUNCTION {s}.f"):
        owner.spark.sql(f"GRANT {grant.format(s=world)} TO `{reader.name}`")
    owner.spark.sql(f"GRANT READ VOLUME ON VOLUME {world}.files TO `{reader.name}`")
    for way in ways(warehouse).values():
        way(reader, world)
    owner.spark.sql(f"REVOKE USE SCHEMA ON SCHEMA {world} FROM `{reader.name}`")
    for way in ways(warehouse).values():
        with refused("USE SCHEMA on Schema"):
            way(reader, world)
    owner.spark.sql(f"GRANT USE SCHEMA ON SCHEMA {world} TO `{reader.name}`")
    everybody = PermissionsChange(principal="account users", remove=[Privilege.USE_CATALOG])
    owner.spark.sql(f"REVOKE USE CATALOG ON CATALOG main FROM `{reader.name}`")
    owner.w.grants.update("catalog", "main", changes=[everybody])
    try:
        for way in ways(warehouse).values():
            with refused("USE CATALOG on Catalog"):
                way(reader, world)
    finally:
        everybody = PermissionsChange(principal="account users", add=[Privilege.USE_CATALOG])
        owner.w.grants.update("catalog", "main", changes=[everybody])


def test_browse_shows_an_object_and_lets_use_nothing(
    owner: Person, people: Callable[[], Person], reader: Person, world: str, warehouse: str
) -> None:
    owner.spark.sql(f"GRANT BROWSE ON CATALOG main TO `{reader.name}`")
    for way in ways(warehouse).values():
        with refused():
            way(reader, world)
    found = reader.w.tables.get(f"{world}.t", include_browse=True)
    assert (found.browse_only, found.storage_location) == (True, None)
    assert reader.w.functions.get(f"{world}.f", include_browse=True).routine_definition is None


def test_what_is_made_needs_its_privilege(owner: Person, reader: Person, world: str, warehouse: str) -> None:
    catalog, schema = world.split(".")
    made: dict[str, Callable[[], Any]] = {
        "schema": lambda: reader.spark.sql(f"CREATE SCHEMA main.of_reader_{next(numbers)}"),
        "schema by REST": lambda: reader.w.schemas.create(f"of_reader_{next(numbers)}", "main"),
        "catalog": lambda: reader.spark.sql(f"CREATE CATALOG of_reader_{next(numbers)}"),
        "catalog by REST": lambda: reader.w.catalogs.create(name=f"of_reader_{next(numbers)}"),
        "table by a statement": lambda: statement(reader, warehouse, f"CREATE TABLE {fresh(world)} (a INT)"),
        "volume": lambda: reader.w.volumes.create(catalog, schema, f"v{next(numbers)}", VolumeType.MANAGED),
        "file": lambda: reader.w.files.upload(csv_file(world) + ".new", stream(b"x")),
        "file in Spark": lambda: reader.spark.range(1).write.mode("overwrite").csv(csv_file(world) + ".dir"),
        "file removed": lambda: reader.w.files.delete(csv_file(world)),
    }
    owner.spark.sql(f"GRANT READ VOLUME ON VOLUME {world}.files TO `{reader.name}`")
    for act in made.values():
        with refused():
            act()
    owner.spark.sql(f"GRANT CREATE SCHEMA ON CATALOG main TO `{reader.name}`")
    owner.spark.sql(f"GRANT CREATE CATALOG ON METASTORE TO `{reader.name}`")
    owner.spark.sql(f"GRANT CREATE TABLE, CREATE VOLUME, WRITE VOLUME ON SCHEMA {world} TO `{reader.name}`")
    for name, act in made.items():
        if name != "file removed":
            act()


def test_an_owner_manages_and_gives_away(owner: Person, people: Callable[[], Person], world: str) -> None:
    one, other = people(), people()
    for name in (one.name, other.name):
        owner.spark.sql(f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA {world} TO `{name}`")
    table = fresh(world)
    one.spark.sql(f"CREATE TABLE {table} AS SELECT 1 AS a")
    manages = (f"GRANT SELECT ON TABLE {table} TO `{other.name}`", f"ALTER TABLE {table} OWNER TO `{other.name}`")
    for sql in (*manages, f"DROP TABLE {table}", f"COMMENT ON TABLE {table} IS 'c'"):
        with refused():
            other.spark.sql(sql)
    one.spark.sql(manages[0])
    assert other.spark.table(table).count() == 1
    one.spark.sql(manages[1])
    for act in (
        lambda: one.spark.table(table).collect(),
        lambda: one.spark.sql(f"DROP TABLE {table}"),
        lambda: one.w.tables.update(table, owner=one.name),
        lambda: one.w.grants.update(
            "table", table, changes=[PermissionsChange(add=[Privilege.SELECT], principal=one.name)]
        ),
    ):
        with refused():
            act()
    other.spark.sql(f"GRANT MANAGE ON TABLE {table} TO `{one.name}`")
    with refused():  # who manages must grant itself what it needs
        one.spark.table(table).collect()
    one.spark.sql(f"GRANT SELECT ON TABLE {table} TO `{one.name}`")
    assert one.spark.table(table).count() == 1
    one.spark.sql(f"DROP TABLE {table}")


def test_a_group_owns_a_view_with_what_its_members_may(
    owner: Person, people: Callable[[], Person], reader: Person, world: str
) -> None:
    member = people()
    found = next(iter(owner.w.service_principals.list(filter=f"applicationId eq {member.name}")))
    group = owner.w.groups.create(display_name=f"owners {next(numbers)}", members=[ComplexValue(value=found.id)])
    view = fresh(world)
    owner.spark.sql(f"CREATE VIEW {view} AS SELECT id FROM {world}.other")
    owner.spark.sql(f"ALTER VIEW {view} OWNER TO `{group.display_name}`")
    owner.spark.sql(f"GRANT SELECT ON TABLE {view} TO `{reader.name}`")
    with refused(f"used as its owner '{group.display_name}'"):
        reader.spark.table(view).collect()
    for grant in (f"USE SCHEMA ON SCHEMA {world}", f"SELECT ON TABLE {world}.other"):
        owner.spark.sql(f"GRANT {grant} TO `account users`")
    try:
        assert reader.spark.table(view).count() == 1
        member.spark.sql(f"ALTER VIEW {view} AS SELECT id + 1 AS id FROM {world}.other")
        assert reader.spark.table(view).collect()[0].id == 3
    finally:
        for grant in (f"USE SCHEMA ON SCHEMA {world}", f"SELECT ON TABLE {world}.other"):
            owner.spark.sql(f"REVOKE {grant} FROM `account users`")
