"""Views and functions are used with the rights of their owners; nobody gains by writing or giving them away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.errors import PySparkException

from tests.workspace.compute.rights.rights import Person, fresh, numbers, refused, statement

API = "/api/2.1/unity-catalog"


@pytest.fixture
def author(owner: Person, people: Callable[[], Person], world: str) -> Person:
    """Somebody who may make views and functions in the schema, and read nothing there."""
    author = people()
    for grant in ("USE CATALOG ON CATALOG main", f"USE SCHEMA, CREATE TABLE, CREATE FUNCTION ON SCHEMA {world}"):
        owner.spark.sql(f"GRANT {grant} TO `{author.name}`")
    return author


def sent_view(person: Person, name: str, query: str) -> None:
    """Make a view by REST, which does not look at what it reads."""
    catalog, schema, last = name.split(".")
    made = {"name": last, "catalog_name": catalog, "schema_name": schema, "table_type": "VIEW", "columns": []}
    person.w.api_client.do("POST", f"{API}/tables", body={**made, "view_definition": query})


def sent_function(person: Person, name: str, body: str) -> None:
    """Make a function by REST, which does not look at what it reads."""
    catalog, schema, last = name.split(".")
    info: dict[str, Any] = {"name": last, "catalog_name": catalog, "schema_name": schema, "specific_name": last}
    info |= {"data_type": "STRING", "full_data_type": "STRING", "routine_body": "SQL", "routine_definition": body}
    info |= {"parameter_style": "S", "is_deterministic": True, "sql_data_access": "READS_SQL_DATA"}
    info |= {"is_null_call": False, "security_type": "DEFINER", "input_params": {}}
    person.w.api_client.do("POST", f"{API}/functions", body={"function_info": info})


def test_a_view_is_read_with_its_owner_s_rights_and_says_who_reads(
    owner: Person, reader: Person, people: Callable[..., Person], world: str
) -> None:
    author = people()
    for grant in (
        "USE CATALOG ON CATALOG main",
        f"USE SCHEMA, CREATE TABLE ON SCHEMA {world}",
        f"SELECT ON TABLE {world}.t",
    ):
        owner.spark.sql(f"GRANT {grant} TO `{author.name}`")
    view = fresh(world)
    author.spark.sql(f"CREATE VIEW {view} AS SELECT id, current_user() AS reader FROM {world}.t LIMIT 1")
    author.spark.sql(f"GRANT SELECT ON TABLE {view} TO `{reader.name}`")
    assert reader.spark.table(view).collect()[0].reader == reader.name
    with refused():
        reader.spark.table(f"{world}.t").collect()
    owner.spark.sql(f"REVOKE SELECT ON TABLE {world}.t FROM `{author.name}`")
    with refused():
        reader.spark.table(view).collect()


def test_a_view_that_is_replaced_keeps_its_grants_and_its_owner_s_rights(
    owner: Person, reader: Person, world: str
) -> None:
    view = fresh(world)
    owner.spark.sql(f"CREATE VIEW {view} AS SELECT id FROM {world}.other")
    owner.spark.sql(f"GRANT SELECT, MODIFY ON TABLE {view} TO `{reader.name}`")
    owner.spark.sql(f"CREATE OR REPLACE VIEW {view} COMMENT 'new' AS SELECT id + 1 AS n FROM {world}.other")
    assert reader.spark.table(view).collect()[0].n == 3
    assert reader.w.tables.get(view).comment == "new"
    owner.spark.sql(f"ALTER VIEW {view} AS SELECT id + 2 AS m FROM {world}.other")
    assert reader.spark.table(view).collect()[0].m == 4
    with refused():
        reader.spark.sql(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {world}.t")
    with refused():
        body = {"view_definition": f"SELECT * FROM {world}.t", "columns": []}
        reader.w.api_client.do("PATCH", f"/api/2.1/unity-catalog/tables/{view}", body=body)


def test_a_view_in_hive_has_its_reader_s_rights_as_anybody_may_change_it(
    owner: Person, reader: Person, world: str
) -> None:
    view = f"hive_metastore.default.v{next(numbers)}"
    owner.spark.sql(f"CREATE VIEW {view} AS SELECT * FROM {world}.other")
    with refused():
        reader.spark.table(view).collect()
    owner.spark.sql(f"GRANT SELECT ON TABLE {world}.other TO `{reader.name}`")
    assert reader.spark.table(view).count() == 1


def test_what_a_view_s_names_mean_is_its_manager_s_to_change(owner: Person, reader: Person, world: str) -> None:
    owner.spark.sql(f"GRANT SELECT, MODIFY ON TABLE {world}.v TO `{reader.name}`")
    with refused():
        body = {"properties": {"view.catalogAndNamespace.part.1": "elsewhere"}}
        reader.w.api_client.do("PATCH", f"/api/2.1/unity-catalog/tables/{world}.v", body=body)


def test_a_view_opens_nothing_that_it_does_not_read(owner: Person, reader: Person, world: str) -> None:
    owner.spark.sql(f"GRANT SELECT ON TABLE {world}.v TO `{reader.name}`")
    for views, name in (
        ([f"{world}.v"], f"{world}.other"),
        ([f"{world}.w"], f"{world}.v"),
        ([f"{world}.t"], f"{world}.t"),
    ):
        with refused():
            reader.w.api_client.do("POST", "/api/2.1/unity-catalog/view-reads", body={"views": views, "name": name})


def test_a_view_that_is_given_away_does_what_both_owners_may(
    owner: Person, author: Person, people: Callable[..., Person], world: str
) -> None:
    view = fresh(world)
    sent_view(author, view, f"SELECT * FROM {world}.t")
    with refused():
        author.spark.table(view).collect()
    author.spark.sql(f"GRANT SELECT, MANAGE ON TABLE {view} TO `{author.name}`")
    author.w.tables.update(view, owner=owner.name)
    with refused(f"used as its owner '{author.name}'"):
        author.spark.table(view).collect()
    with refused("is not an owner"):
        author.spark.sql(f"ALTER VIEW {view} AS SELECT 1 AS s")
    with refused("is not an owner"):
        author.w.api_client.do("PATCH", f"{API}/tables/{view}", body={"view_definition": "SELECT 1", "columns": []})
    author.w.tables.update(view, owner=author.name)  # who manages it may take it, and then reads as itself
    author.w.tables.update(view, owner=owner.name)
    owner.spark.sql(f"GRANT SELECT ON TABLE {world}.t TO `{author.name}`")
    assert author.spark.table(view).count() >= 1  # both may
    owner.spark.sql(f"REVOKE SELECT ON TABLE {world}.t FROM `{author.name}`")
    owner.spark.sql(f"ALTER VIEW {view} AS SELECT id FROM {world}.t")
    assert author.spark.table(view).count() >= 1  # the owner has written it


def test_a_function_is_used_with_its_owner_s_rights_and_says_who_calls(
    owner: Person, reader: Person, world: str, warehouse: str
) -> None:
    name, table, outer = fresh(world), fresh(world), fresh(world)
    owner.spark.sql(f"CREATE FUNCTION {name}() RETURNS STRING RETURN (SELECT max(s) || current_user() FROM t)")
    owner.spark.sql(f"CREATE FUNCTION {table}(k INT) RETURNS TABLE(n INT) RETURN SELECT n FROM v WHERE n = k + 1")
    owner.spark.sql(f"CREATE FUNCTION {outer}() RETURNS STRING RETURN upper({name.split('.')[2]}())")
    call = f"SELECT {name}(), n FROM {table}(1)"
    for sql in (call, f"SELECT {outer}()"):
        with refused("EXECUTE on"):
            reader.spark.sql(sql).collect()
    owner.spark.sql(f"GRANT EXECUTE ON FUNCTION {table} TO `{reader.name}`")
    owner.spark.sql(f"GRANT EXECUTE ON FUNCTION {outer} TO `{reader.name}`")
    said = reader.spark.sql(f"SELECT {outer}()").collect()[0][0]
    assert said.endswith(reader.name.upper())
    assert reader.spark.sql(f"SELECT n FROM {table}(1)").collect()[0].n == 2
    assert statement(reader, warehouse, f"SELECT {outer}()") == [[said]]
    for sql in (call, f"SELECT {outer}() FROM {world}.t", f"SELECT n FROM {table}((SELECT max(id) FROM {world}.t))"):
        with refused():
            reader.spark.sql(sql).collect()
    owner.spark.sql(f"CREATE OR REPLACE FUNCTION {outer}() RETURNS STRING RETURN 'new'")
    assert reader.spark.sql(f"SELECT {outer}()").collect()[0][0] == "new"  # the grant is still there


def test_nobody_reads_more_by_a_function_of_its_own(owner: Person, author: Person, reader: Person, world: str) -> None:
    name = fresh(world)
    with refused("SELECT on Table"):
        author.spark.sql(f"CREATE FUNCTION {name}() RETURNS STRING RETURN (SELECT max(s) FROM {world}.t)")
    sent_function(author, name, f"(SELECT max(s) FROM {world}.t)")
    author.spark.sql(f"GRANT EXECUTE, MANAGE ON FUNCTION {name} TO `{author.name}`")
    author.w.functions.update(name, owner=owner.name)
    for person in (author, owner):
        with refused(f"used as its owner '{author.name}'"):
            person.spark.sql(f"SELECT {name}()").collect()
    with refused("is not an owner"):
        author.spark.sql(f"CREATE OR REPLACE FUNCTION {name}() RETURNS STRING RETURN 'x'")
    owner.spark.sql(f"CREATE OR REPLACE FUNCTION {name}() RETURNS STRING RETURN (SELECT max(s) FROM {world}.t)")
    assert author.spark.sql(f"SELECT {name}()").collect()[0][0]
    for views, used in (([f"{name}()"], f"{world}.other"), ([f"{name}()", f"{world}.v"], f"{world}.t")):
        with refused("does not use"):
            author.w.api_client.do("POST", f"{API}/view-reads", body={"views": views, "name": used})
    forged = f"SELECT * FROM `\x01{name}()\x01main`.{world.split('.')[1]}.t"
    with pytest.raises(Exception, match="INVALID_IDENTIFIER"):
        author.spark.sql(forged).collect()


def test_functions_that_a_reader_registers_are_not_seen_by_views_and_permanent_functions(
    owner: Person, people: Callable[..., Person], world: str
) -> None:
    reader, last = people(), fresh(world)
    short = last.rpartition(".")[2]
    for sql in (
        f"CREATE FUNCTION {last}(s STRING) RETURNS STRING RETURN 'hidden'",
        f"CREATE FUNCTION {last}_end(s STRING) RETURNS STRING RETURN right(s, 1)",
        f"USE {world}",
        f"CREATE VIEW {last}_view AS SELECT {short}('secret') AS s",
        "USE main.default",
        f"GRANT USE CATALOG ON CATALOG main TO `{reader.name}`",
        f"GRANT USE SCHEMA, EXECUTE, SELECT ON SCHEMA {world} TO `{reader.name}`",
    ):
        owner.spark.sql(sql)
    for name in (short, "right"):
        reader.spark.udf.register(name, lambda *given: f"seen: {given[0]}")
    assert reader.spark.table(f"{last}_view").collect()[0].s == "hidden"
    assert reader.spark.sql("SELECT right('own', 1) AS s").collect()[0].s == "seen: own"
    with pytest.raises(PySparkException, match=r"calls right\(\), of which this session has registered another"):
        reader.spark.sql(f"SELECT {last}_end('secret')").collect()
