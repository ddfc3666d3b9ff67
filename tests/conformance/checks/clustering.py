"""Tables that are clustered."""

from __future__ import annotations

from tests.conformance.model import Group

clustering = Group("clustered tables")
q = clustering.sql
K = "CREATE TABLE k (a INT, b STRING, s STRUCT<x: INT>) CLUSTER BY (a, s.x)"


@clustering.run
def columns_of_a_clustered_table(spark, at):
    def now():
        return list(spark.sql("DESCRIBE DETAIL k").first().clusteringColumns)

    spark.sql(K)
    found = [now()]
    spark.sql("INSERT INTO k VALUES (1, 'x', named_struct('x', 2))")
    for change in ("CLUSTER BY (b)", "CLUSTER BY NONE", "CLUSTER BY (a)"):
        spark.sql(f"ALTER TABLE k {change}")
        found.append(now())
    spark.sql("CREATE OR REPLACE TABLE k AS SELECT 1 AS a")
    return [*found, now()]


@clustering.run
def the_property_of_a_clustered_table(spark, at):
    spark.sql(K)
    return [row.value for row in spark.sql("SHOW TBLPROPERTIES k").collect() if row.key == "clusteringColumns"]


q("clustered as", "CREATE TABLE k CLUSTER BY (a) AS SELECT 1 AS a, 2 AS b", "SELECT * FROM k")
q("clustered by a column that there is not", K, "ALTER TABLE k CLUSTER BY (nope)")


@clustering.run
def a_clustering_column_that_is_renamed(spark, at):
    spark.sql(K + " TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    spark.sql("ALTER TABLE k RENAME COLUMN a TO z")
    return list(spark.sql("DESCRIBE DETAIL k").first().clusteringColumns)


q(
    "a clustering column that is dropped",
    K + " TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
    "ALTER TABLE k DROP COLUMN a",
)
