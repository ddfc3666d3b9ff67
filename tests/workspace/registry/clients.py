"""Helpers around the unmodified MLflow client."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

from databricks.sdk.errors import DatabricksError

from tests.support import LocalWorkspace

SCHEMA = "main.registry_tests"


def ensure_schema(workspace: LocalWorkspace) -> None:
    """Make the schema that the tests register models in."""
    catalog, name = SCHEMA.split(".")
    client = workspace.client()
    try:
        client.schemas.get(SCHEMA)
    except DatabricksError:
        client.schemas.create(name=name, catalog_name=catalog)


def point_to(workspace: LocalWorkspace) -> None:
    """Make the MLflow client in this process talk to a workspace, by the environment alone."""
    for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "MLFLOW_"))]:
        del os.environ[name]
    wanted = workspace.environ
    os.environ.update({name: wanted[name] for name in wanted if name.startswith(("DATABRICKS_", "MLFLOW_"))})
    import mlflow

    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")


def experiment(mlflow: Any) -> str:
    """The id of an experiment of the test's own."""
    return str(mlflow.MlflowClient().create_experiment(f"/Shared/{uuid.uuid4().hex}"))


def model_name() -> str:
    """The name of a model of the test's own."""
    return f"{SCHEMA}.m{uuid.uuid4().hex[:12]}"


def frame() -> Any:
    """Four rows that a model can tell apart."""
    import pandas as pd

    return pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})


LABELS = [0, 0, 1, 1]


def log_sklearn(mlflow: Any, experiment_id: str, **options: Any) -> Any:
    """Fit and log a small model in a run of its own; the model's info."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(frame(), LABELS)
    signature = mlflow.models.infer_signature(frame(), model.predict(frame()))
    with mlflow.start_run(experiment_id=experiment_id):
        return mlflow.sklearn.log_model(
            model, name="model", signature=signature, pip_requirements=["scikit-learn"], **options
        )


def save_python_model(mlflow: Any, directory: Path) -> Path:
    """A model of plain Python on disk, which needs nothing to be fitted."""
    signature = mlflow.models.infer_signature(frame(), [0.0])
    mlflow.pyfunc.save_model(str(directory), python_model=_Sum(), signature=signature, pip_requirements=["numpy"])
    return directory


def _Sum() -> Any:
    from mlflow.pyfunc import PythonModel

    class Sum(PythonModel):
        def predict(self, context, model_input, params=None):
            return (model_input["a"] + model_input["b"]).to_numpy()

    return Sum()


def hashes(directory: Path) -> dict[str, str]:
    """The SHA-256 of every file below a directory, by its relative path."""
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
