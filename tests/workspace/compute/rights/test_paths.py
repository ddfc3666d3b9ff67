"""The files of tables and volumes are no way round the privileges, by whichever path and program."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.catalog import TableOperation

from tests.workspace.compute.compute_support import Lab
from tests.workspace.compute.rights.rights import Person, refused


@dataclass(frozen=True)
class Shelf:
    """Tables whose files are of each kind: managed, in an external location, in a mount and in DBFS."""

    schema: str
    data: Path
    location: Path
    mounted: Path

    def place(self, owner: Person, table: str) -> str:
        return str(owner.w.tables.get(f"{self.schema}.{table}").storage_location)


@pytest.fixture(scope="module")
def shelf(lab: Lab, owner: Person, world: str, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    root = tmp_path_factory.mktemp("shelf")
    location, mounted = root / "location", root / "mounted"
    location.mkdir()
    mounted.mkdir()
    owner.w.storage_credentials.create("shelf")
    owner.w.external_locations.create("shelf", f"file:{location}", "shelf")
    lab.workspace.files.mounting.mount("/mnt/shelf", f"file:{mounted}", owner.name)
    places = {"el": f"file:{location}/el", "em": "dbfs:/mnt/shelf/em", "ed": "dbfs:/lake/ed"}
    for name, place in places.items():
        owner.spark.sql(f"CREATE TABLE {world}.{name} LOCATION '{place}' AS SELECT 'secret' AS x")
    return Shelf(world, lab.workspace.data, location, mounted)


Read = Callable[[Any, Shelf], str]
#: Paths that have rows of tables in them, and how they are read.
PATHS: dict[str, Read] = {
    "glob of files": lambda table, s: f"{table('t')}/*.parquet",
    "glob of the log": lambda table, s: f"{table('t')}/_delta_log/*.json",
    "..": lambda table, s: f"file:{s.data}/dbfs/../tables/{s.schema.replace('.', '/')}/t",
    "glob above": lambda table, s: f"file:{s.data.parent}/d?t[a]/tables/{s.schema.replace('.', '/')}/t",
    "braces": lambda table, s: f"file:{s.data}/{{tables,x}}/{s.schema.replace('.', '/')}/t",
    "data of all": lambda table, s: f"file:{s.data}",
    "above the data": lambda table, s: f"file:{s.data.parent.parent}",
    "in a location": lambda table, s: table("el"),
    "glob in a location": lambda table, s: f"file:{s.location}/*/*.parquet",
    "around in a location": lambda table, s: f"file:{s.location}",
    "in a mount": lambda table, s: "dbfs:/mnt/shelf/em",
    "glob in a mount": lambda table, s: "/mnt/shelf/*/*.parquet",
    "around in a mount": lambda table, s: "dbfs:/mnt/shelf",
    "mounted directory": lambda table, s: f"file:{s.mounted}/em",
    "in DBFS": lambda table, s: "dbfs:/lake/ed",
    "glob in DBFS": lambda table, s: "dbfs:/la*/ed/*.parquet",
    "the workspace's database": lambda table, s: f"file:{s.data.parent}/workspace.db",
    "a glob of it": lambda table, s: f"file:{s.data.parent}/*.db",
}


def test_files_of_tables_are_read_by_no_path(owner: Person, reader: Person, shelf: Shelf) -> None:
    for grant in ("READ FILES", "WRITE FILES"):
        owner.spark.sql(f"GRANT {grant} ON EXTERNAL LOCATION shelf TO `{reader.name}`")
    (shelf.location / "free").mkdir()
    for path in PATHS.values():
        place = path(lambda name: shelf.place(owner, name), shelf)
        deep = reader.spark.read.option("recursiveFileLookup", True).option("pathGlobFilter", "*.parquet")
        with refused():
            deep.format("binaryFile").load(place).collect()
    reader.spark.range(1).write.parquet(f"file:{shelf.location}/free/mine")
    assert reader.spark.read.parquet(f"file:{shelf.location}/free/*").count() == 1
    owner.spark.sql(f"GRANT SELECT ON TABLE {shelf.schema}.el TO `{reader.name}`")
    assert reader.spark.read.format("delta").load(f"file:{shelf.location}/el").count() == 1


def test_files_of_tables_are_written_by_no_path(owner: Person, reader: Person, shelf: Shelf) -> None:
    owner.spark.sql(f"GRANT READ FILES, WRITE FILES ON EXTERNAL LOCATION shelf TO `{reader.name}`")
    rows = reader.spark.range(1)
    for place in (shelf.place(owner, "t"), f"file:{shelf.location}", "dbfs:/mnt/shelf", "dbfs:/lake"):
        with refused():
            rows.write.mode("overwrite").parquet(place)
    for table in ("t", "el", "em", "ed"):
        where = f"delta.`{shelf.place(owner, table)}`"
        for sql in ("DELETE FROM {}", "INSERT INTO {} VALUES ('a')", "VACUUM {}", "RESTORE {} TO VERSION AS OF 0"):
            with refused():
                reader.spark.sql(sql.format(where))
        assert owner.spark.table(f"{shelf.schema}.{table}").count() >= 1


def test_tables_are_made_over_no_other_table(owner: Person, reader: Person, shelf: Shelf) -> None:
    owner.spark.sql(f"GRANT CREATE TABLE ON SCHEMA {shelf.schema} TO `{reader.name}`")
    place = shelf.place(owner, "t")
    source = f"{shelf.schema}.t"
    for sql in (
        f"CREATE TABLE {shelf.schema}.mine USING delta LOCATION '{place}'",
        f"CREATE TABLE hive_metastore.default.mine USING delta LOCATION '{place}'",
        f"CREATE TABLE {shelf.schema}.mine DEEP CLONE {source}",
        f"CREATE TABLE {shelf.schema}.mine SHALLOW CLONE delta.`{place}`",
        f"CREATE TABLE {shelf.schema}.mine LIKE {source}",
        f"CREATE TABLE hive_metastore.default.mine AS SELECT * FROM {source}",
        f"CREATE TEMP VIEW mine AS SELECT * FROM {source}",
        f"CREATE VIEW {shelf.schema}.mine AS SELECT * FROM {source}",
        f"CREATE TEMPORARY FUNCTION mine() RETURNS STRING RETURN (SELECT max(s) FROM {source})",
        f"EXECUTE IMMEDIATE 'SELECT * FROM {source}'",
        f"SELECT * FROM IDENTIFIER('{source.upper()}')",
        f"FROM {source} |> SELECT s",
        f"WITH RECURSIVE r AS (SELECT s FROM {source} UNION ALL SELECT s FROM r WHERE s = '') SELECT * FROM r",
    ):
        with refused():
            reader.spark.sql(sql).collect()


def test_rest_gives_no_files_of_tables(owner: Person, reader: Person, shelf: Shelf) -> None:
    log = "_delta_log/00000000000000000000.json"
    for act in (
        lambda: list(reader.w.dbfs.list("/mnt/shelf/em")),
        lambda: reader.w.dbfs.read(f"/lake/ed/{log}"),
        lambda: reader.w.dbfs.get_status("dbfs:/lake/ed"),
        lambda: reader.w.dbfs.put("/mnt/shelf/em/x", contents="YQ=="),
        lambda: reader.w.dbfs.delete("/lake", recursive=True),
        lambda: reader.w.dbfs.move("/lake/ed", "/mine"),
        lambda: reader.w.dbfs.mkdirs("/lake/ed/x"),
        lambda: reader.w.files.download(f"/dbfs/lake/ed/{log}"),
        lambda: list(reader.w.files.list_directory_contents("/dbfs/mnt/shelf/em")),
        lambda: reader.w.temporary_table_credentials.generate_temporary_table_credentials(
            operation=TableOperation.READ, table_id=owner.w.tables.get(f"{shelf.schema}.ed").table_id
        ),
    ):
        with refused():
            act()
    reader.w.dbfs.mkdirs("/beside")
    assert [one.path for one in reader.w.dbfs.list("/") if one.path == "/beside"]
    assert owner.spark.table(f"{shelf.schema}.ed").count() == 1


def test_dbutils_asks_for_the_privileges_of_volumes_and_tables(
    lab: Lab, owner: Person, reader: Person, shelf: Shelf
) -> None:
    volume = f"/Volumes/{shelf.schema.replace('.', '/')}/files"
    acts = {
        "ls": f"dbutils.fs.ls('{volume}')",
        "head": f"dbutils.fs.head('dbfs:{volume}/a.csv')",
        "put": f"dbutils.fs.put('{volume}/b.csv', 'x')",
        "cp": f"dbutils.fs.cp('{volume}', '/tmp/stolen', True)",
        "rm": "dbutils.fs.rm('/lake', True)",
        "mounted": "dbutils.fs.ls('/mnt/shelf/em')",
        "free": "dbutils.fs.put('/free', 'x', True)",
    }
    program = f"""
import json
def tried(act):
    try:
        eval(act)
        return "done"
    except PermissionError as error:
        return str(error)
dbutils.notebook.exit(json.dumps({{name: tried(act) for name, act in json.loads('''{json.dumps(acts)}''').items()}}))
"""
    said = json.loads(
        json.loads((_notebook(lab, program, str(reader.w.config.token)) / "result.json").read_text())["result"]
    )
    assert said.pop("free") == "done"
    assert [name for name, text in said.items() if "PERMISSION_DENIED" not in text] == []


def _notebook(lab: Lab, program: str, token: str) -> Path:
    lab.token, own = token, lab.token
    try:
        return lab.cells(program).ok().directory
    finally:
        lab.token = own
