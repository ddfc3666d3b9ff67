"""Loads a version's files and lets it predict the evaluation rows, without a trace in this process."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import ModelError
from brickyard.models.metrics import LabelledScores, compute, read_predictions
from brickyard.models.rows import EvaluationTable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["Contestant", "input_columns", "judge"]


@dataclass(frozen=True)
class Contestant:
    """A version that is judged.

    Attributes:
        version: Its number.
        files: Where its files were downloaded to.
        who: How messages call it, such as `version 4 (the champion)`.
    """

    version: str
    files: Path
    who: str


def input_columns(contestant: Contestant, table: EvaluationTable) -> list[str]:
    """The columns of the table that a version takes, from its signature.

    A version whose inputs have no names takes every feature.

    Raises:
        DataError: The table lacks a column that the version requires.
    """
    from mlflow.models import Model

    schema = Model.load(str(contestant.files)).get_input_schema()
    if schema is None or not schema.has_input_names():
        return list(table.features)
    table.require(schema.required_input_names(), contestant.who)
    return [name for name in schema.input_names() if name in table.columns]


def judge(
    contestant: Contestant,
    inputs: pd.DataFrame,
    labels: np.ndarray[Any, Any],
    task: Any,
    classes: list[Any],
) -> dict[str, float]:
    """Let a version predict and compute its figures.

    Raises:
        ModelError: It cannot be loaded, fails on these rows, or does not return predictions.
    """
    with _own_modules(contestant.files):
        output = _predict(contestant, inputs)
    scores: LabelledScores = read_predictions(output, task, classes, rows=len(inputs), where=contestant.who)
    return compute(task, labels, scores)


def _predict(contestant: Contestant, inputs: pd.DataFrame) -> Any:
    from brickyard.scoring.model import load_model

    model = load_model(contestant.files)
    try:
        return model.predict(inputs)
    except Exception as exc:
        # A model is the user's own code, which may raise anything; all of it means that the version cannot be judged.
        raise ModelError(
            f"{contestant.who} failed on the evaluation rows: {type(exc).__name__}: {exc}",
            where=_raised_at(exc, contestant.files),
            next="Load the version in a notebook and let it predict some rows of the evaluation table.",
        ) from exc


def _raised_at(exc: Exception, files: Path) -> str | None:
    """The last line of the code that came with the model; none where a library or pickled code raised."""
    mine = [frame for frame in traceback.extract_tb(exc.__traceback__) if frame.filename.startswith(str(files))]
    if not mine:
        return None
    return f"{Path(mine[-1].filename).relative_to(files)}, line {mine[-1].lineno}, of the version's files"


@contextmanager
def _own_modules(files: Path) -> Iterator[None]:
    """Forget code that came with a model, so that the next one does not run on it."""
    path, before = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(files)):
                del sys.modules[name]
