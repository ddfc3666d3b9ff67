"""Files by their paths, as Databricks has them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.conformance.model import Fails, Group

FILES = "https://docs.databricks.com/aws/en/files/"
CLASSES = "https://docs.databricks.com/aws/en/error-messages/error-classes"
paths = Group("paths", FILES)
run = paths.run
says = paths.says


@run
def a_file_is_a_directory_of_parts(spark, at):
    spark.range(3).coalesce(1).write.parquet(f"{at.path}/p")
    return spark.read.parquet(f"{at.path}/p").count(), spark.read.parquet(f"{at.path}/p/*.parquet").count()


@run
def several_paths(spark, at):
    spark.range(1).write.json(f"{at.path}/a")
    spark.range(2).write.json(f"{at.path}/b")
    return spark.read.json([f"{at.path}/a", f"{at.path}/b"]).count()


@run
def a_pattern(spark, at):
    for name in ("day=1", "day=2"):
        spark.range(2).write.parquet(f"{at.path}/{name}")
    return spark.read.parquet(f"{at.path}/day=*").count(), spark.read.parquet(f"{at.path}/day={{1,2}}").count()


@run
def partitions_found_in_the_path(spark, at):
    for day in (1, 2):
        spark.range(2).write.parquet(f"{at.path}/day={day}")
    return spark.read.parquet(at.path).orderBy("day", "id")


@run
def a_base_path(spark, at):
    spark.range(2).write.parquet(f"{at.path}/day=1")
    return spark.read.option("basePath", at.path).parquet(f"{at.path}/day=1").orderBy("id")


@run
def a_path_that_there_is_not(spark, at):
    return spark.read.parquet(f"{at.path}/nothing").collect()


@run
def an_empty_pattern(spark, at):
    return spark.read.csv(f"{at.path}/*.csv").collect()


@run
def a_path_that_is_there_already(spark, at):
    spark.range(1).write.parquet(f"{at.path}/p")
    spark.range(1).write.parquet(f"{at.path}/p")


@run
def ignored_and_overwritten(spark, at):
    spark.range(1).write.parquet(f"{at.path}/p")
    spark.range(5).write.mode("ignore").parquet(f"{at.path}/p")
    first = spark.read.parquet(f"{at.path}/p").count()
    spark.range(5).write.mode("overwrite").parquet(f"{at.path}/p")
    return first, spark.read.parquet(f"{at.path}/p").count()


@run
def appended(spark, at):
    spark.range(1).write.csv(f"{at.path}/p")
    spark.range(2).write.mode("append").csv(f"{at.path}/p")
    return spark.read.csv(f"{at.path}/p").count()


@run
def a_table_by_its_path_in_SQL(spark, at):
    spark.range(3).write.parquet(f"{at.path}/p")
    return spark.sql(f"SELECT sum(id) FROM parquet.`{at.path}/p`")


@run
def no_table_at_the_path(spark, at):
    spark.range(1).write.parquet(f"{at.path}/p")
    return spark.read.format("delta").load(f"{at.path}/p").collect()


@run
def an_external_table(spark, at):
    spark.range(3).write.format("delta").save(f"{at.path}/d")
    spark.sql(f"CREATE TABLE e USING DELTA LOCATION '{at.path}/d'")
    spark.sql("INSERT INTO e VALUES (7)")
    spark.sql("DROP TABLE e")
    return spark.read.format("delta").load(f"{at.path}/d").count()


@run
def whole_texts(spark, at):
    spark.createDataFrame([("a",), ("b",)], "s STRING").coalesce(1).write.text(f"{at.path}/t")
    return spark.read.text(f"{at.path}/t", wholetext=True).collect()


@run
def the_local_disk(spark, at):
    with tempfile.TemporaryDirectory() as directory:
        spark.range(4).write.parquet(f"file:{directory}/p")
        parts = [part.name for part in Path(directory, "p").glob("*.parquet")]
        return spark.read.parquet(f"file:{directory}/p").count(), len(parts) > 0


@says((3, 3, 3))
def a_volume(spark, at):
    spark.sql("CREATE VOLUME v")
    path = f"/Volumes/{at.schema.replace('.', '/')}/v"
    spark.range(3).write.parquet(f"{path}/p")
    read = spark.read
    return (
        read.parquet(f"{path}/p").count(),
        read.load(f"dbfs:{path}/p", format="parquet").count(),
        spark.sql(f"SELECT * FROM parquet.`{path}/p`").count(),
    )


@says((2, 2))
def dbfs_with_and_without_its_scheme(spark, at):
    spark.range(2).write.mode("overwrite").parquet("dbfs:/conformance/both")
    return spark.read.parquet("/conformance/both").count(), spark.read.parquet("dbfs:/conformance/both").count()


@says(Fails("PATH_NOT_FOUND"), CLASSES)
def nothing_leads_out_of_the_workspace(spark, at):
    return spark.read.text("dbfs:/../../../../../../etc/passwd").collect()


@says(Fails("UC_VOLUME_NOT_FOUND"), CLASSES)
def a_volume_that_there_is_not(spark, at):
    return spark.read.parquet("/Volumes/main/default/no_such_volume/p").collect()
