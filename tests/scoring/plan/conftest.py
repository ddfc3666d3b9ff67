"""Models of the plan's families, saved and loaded once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scoring.plan import forests, pipelines

if TYPE_CHECKING:
    from brickyard.scoring.model import ScoringModel

FamilyPath = Callable[[str], Path]
LoadedFamily = Callable[[str], "ScoringModel"]


@pytest.fixture(scope="session")
def family_path(tmp_path_factory: pytest.TempPathFactory) -> FamilyPath:
    """The directory of a model by its family."""

    @lru_cache
    def path(family: str) -> Path:
        save = pipelines.save if family in pipelines.FAMILIES else forests.save
        return save(family, tmp_path_factory.mktemp("family") / "model")

    return path


@pytest.fixture(scope="session")
def loaded_family(family_path: FamilyPath) -> LoadedFamily:
    """A loaded model by its family."""

    @lru_cache
    def load(family: str) -> ScoringModel:
        from brickyard.scoring.model import load_model

        return load_model(family_path(family))

    return load
