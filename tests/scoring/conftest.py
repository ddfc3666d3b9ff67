"""Models of several kinds, saved once for a session and loaded once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scoring import models

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
