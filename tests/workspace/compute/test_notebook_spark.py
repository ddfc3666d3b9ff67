"""Notebooks that use Spark: the session, SQL cells, tables that stay."""

from __future__ import annotations

from tests.workspace.compute.compute_support import Lab


def test_spark_session_starts_when_it_is_first_used(lab: Lab) -> None:
    done = lab.cells("print(repr(spark))", "print(spark.range(3).count())", "print(spark)").ok()
    assert "starts when it is first used" in done.output
    assert "\n3\n" in done.output


def test_every_way_to_get_a_session_gives_the_task_s_own(lab: Lab) -> None:
    source = """
from pyspark.sql import SparkSession
from databricks.connect import DatabricksSession
from databricks.sdk.runtime import spark
first = SparkSession.builder.appName("x").getOrCreate()
assert first.sql("select 1 as a").collect()[0].a == 1
assert DatabricksSession.builder.getOrCreate() is first
assert SparkSession.getActiveSession() is first
assert spark is first
print("one session")
"""
    done = lab.run("spark_python", lab.put("session.py", source)).ok()
    assert "one session" in done.output


def test_tables_outlive_the_task_that_wrote_them(lab: Lab) -> None:
    lab.cells(
        "%sql create schema if not exists main.notebooks",
        "spark.range(5).write.mode('overwrite').saveAsTable('main.notebooks.numbers')",
    ).ok()
    read = lab.cells(
        "%sql select count(*) as n from main.notebooks.numbers", "print('n =', _sqldf.collect()[0].n)"
    ).ok()
    assert "n = 5" in read.output
    (shown,) = read.cells[0]["outputs"]
    assert "<table" in shown["data"]["text/html"] and "5" in shown["data"]["text/plain"]


def test_notebook_in_sql_with_cells_of_other_languages(lab: Lab) -> None:
    lab.notebook("included", "print('included with', dbutils.widgets.get('p'))")
    cells = [
        "-- MAGIC %md # A title",
        "-- DBTITLE 1,First\nselect 1 as a, 'x;y' as b",
        "-- MAGIC %python\n-- MAGIC x = _sqldf.collect()\n-- MAGIC print(x)",
        "create or replace temp view v as select 2 as q;\n"
        "select map('k', q) as m, parse_json('[1]') as j from v where q > :low",
        "select '${low}' as l, getArgument('low') as g, {{low}} as t",
        '-- MAGIC %run ./included $p="sql"',
        "-- only a comment",
    ]
    text = "-- Databricks notebook source\n" + "\n\n-- COMMAND ----------\n\n".join(cells)
    done = lab.run("notebook", lab.put("in_sql", text), {"low": "1"}).ok()
    assert [cell["language"] for cell in done.cells] == ["md", "sql", "python", "sql", "sql", "run", "sql"]
    assert done.cells[1]["title"] == "First" and "[Row(a=1, b='x;y')]" in done.output
    shown = [cell["outputs"][0]["metadata"]["application/vnd.databricks.v1+output"] for cell in done.cells[3:5]]
    assert [one["data"] for one in shown] == [[[{"k": 2}, "[1]"]], [["1", "1", 1]]]
    assert "included with sql" in done.output


def test_sql_cells_take_widgets_as_parameters(lab: Lab) -> None:
    done = lab.cells(
        "dbutils.widgets.text('low', '1')",
        "%sql\n-- two; statements\nselect ';' as a;\nselect id from range(5) where id > :low and id < ${high}",
        "print([row.id for row in _sqldf.collect()])",
        "%sql CREATE WIDGET DROPDOWN high DEFAULT '9' CHOICES select id from range(3, 10);\n"
        "CREATE WIDGET TEXT word DEFAULT \"it's\";\nselect :word as word, '${high}' as high",
        "print(_sqldf.collect()[0], dbutils.widgets.getAll())",
        "spark.range(3).createOrReplaceTempView('numbers_4')",
        "%sql select max(id) as m, getArgument('word') as word from IDENTIFIER('numbers_' || :high) where id < :high",
        "print(_sqldf.collect())",
        "%sql REMOVE WIDGET word",
        "dbutils.widgets.get('word')",
        parameters={"low": "2", "high": "4"},
    )
    assert "[3]" in done.output
    assert "Row(word=\"it's\", high='4')" in done.output and "'word': \"it's\"" in done.output
    assert '[Row(m=2, word="it\'s")]' in done.output
    assert (done.outcome.error or "").endswith(
        "dbutils_v1.InputWidgetNotDefined: No input widget named word is defined"
    )
    done = lab.cells("%sql select * from identifier(:t)", parameters={"t": "a; drop table b"})
    assert "is 'a; drop table b', which is not the name of an object" in (done.outcome.error or "")


def test_sql_error_fails_the_run_with_spark_s_words(lab: Lab) -> None:
    done = lab.cells("%sql select * from main.default.there_is_no_such_table", "print('not reached')")
    assert done.outcome.state == "FAILED"
    assert "TABLE_OR_VIEW_NOT_FOUND" in (done.outcome.error or "")
    assert [cell["state"] for cell in done.cells] == ["ERROR", "SKIPPED"]
    assert "not reached" not in done.output


def test_user_defined_functions_see_the_notebook_and_print_to_its_output(lab: Lab) -> None:
    done = lab.cells(
        "factor = 3\ndef triple(x: int) -> int:\n    print('inside', flush=True)\n    return x * factor",
        "from pyspark.sql.functions import udf\nf = udf(triple, 'long')",
        "print([r[0] for r in spark.range(3).select(f('id')).collect()])",
    ).ok()
    assert "[0, 3, 6]" in done.output
    assert "inside" in done.output


def test_killed_engine_ends_the_task_with_a_message(lab: Lab) -> None:
    done = lab.cells(
        "spark.range(1).count()",
        "import contextlib, os, psutil\n"
        "for child in psutil.Process(os.getppid()).children():\n"
        "    with contextlib.suppress(psutil.NoSuchProcess):  # another test's, which has ended\n"
        "        if child.pid != os.getpid() and child.cmdline() == psutil.Process().cmdline():\n"
        "            if any(c.status == 'LISTEN' for c in child.net_connections()):\n"
        "                child.kill()",
        "spark.range(2).count()",
    )
    assert done.outcome.state == "FAILED"
    assert done.outcome.message.startswith("The spark driver has stopped unexpectedly: it was ended by SIGKILL")
    assert done.outcome.code == "DRIVER_ERROR"


def test_notebook_in_sql(lab: Lab) -> None:
    source = """-- Databricks notebook source
select 41 + 1 as answer

-- COMMAND ----------

-- MAGIC %python
-- MAGIC print('python', _sqldf.collect())
"""
    done = lab.run("notebook", lab.put("report", source)).ok()
    assert "python [Row(answer=42)]" in done.output


def test_delta_tables_are_changed_by_their_own_api(lab: Lab) -> None:
    done = lab.cells(
        "from delta.tables import DeltaTable\nimport delta\nfrom pyspark.sql import functions as F",
        "spark.sql('create schema if not exists main.deltas')\n"
        "table = DeltaTable.createOrReplace(spark).tableName('main.deltas.t').addColumn('id', 'BIGINT')"
        ".addColumn('s', 'STRING').execute()",
        "spark.range(3).selectExpr('id', '\"a\" AS s').write.mode('append').saveAsTable('main.deltas.t')\n"
        "news = spark.range(2, 4).selectExpr('id', '\"b\" AS s')\n"
        "(table.alias('t').merge(news.alias('n'), 't.id = n.id').whenMatchedUpdate(set={'s': F.col('n.s')})\n"
        "    .whenNotMatchedInsertAll().whenNotMatchedBySourceDelete('t.id = 0').execute().show())",
        "print(sorted(map(tuple, table.toDF().collect())), delta.DeltaTable is DeltaTable)",
    ).ok()
    assert "[(1, 'a'), (2, 'b'), (3, 'b')] True" in done.output
