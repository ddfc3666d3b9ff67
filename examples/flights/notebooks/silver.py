# Databricks notebook source
# MAGIC %md
# MAGIC # Silver: one row a flight
# MAGIC
# MAGIC Each flight with its key, its plane, and the weather at its airport an hour before scheduled departure.

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "flights")
prefix = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}"

# COMMAND ----------

from flights import checks, tables
from flights.columns import KEY

silver = tables.silver(
    spark.table(f"{prefix}.bronze_flights"),
    spark.table(f"{prefix}.bronze_weather"),
    spark.table(f"{prefix}.bronze_planes"),
)
silver.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(f"{prefix}.silver_flights")

# COMMAND ----------

# A join that multiplies rows would be found here, not in production.
saved = spark.table(f"{prefix}.silver_flights")
expected = spark.table(f"{prefix}.bronze_flights").count()
wanted = [checks.unique(KEY), checks.not_null(KEY), checks.not_null("departs_at")]
found = checks.run(saved, wanted, at_least=expected)
print(f"{prefix}.silver_flights: {found['rows']:,} rows; " + ", ".join(check.name for check in wanted))
