"""Models of several kinds, saved once for a session and loaded once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from brickyard.plan.connect import connect
from tests.scoring import models
from tests.scoring.warehouse import Warehouse
from tests.support import LocalWorkspace

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

ModelPath = Callable[[str], Path]
LoadedModel = Callable[[str], "ScoringModel"]


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> ModelPath:
    """The directory of a model by its kind."""

    @lru_cache
    def path(kind: str) -> Path:
        return models.KINDS[kind](tmp_path_factory.mktemp(kind) / "model")

    return path


@pytest.fixture(scope="session")
def loaded(model_path: ModelPath) -> LoadedModel:
    """A loaded model by its kind."""

    @lru_cache
    def load(kind: str) -> ScoringModel:
        from brickyard.scoring.model import load_model

        return load_model(model_path(kind))

    return load


@pytest.fixture(scope="module")
def warehouse(workspace: LocalWorkspace) -> Iterator[Warehouse]:
    with patch.dict(os.environ, workspace.environ):
        warehouse = Warehouse(workspace, connect(host=workspace.host))
        if "scoring" not in [schema.name for schema in warehouse.client.schemas.list("main")]:
            warehouse.client.schemas.create("scoring", "main")
        yield warehouse
