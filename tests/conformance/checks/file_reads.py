"""CSV and JSON files that are not as they should be, and how they are written."""

from __future__ import annotations

from pyspark.sql import functions

from tests.conformance.model import Group

files = Group("files read")
run = files.run


def written(spark, at, *lines):
    """A directory with one file of these lines."""
    spark.createDataFrame([(line,) for line in lines], "value STRING").coalesce(1).write.text(f"{at.path}/f")
    return f"{at.path}/f"


def csv(spark, at, *lines, schema=None, **options):
    reader = spark.read.options(**options)
    return (reader.schema(schema) if schema else reader).csv(written(spark, at, *lines)).collect()


def json(spark, at, *lines, schema=None, **options):
    reader = spark.read.options(**options)
    return (reader.schema(schema) if schema else reader).json(written(spark, at, *lines)).collect()


BAD = ("1,a,2024-01-01", "x,b,2024-01-02", "3,c", "4,d,2024-01-04,extra", "5,,2024-13-01")
COLUMNS = "id INT, name STRING, at DATE"


@run
def csv_records_that_do_not_fit_are_null(spark, at):
    return csv(spark, at, *BAD, schema=COLUMNS)


@run
def csv_records_that_do_not_fit_are_kept(spark, at):
    return csv(spark, at, *BAD, schema=f"{COLUMNS}, _corrupt_record STRING")


@run
def csv_records_that_do_not_fit_are_dropped(spark, at):
    return csv(spark, at, *BAD, schema=COLUMNS, mode="DROPMALFORMED")


@run
def csv_records_that_do_not_fit_are_errors(spark, at):
    return csv(spark, at, *BAD, schema=COLUMNS, mode="FAILFAST")


@run
def csv_quotes(spark, at):
    lines = ('"a""b",1', '"a\\"b",1', 'a"b,1', '"a"b,1', '"",1', '"a" ,1', '"open,1', '"x", "y"')
    return csv(spark, at, *lines, schema="a STRING, b STRING")


@run
def csv_line_breaks_in_quotes(spark, at):
    return csv(spark, at, '"a', 'b",1', "c,2", schema="a STRING, b STRING")


@run
def csv_line_breaks_in_quotes_of_several_lines(spark, at):
    return csv(spark, at, '"a', 'b",1', "c,2", schema="a STRING, b STRING", multiLine=True)


@run
def csv_types_that_are_inferred(spark, at):
    lines = (
        "i,e,n,d,t,b,m,w",
        "1,1e3,NaN,2024-01-02,2024-01-02 10:00:00,true,1,a",
        "2,2,1,2024-01-03,2024-01-02,FALSE,x,",
    )
    path = written(spark, at, *lines)
    frame = spark.read.csv(path, header=True, inferSchema=True)
    return frame.dtypes, [str(row) for row in frame.collect()]


@run
def csv_names_that_are_there_twice(spark, at):
    path = written(spark, at, "id,ID,,Name", "1,2,3,4")
    return spark.read.csv(path, header=True).columns


@run
def csv_with_null_values_and_white_space(spark, at):
    lines = ("NA; b ", " 1;NA")
    options = {"nullValue": "NA", "ignoreLeadingWhiteSpace": True, "sep": ";"}
    return csv(spark, at, *lines, schema="a INT, b STRING", **options)


@run
def csv_with_patterns_of_dates(spark, at):
    options = {"dateFormat": "dd/MM/yyyy", "timestampFormat": "dd/MM/yyyy HH:mm"}
    return csv(spark, at, "31/12/2024,31/12/2024 10:30", "2024-01-01,x", schema="d DATE, t TIMESTAMP", **options)


@run
def a_wrong_type_for_corrupt_records(spark, at):
    return csv(spark, at, *BAD, schema="id INT, _corrupt_record INT")


OBJECTS = (
    '{"a": 1, "b": "x", "c": {"y": [1, 2.5], "x": null}}',
    '{"a": 1.5, "b": 3}',
    "bad",
    '{\'a\': 2, "b": {"k":  1}}',
    '[{"a": 7}, {"a": 8}]',
    '{"a": 1',
    '{"b": 1.50}',
)


@run
def json_records_that_are_none(spark, at):
    return json(spark, at, *OBJECTS)


@run
def json_records_that_do_not_fit(spark, at):
    return json(spark, at, *OBJECTS, schema="a INT, b STRING, _corrupt_record STRING")


@run
def json_records_that_do_not_fit_are_dropped(spark, at):
    return json(spark, at, *OBJECTS, schema="a INT, b STRING", mode="DROPMALFORMED")


@run
def json_records_that_do_not_fit_are_errors(spark, at):
    return json(spark, at, *OBJECTS, schema="a INT", mode="FAILFAST")


@run
def json_of_several_lines(spark, at):
    return json(spark, at, "[", '{"a": 1,', '"b": "x"}, {"a": 2}', "]", multiLine=True)


@run
def json_of_nested_values_that_do_not_fit(spark, at):
    lines = (
        '{"a": [1, "x"], "s": {"p": 1, "q": "z"}, "m": {"k": 1}}',
        '{"s": {"p": "x", "q": "y"}, "m": {"k": "bad"}}',
    )
    return json(spark, at, *lines, schema="a ARRAY<INT>, s STRUCT<p: INT, q: STRING>, m MAP<STRING, INT>")


@run
def json_as_texts(spark, at):
    return json(spark, at, '{"a": 1.50, "b": [true, 2]}', primitivesAsString=True)


@run
def the_facts_of_files(spark, at):
    path = written(spark, at, "1,a")
    frame = spark.read.csv(path).select("*", "_metadata.file_block_start", "_metadata.file_size")
    return frame.columns, [tuple(row) for row in frame.collect()]


@run
def the_names_of_files(spark, at):
    frame = spark.read.csv(written(spark, at, "1,a")).select("_c0", functions.input_file_name())
    return frame.columns, [row[1].rpartition(".")[2] for row in frame.collect()]


@run
def files_with_certain_facts(spark, at):
    spark.range(3).coalesce(1).write.parquet(f"{at.path}/p")
    frame = spark.read.parquet(f"{at.path}/p")
    large = frame.where("_metadata.file_size > 100000000").count()
    return frame.where("_metadata.file_size > 0").count(), large, frame.columns


@run
def a_column_that_some_files_lack(spark, at):
    spark.sql("SELECT 1 AS a, 2 AS b, 'x' AS c, struct(3 AS d) AS s").write.parquet(f"{at.path}/p/k=1")
    spark.sql("SELECT 4 AS a").write.parquet(f"{at.path}/p/k=2")
    frame = spark.read.option("mergeSchema", "true").parquet(f"{at.path}/p")
    facts = frame.select("k", "b", "_metadata.file_name").schema.names
    return sorted(map(tuple, frame.collect())), frame.filter("b IS NULL").count(), facts, frame.schema["b"].nullable


@run
def csv_written(spark, at):
    spark.sql("SELECT TIMESTAMP'2024-01-02 03:04:05' AS t, 1e10D AS d, 1.5D AS e, '' AS s, 'a\"b' AS q").write.csv(
        f"{at.path}/w"
    )
    return [row.value for row in spark.read.text(f"{at.path}/w").collect()]


@run
def json_written(spark, at):
    spark.sql(
        "SELECT TIMESTAMP'2024-01-02 03:04:05' AS t, 1e10D AS d, 1.5D AS e, CAST(NULL AS INT) AS n, "
        "named_struct('x', 1e10D, 't', TIMESTAMP'2024-01-02 03:04:05.678') AS s, DATE'2024-01-02' AS day"
    ).write.json(f"{at.path}/w")
    return [row.value for row in spark.read.text(f"{at.path}/w").collect()]
