"""Tables and models in a workspace, for tests of batch scoring."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd
from deltalake import DeltaTable, write_deltalake

from brickyard.plan.connect import Connection
from brickyard.scoring.batch import BatchScoring
from tests.scoring import models
from tests.support import LocalWorkspace

SCHEMA = "main.scoring"
_numbers = itertools.count()


class Warehouse:
    """Tables and models of a test."""

    def __init__(self, workspace: LocalWorkspace, connection: Connection) -> None:
        self.workspace = workspace
        self.connection = connection
        self.client = workspace.client()

    def unused(self, stem: str) -> str:
        return f"{SCHEMA}.{stem}_{next(_numbers)}"

    def table(self, frame: pd.DataFrame, **options: Any) -> str:
        from databricks.sdk.service.catalog import DataSourceFormat, TableType

        name = self.unused("rows")
        path = self.workspace.root / "data" / "tables" / Path(*name.split("."))
        write_deltalake(str(path), frame, **options)
        catalog, schema, table = name.split(".")
        where = path.as_uri()
        self.client.tables.create(table, catalog, schema, TableType.MANAGED, DataSourceFormat.DELTA, where)
        return name

    def delta(self, name: str) -> DeltaTable:
        location = self.client.tables.get(name).storage_location
        assert location
        return DeltaTable(unquote(urlsplit(location).path))

    def register(self, path: Path) -> str:
        import mlflow

        name, registry = self.unused("model"), mlflow.MlflowClient("databricks", "databricks-uc")
        registry.create_registered_model(name)
        self.add_version(name, path)
        return name

    def add_version(self, name: str, path: Path) -> None:
        import mlflow

        registry = mlflow.MlflowClient("databricks", "databricks-uc")
        version = registry.create_model_version(name, source=str(path)).version
        registry.set_registered_model_alias(name, "champion", version)


def keyed(count: int, seed: int = 0) -> pd.DataFrame:
    return models.mixed_rows(count, seed).assign(flight_id=range(count))


def job(
    model: str, table: str | None, output: str, keys: tuple[str, ...] = ("flight_id",), **more: Any
) -> BatchScoring:
    return BatchScoring(f"models:/{model}@champion", table, output, keys, **more)
