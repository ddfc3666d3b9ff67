"""A principal without a privilege is refused in Spark, SQL and REST alike; with it, the same calls work."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk.errors import OperationFailed
from databricks.sdk.service.catalog import PermissionsChange, Privilege, TableOperation

from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.rights.rights import Person, csv_file, fresh, numbers, refused, statement

Act = Callable[[Person, str, str], Any]
#: What somebody does, the privilege that it needs, and on what.
ACTS: dict[str, tuple[str, str, Act]] = {
    "Spark reads a table": ("SELECT", "TABLE {s}.t", lambda p, s, w: p.spark.table(f"{s}.t").collect()),
    "SQL in Spark": ("SELECT", "TABLE {s}.t", lambda p, s, w: p.spark.sql(f"SELECT * FROM {s}.t").collect()),
    "a statement": ("SELECT", "TABLE {s}.t", lambda p, s, w: statement(p, w, f"SELECT * FROM {s}.t")),
    "time travel": ("SELECT", "TABLE {s}.t", lambda p, s, w: p.spark.sql(f"SELECT * FROM {s}.t@v0").collect()),
    "an older version": (
        "SELECT",
        "TABLE {s}.t",
        lambda p, s, w: p.spark.read.option("versionAsOf", 0).table(f"{s}.t").collect(),
    ),
    "a table of files": ("SELECT", "TABLE {s}.c", lambda p, s, w: p.spark.table(f"{s}.c").collect()),
    "a subquery": (
        "SELECT",
        "TABLE {s}.t",
        lambda p, s, w: p.spark.sql(f"SELECT 1 WHERE EXISTS (SELECT 1 FROM {s}.t)").collect(),
    ),
    "a table described": ("SELECT", "TABLE {s}.t", lambda p, s, w: p.spark.sql(f"DESCRIBE TABLE {s}.t").collect()),
    "its history": ("SELECT", "TABLE {s}.t", lambda p, s, w: p.spark.sql(f"DESCRIBE HISTORY {s}.t").collect()),
    "REST": ("SELECT", "TABLE {s}.t", lambda p, s, w: p.w.tables.get(f"{s}.t")),
    "a view": ("SELECT", "TABLE {s}.v", lambda p, s, w: p.spark.table(f"{s}.v").collect()),
    "a view of a view": ("SELECT", "TABLE {s}.w", lambda p, s, w: statement(p, w, f"SELECT * FROM {s}.w")),
    "a function": ("EXECUTE", "FUNCTION {s}.f", lambda p, s, w: p.spark.sql(f"SELECT {s}.f(1)").collect()),
    "a function in a statement": ("EXECUTE", "FUNCTION {s}.f", lambda p, s, w: statement(p, w, f"SELECT {s}.f(1)")),
    "a function in REST": ("EXECUTE", "FUNCTION {s}.f", lambda p, s, w: p.w.functions.get(f"{s}.f")),
    "a file in Spark": ("READ VOLUME", "VOLUME {s}.files", lambda p, s, w: p.spark.read.csv(csv_file(s)).collect()),
    "a file in SQL": (
        "READ VOLUME",
        "VOLUME {s}.files",
        lambda p, s, w: p.spark.sql(f"SELECT * FROM csv.`{csv_file(s)}`").collect(),
    ),
    "a file": ("READ VOLUME", "VOLUME {s}.files", lambda p, s, w: p.w.files.download(csv_file(s))),
    "a table made": ("CREATE TABLE", "SCHEMA {s}", lambda p, s, w: p.spark.range(1).write.saveAsTable(fresh(s))),
    "a view made": (
        "CREATE TABLE",
        "SCHEMA {s}",
        lambda p, s, w: p.spark.sql(f"CREATE VIEW {fresh(s)} AS SELECT 1 a"),
    ),
    "a function made": (
        "CREATE FUNCTION",
        "SCHEMA {s}",
        lambda p, s, w: p.spark.sql(f"CREATE FUNCTION {fresh(s)}() RETURNS INT RETURN 1"),
    ),
    "a volume made": ("CREATE VOLUME", "SCHEMA {s}", lambda p, s, w: p.spark.sql(f"CREATE VOLUME {fresh(s)}")),
}
#: What also needs SELECT on the table.
CHANGES = ("INSERT INTO {s}.t VALUES (5, 'x')", "UPDATE {s}.t SET s = 'u'", "DELETE FROM {s}.t WHERE id = 99")
CHANGES += ("MERGE INTO {s}.t USING (SELECT 77 AS k) u ON id = k WHEN MATCHED THEN DELETE", "OPTIMIZE {s}.t")


@pytest.mark.parametrize("act", ACTS)
def test_what_a_privilege_allows(owner: Person, reader: Person, world: str, warehouse: str, act: str) -> None:
    privilege, target, do = ACTS[act]
    with refused():
        do(reader, world, warehouse)
    owner.spark.sql(f"GRANT {privilege} ON {target.format(s=world)} TO `{reader.name}`")
    do(reader, world, warehouse)


def test_rows_are_changed_with_modify(owner: Person, reader: Person, world: str, warehouse: str) -> None:
    owner.spark.sql(f"GRANT SELECT ON TABLE {world}.t TO `{reader.name}`")
    for sql in CHANGES:
        with refused():
            reader.spark.sql(sql.format(s=world))
    with refused():
        statement(reader, warehouse, CHANGES[0].format(s=world))
    with refused():
        reader.spark.range(1).selectExpr("CAST(id AS INT) AS id").write.mode("append").saveAsTable(f"{world}.t")
    owner.spark.sql(f"GRANT MODIFY ON TABLE {world}.t TO `{reader.name}`")
    for sql in CHANGES:
        reader.spark.sql(sql.format(s=world))


def test_the_files_of_a_table_are_no_way_round(owner: Person, reader: Person, world: str) -> None:
    place = owner.w.tables.get(f"{world}.t").storage_location or ""
    for way in (
        lambda: reader.spark.read.format("delta").load(place).collect(),
        lambda: reader.spark.sql(f"SELECT * FROM delta.`{place}`").collect(),
        lambda: reader.spark.read.parquet(place).collect(),
        lambda: reader.spark.range(1).write.format("delta").mode("overwrite").save(place),
        lambda: reader.w.temporary_table_credentials.generate_temporary_table_credentials(
            operation=TableOperation.READ, table_id=owner.w.tables.get(f"{world}.t").table_id
        ),
    ):
        with refused():
            way()


def test_information_schema_shows_what_one_may_see(owner: Person, reader: Person, world: str) -> None:
    sql = f"SELECT table_name FROM main.information_schema.tables WHERE table_schema = '{world.split('.')[1]}'"
    assert reader.spark.sql(sql).collect() == []
    owner.spark.sql(f"GRANT SELECT ON TABLE {world}.other TO `{reader.name}`")
    assert [row.table_name for row in reader.spark.sql(sql).collect()] == ["other"]
    assert [one.name for one in reader.w.tables.list(*world.split("."))] == ["other"]


def test_a_job_s_notebook_has_the_rights_of_who_it_runs_as(lab: Lab, owner: Person, reader: Person, world: str) -> None:
    from databricks.sdk.service.jobs import JobRunAs, NotebookTask, Task
    from databricks.sdk.service.workspace import ImportFormat, Language

    source = f"# Databricks notebook source\nspark.table('{world}.t').collect()\n"
    path = f"/Shared/rights_{next(numbers)}"
    owner.w.workspace.import_(
        path, content=base64.b64encode(source.encode()).decode(), format=ImportFormat.SOURCE, language=Language.PYTHON
    )
    task = Task(task_key="read", notebook_task=NotebookTask(notebook_path=path))
    job = owner.w.jobs.create(name=path, tasks=[task], run_as=JobRunAs(service_principal_name=reader.name))
    run = owner.w.jobs.run_now(job.job_id or 0)
    with pytest.raises(OperationFailed):
        run.result()
    tasks = owner.w.jobs.get_run(run.run_id).tasks or []
    assert "SELECT" in (owner.w.jobs.get_run_output(tasks[0].run_id or 0).error or "")


def test_privileges_come_with_groups_and_from_above(owner: Person, reader: Person, world: str) -> None:
    from databricks.sdk.service.iam import ComplexValue

    found = next(iter(owner.w.service_principals.list(filter=f"applicationId eq {reader.name}")))
    group = owner.w.groups.create(display_name=f"readers {next(numbers)}", members=[ComplexValue(value=found.id)])
    assert group.display_name
    change = PermissionsChange(principal=group.display_name, add=[Privilege.SELECT])
    owner.w.grants.update("schema", world, changes=[change])
    assert reader.spark.table(f"{world}.other").count() == 1
    owner.w.grants.update(
        "schema", world, changes=[PermissionsChange(principal=group.display_name, remove=[Privilege.SELECT])]
    )
    with refused():
        reader.spark.table(f"{world}.other").collect()
