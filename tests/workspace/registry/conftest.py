"""The unmodified MLflow client against the shared workspace, and a schema of the registry's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.support import LocalWorkspace
from tests.workspace.registry.clients import SCHEMA, ensure_schema, point_to


@pytest.fixture(scope="session")
def schema(workspace: LocalWorkspace) -> str:
    """The full name of a schema for models."""
    ensure_schema(workspace)
    return SCHEMA


@pytest.fixture
def clean_environ() -> Iterator[None]:
    """Undo what the MLflow client and the tests leave in the environment."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def mlflow(workspace: LocalWorkspace, schema: str, clean_environ: None) -> Iterator[ModuleType]:
    """The client library, pointed to the shared workspace."""
    point_to(workspace)
    import mlflow

    yield mlflow
    while mlflow.active_run():
        mlflow.end_run()
