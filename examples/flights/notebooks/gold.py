# Databricks notebook source
# MAGIC %md
# MAGIC # Gold: what a model is trained on, judged by, and asked about
# MAGIC
# MAGIC | table | months | |
# MAGIC |---|---|---|
# MAGIC | `training` | January to June | features and label |
# MAGIC | `evaluation` | July and August | features and label, never trained on |
# MAGIC | `upcoming` | September to December | features only |
# MAGIC | `outcomes` | September to December | what happened, for measuring quality later |

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "flights")
prefix = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}"

# COMMAND ----------

from flights import tables

features = tables.gold(spark.table(f"{prefix}.silver_flights"))
parts = {name: tables.part(features, name) for name in tables.MONTHS} | {"outcomes": tables.outcomes(features)}
for name, rows in parts.items():
    rows.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(f"{prefix}.{name}")

# COMMAND ----------

display(
    spark.sql(f"""
        SELECT 'training' AS part, count(*) AS flights, round(avg(late), 3) AS late FROM {prefix}.training
        UNION ALL SELECT 'evaluation', count(*), round(avg(late), 3) FROM {prefix}.evaluation
        UNION ALL SELECT 'outcomes', count(*), round(avg(late), 3) FROM {prefix}.outcomes
        ORDER BY part
    """)
)
