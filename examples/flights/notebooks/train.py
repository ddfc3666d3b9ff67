# Databricks notebook source
# MAGIC %md
# MAGIC # Train a model and register it as the challenger
# MAGIC
# MAGIC `kind` is `hour` (the baseline) or `trees`. `shuffle_labels` breaks the link between features and label: a
# MAGIC model that still does better than chance on held-out months has seen something that it should not.

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "flights")
dbutils.widgets.text("experiment", "/Shared/flights")
dbutils.widgets.dropdown("kind", "trees", ["hour", "trees"])
dbutils.widgets.dropdown("shuffle_labels", "false", ["false", "true"])

prefix = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}"
kind = dbutils.widgets.get("kind")
shuffle_labels = dbutils.widgets.get("shuffle_labels") == "true"

# COMMAND ----------

from flights.columns import FEATURES, LABEL
from flights.model import KINDS, SEED

# One version, which the run records: rows that the model was trained on are found by it when it scores.
table_version = spark.sql(f"DESCRIBE HISTORY {prefix}.training LIMIT 1").first()["version"]
rows = spark.read.option("versionAsOf", table_version).table(f"{prefix}.training")
training = rows.orderBy("flight_id").toPandas()
late = training[LABEL].sample(frac=1, random_state=SEED).reset_index(drop=True) if shuffle_labels else training[LABEL]
model = KINDS[kind]().fit(training[FEATURES], late)

# COMMAND ----------

from sklearn.metrics import average_precision_score, roc_auc_score

evaluation = spark.table(f"{prefix}.evaluation").toPandas()
probability = model.predict(None, evaluation[FEATURES])
metrics = {
    "roc_auc": roc_auc_score(evaluation[LABEL], probability),
    "pr_auc": average_precision_score(evaluation[LABEL], probability),
}
print(f"July and August: ROC AUC {metrics['roc_auc']:.3f}, PR AUC {metrics['pr_auc']:.3f}")

# COMMAND ----------

from importlib.metadata import version
from pathlib import Path

import flights
import mlflow
from mlflow.data.delta_dataset_source import DeltaDatasetSource
from mlflow.models import infer_signature

mlflow.set_experiment(dbutils.widgets.get("experiment"))
example = evaluation[list(model.columns)].head(3)
source = DeltaDatasetSource(delta_table_name=f"{prefix}.training", delta_table_version=table_version)
dataset = mlflow.data.from_pandas(training, source=source, targets=LABEL, name=f"{prefix}.training")

with mlflow.start_run(run_name=kind) as run:
    mlflow.log_params({"kind": kind, "shuffle_labels": shuffle_labels, "rows": len(training), "seed": SEED})
    mlflow.log_input(dataset, context="training")
    mlflow.log_metrics(metrics)
    if kind == "trees":
        mlflow.log_dict(model.importances(), "importances.json")
    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=model,
        signature=infer_signature(example, model.predict(None, example)),
        input_example=example,
        code_paths=[str(Path(flights.__file__).parent)],
        pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "lightgbm", "scikit-learn", "pandas")],
        registered_model_name=f"{prefix}.delay",
    )

# COMMAND ----------

registered = logged.registered_model_version
mlflow.MlflowClient().set_registered_model_alias(f"{prefix}.delay", "challenger", registered)
dbutils.jobs.taskValues.set("model_version", registered)
dbutils.notebook.exit(f"{prefix}.delay version {registered} ({kind}), ROC AUC {metrics['roc_auc']:.3f}")
