# Databricks notebook source
# MAGIC %md
# MAGIC # Quality: the stored predictions against what happened
# MAGIC
# MAGIC The months are months after the training data: how far the model has aged shows here.

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "flights")
catalog, schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")
prefix = f"{catalog}.{schema}"

# COMMAND ----------

from sklearn.metrics import roc_auc_score

scored = spark.table(f"{prefix}.predictions").join(spark.table(f"{prefix}.outcomes"), "flight_id").toPandas()
by_month = scored.groupby("month").apply(
    lambda rows: roc_auc_score(rows["late"], rows["prediction"]), include_groups=False
)
display(by_month.round(3).rename("roc_auc").reset_index())

# COMMAND ----------

import json
from pathlib import Path

overall = roc_auc_score(scored["late"], scored["prediction"])
versions = sorted(scored["model_version"].astype(str).unique())
report = {
    "flights": len(scored),
    "roc_auc": round(float(overall), 4),
    "roc_auc_by_month": {int(month): round(float(value), 4) for month, value in by_month.items()},
    "model_versions": versions,
}
Path(f"/Volumes/{catalog}/{schema}/reports/quality.json").write_text(json.dumps(report, indent=2))
dbutils.notebook.exit(f"ROC AUC {overall:.3f} on {len(scored):,} flights (model version {', '.join(versions)})")
