"""UPDATE, DELETE and MERGE of tables with a row filter or masks: who changes what, and by which values."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.errors import PySparkException

from tests.workspace.compute.rights.rights import Person, fresh, refused, statement

ROWS = "(1, 'Ada', 'EU', 10), (2, 'Bob', 'US', 20), (3, 'Cyd', 'US', 30)"


@pytest.fixture(scope="module", params=["expression", "mapping"])
def policies(request: pytest.FixtureRequest, owner: Person, world: str) -> tuple[str, str]:
    """A row filter and a mask: of the row alone, or by way of a table that only their owner can read."""
    last = fresh(world)
    owner.spark.sql(f"CREATE TABLE {last}_map AS SELECT 'US' AS region, '***' AS shown")
    mapped = request.param == "mapping"
    rows = f"r IN (SELECT region FROM {last}_map)" if mapped else "r = 'US'"
    text = f"(SELECT max(shown) FROM {last}_map)" if mapped else "'***'"
    admin = "is_account_group_member('admins')"
    owner.spark.sql(f"CREATE FUNCTION {last}_rows(r STRING) RETURNS BOOLEAN RETURN {admin} OR {rows}")
    owner.spark.sql(
        f"CREATE FUNCTION {last}_mask(v STRING) RETURNS STRING RETURN CASE WHEN {admin} THEN v ELSE {text} END"
    )
    return f"{last}_rows", f"{last}_mask"


@pytest.fixture
def table(owner: Person, reader: Person, world: str, policies: tuple[str, str]) -> Iterator[str]:
    name, (rows, mask) = fresh(world), policies
    for sql in (
        f"CREATE TABLE {name} (id INT, name STRING MASK {mask}, region STRING, n INT NOT NULL, d INT GENERATED ALWAYS "
        f"AS (n * 2)) WITH ROW FILTER {rows} ON (region)",
        f"INSERT INTO {name} (id, name, region, n) VALUES {ROWS}",
        f"GRANT SELECT, MODIFY ON TABLE {name} TO `{reader.name}`",
    ):
        owner.spark.sql(sql)
    yield name


def kept(owner: Person, table: str) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in owner.spark.sql(f"SELECT id, name, region, n, d FROM {table}").collect())


ADA, BOB, CYD = (1, "Ada", "EU", 10, 20), (2, "Bob", "US", 20, 40), (3, "Cyd", "US", 30, 60)


def test_only_what_is_seen_is_changed(owner: Person, reader: Person, table: str, warehouse: str) -> None:
    run = reader.spark.sql
    assert run(f"DELETE FROM {table} WHERE id = 1 OR name = 'Bob'").collect()[0].num_affected_rows == 0
    assert kept(owner, table) == [ADA, BOB, CYD]
    changed = run(f"UPDATE {table} t SET n = n + 60 / (id - 1), region = t.name WHERE name = '***' AND t.id < 3")
    assert changed.collect()[0].num_affected_rows == 1
    assert kept(owner, table) == [ADA, (2, "Bob", "***", 80, 160), CYD]
    statement(reader, warehouse, f"UPDATE {table} SET name = 'new', n = 31")
    assert kept(owner, table) == [ADA, (2, "Bob", "***", 80, 160), (3, "new", "US", 31, 62)]
    run(f"DELETE FROM {table}")
    assert kept(owner, table) == [ADA, (2, "Bob", "***", 80, 160)]
    owner.spark.sql(f"UPDATE {table} SET name = upper(name), region = 'US' WHERE name IN (SELECT 'Ada')")
    owner.spark.sql(f"DELETE FROM {table} WHERE name = 'Bob'")
    assert kept(owner, table) == [(1, "ADA", "US", 10, 20)]
    schema, _, short = table.rpartition(".")
    run(f"USE {schema}")
    run(f"UPDATE {short} SET region = {table}.name WHERE {schema.split('.')[1]}.{short}.name = '***'")
    assert kept(owner, table) == [(1, "ADA", "***", 10, 20)]
    for leak in ("to_json(struct(*))", f"to_json(struct({table}.*))", "(SELECT to_json(struct(t.*)))"):
        with pytest.raises(PySparkException, match="UNSUPPORTED_BY_ENGINE"):
            run(f"UPDATE {table} t SET region = {leak}")
    owner.spark.sql(f"REVOKE MODIFY ON TABLE {table} FROM `{reader.name}`")
    with refused("MODIFY"):
        run(f"DELETE FROM {table}")


def test_merge_matches_what_is_seen(owner: Person, reader: Person, table: str, policies: tuple[str, str]) -> None:
    sql = (
        f"MERGE INTO {table} USING (SELECT explode(array(1, 2)) AS id, 'x' AS new) s "
        f"ON {table.split('.')[2]}.id = s.id "
        "WHEN MATCHED AND name = '***' THEN UPDATE SET region = name || new "
        "WHEN NOT MATCHED THEN INSERT (id, name, region, n) VALUES (s.id, 'Eve', new, 5) "
        "WHEN NOT MATCHED BY SOURCE THEN DELETE"
    )
    function = owner.w.functions.get(policies[0]).routine_definition or ""
    if "SELECT" in function:
        with pytest.raises(PySparkException, match="ROW_LEVEL_SECURITY_MERGE_UNSUPPORTED_TARGET"):
            reader.spark.sql(sql)
        assert kept(owner, table) == [ADA, BOB, CYD]
        return
    for wrong, condition in (
        (f"MERGE INTO {table} t USING (SELECT 'Bob' AS name) s ON name = 'Bob' WHEN MATCHED THEN DELETE", "AMBIGUOUS"),
        (f"MERGE INTO {table} t USING (SELECT 2 AS k) s ON t.id = k WHEN MATCHED THEN UPDATE SET n = NULL", "NULL"),
    ):
        with pytest.raises(PySparkException, match=condition):
            reader.spark.sql(wrong)
    row = reader.spark.sql(sql).collect()[0]
    assert (row.num_updated_rows, row.num_deleted_rows, row.num_inserted_rows) == (1, 1, 1)
    assert kept(owner, table) == [ADA, (1, "Eve", "x", 5, 10), (2, "Bob", "***x", 20, 40)]
    owner.spark.sql(f"MERGE INTO {table} t USING (SELECT 'Bob' AS k) s ON t.name = k WHEN MATCHED THEN DELETE")
    assert kept(owner, table) == [ADA, (1, "Eve", "x", 5, 10)]
