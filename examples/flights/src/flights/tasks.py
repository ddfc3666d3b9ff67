"""Entry points of the wheel, for tasks of a job."""

import argparse

from pyspark.sql import SparkSession

from flights import checks
from flights.columns import KEY, LABEL

CHECKS = {
    "training": [checks.unique(KEY), checks.not_null(LABEL), checks.between("departure_hour", 0, 23)],
    "evaluation": [checks.unique(KEY), checks.not_null(LABEL), checks.between("departure_hour", 0, 23)],
    "upcoming": [checks.unique(KEY), checks.not_null("carrier"), checks.between("departure_hour", 0, 23)],
}
AT_LEAST = {"training": 150_000, "evaluation": 50_000, "upcoming": 100_000}


def test_data() -> None:
    """Test the tables of a schema; a failed test fails the task."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--schema", required=True)
    options = parser.parse_args()
    spark = SparkSession.builder.getOrCreate()
    for name in CHECKS:
        table = spark.table(f"{options.catalog}.{options.schema}.{name}")
        found = checks.run(table, CHECKS[name], at_least=AT_LEAST[name])
        print(f"{name}: {found['rows']:,} rows, {len(CHECKS[name])} checks passed")
