"""Two real workspaces, a project between them, and models that are good, bad or broken in known ways."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brickyard.models.opening import environment_named, open_site
from brickyard.models.site import Site
from brickyard.project import load_project
from tests.support import LocalWorkspace, WorkspaceHome

CATALOG, SCHEMA = "gates", "flights"

DATABRICKS_YML = """
bundle:
  name: gates
targets:
  dev: {default: true, workspace: {profile: m-dev}}
  prod: {workspace: {profile: m-prod}}
"""

BRICKYARD_YML = """
environments:
  dev: {{target: dev}}
  prod: {{target: prod, promote_from: dev, approvals: {approvals}}}
models:
  delay:
    name: {model}
    gate:
      data: {table}
      label: late
      task: classification
      keys: [flight_id]
      bars: {{roc_auc: {{min: {bar}}}}}
      champion: {{metric: roc_auc, tolerance: 0.0}}
"""


def rows(count: int = 400, seed: int = 7) -> pd.DataFrame:
    """Flights whose lateness depends on `hour` strongly and on `wind` weakly."""
    random = np.random.default_rng(seed)
    hour, wind = random.normal(size=count), random.normal(size=count)
    late = (2 * hour + wind + random.logistic(size=count) > 0).astype("int64")
    return pd.DataFrame({"flight_id": np.arange(count), "hour": hour, "wind": wind, "late": late})


@contextmanager
def exported(values: dict[str, str]) -> Iterator[None]:
    """The process's environment, for a while, as it is for somebody who works in one workspace."""
    saved = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


@dataclass
class Lab:
    """A model of its own in the two workspaces, and the project that promotes it."""

    home: WorkspaceHome
    dev: LocalWorkspace
    prod: LocalWorkspace
    root: Path
    name: str

    @property
    def model(self) -> str:
        return f"{CATALOG}.{SCHEMA}.{self.name}"

    @property
    def table(self) -> str:
        return f"{CATALOG}.{SCHEMA}.{self.name}_evaluation"

    def write_project(self, bar: float = 0.6, approvals: int = 0) -> None:
        (self.root / "databricks.yml").write_text(DATABRICKS_YML)
        text = BRICKYARD_YML.format(model=self.model, table=self.table, bar=bar, approvals=approvals)
        (self.root / "brickyard.yml").write_text(text)

    def site(self, environment: str) -> Site:
        project = load_project(self.root, environ=self.home.environ)
        return open_site(project, "delay", environment_named(project, environment))

    def write_table(self, frame: pd.DataFrame) -> None:
        """Make the evaluation table, or write its next version."""
        from databricks.sdk.errors import NotFound
        from databricks.sdk.service.catalog import ColumnInfo, ColumnTypeName, DataSourceFormat, TableType
        from deltalake import write_deltalake

        location = self.dev.root / "data" / "external" / self.table.replace(".", "/")
        write_deltalake(location, frame, mode="overwrite", schema_mode="overwrite")
        client = self.dev.client()
        try:
            client.tables.get(self.table)
        except NotFound:
            types = {"int64": ColumnTypeName.LONG, "float64": ColumnTypeName.DOUBLE}
            client.tables.create(
                name=self.table.split(".")[2],
                catalog_name=CATALOG,
                schema_name=SCHEMA,
                table_type=TableType.EXTERNAL,
                data_source_format=DataSourceFormat.DELTA,
                storage_location=location.as_uri(),
                columns=[
                    ColumnInfo(
                        name=str(name),
                        type_name=types[str(kind)],
                        type_text=types[str(kind)].value.lower(),
                        type_json="{}",
                        position=position,
                    )
                    for position, (name, kind) in enumerate(frame.dtypes.items())
                ],
            )

    def train(self, features: list[str], *, alias: str | None = "challenger", backwards: bool = False) -> str:
        """Register a logistic regression on some features, as training in dev does; returns the version."""
        from sklearn.linear_model import LogisticRegression

        frame = rows(seed=1)
        target = 1 - frame.late if backwards else frame.late
        return self.register(LogisticRegression().fit(frame[features], target), frame[features], alias=alias)

    def register(self, estimator: Any, inputs: pd.DataFrame, *, alias: str | None = "challenger") -> str:
        import mlflow
        import sklearn
        from mlflow.models import infer_signature

        answer = estimator.predict_proba(inputs) if hasattr(estimator, "predict_proba") else estimator.predict(inputs)
        with exported(self.dev.environ):
            mlflow.set_tracking_uri("databricks")
            mlflow.set_registry_uri("databricks-uc")
            mlflow.set_experiment(f"/Shared/{self.name}")
            with mlflow.start_run():
                mlflow.set_tag("mlflow.source.git.commit", "c0ffee" + "0" * 34)
                logged = mlflow.sklearn.log_model(
                    estimator,
                    name="model",
                    signature=infer_signature(inputs, answer),
                    registered_model_name=self.model,
                    pyfunc_predict_fn="predict_proba" if hasattr(estimator, "predict_proba") else "predict",
                    pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
                )
            version = str(logged.registered_model_version)
            if alias:
                mlflow.MlflowClient().set_registered_model_alias(self.model, alias, version)
        return version


@pytest.fixture(scope="package")
def two_workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WorkspaceHome, Any, Any]]:
    home = WorkspaceHome(tmp_path_factory.mktemp("home"))
    dev, prod = home.start("m-dev"), home.start("m-prod")
    for workspace in (dev, prod):
        client = workspace.client()
        client.catalogs.create(CATALOG)
        client.schemas.create(SCHEMA, CATALOG)
    yield home, dev, prod
    home.close()


@pytest.fixture
def lab(
    two_workspaces: tuple[WorkspaceHome, LocalWorkspace, LocalWorkspace],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    """A project and a model name of the test's own, with an evaluation table of 400 rows."""
    home, dev, prod = two_workspaces
    for name in list(os.environ):
        if name.startswith(("DATABRICKS_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BRICKYARD_HOME", str(home.home))
    monkeypatch.setenv("HOME", str(tmp_path))
    short = "".join(c if c.isalnum() else "_" for c in request.node.name)[:40].lower()
    lab = Lab(home, dev, prod, tmp_path, f"m_{zlib.crc32(request.node.nodeid.encode()):08x}_{short}")
    lab.write_project()
    lab.write_table(rows())
    return lab


@pytest.fixture
def content() -> Callable[[LocalWorkspace, str], Any]:
    """Everything that a registered model is in a workspace, to compare before and after."""

    def read(workspace: LocalWorkspace, model: str) -> Any:
        import mlflow

        with exported(workspace.environ):
            client = mlflow.MlflowClient("databricks", "databricks-uc")
            try:
                registered = client.get_registered_model(model)
            except mlflow.MlflowException:
                return None
            versions = client.search_model_versions(f"name = '{model}'")
            details = [client.get_model_version(model, v.version) for v in versions]
            return registered.aliases, registered.tags, [(v.version, v.status, v.tags) for v in details]

    return read
