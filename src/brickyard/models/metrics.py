"""The figures a model is judged by, computed with scikit-learn from labels and predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from brickyard.errors import DataError, ModelError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["HIGHER_IS_BETTER", "LabelledScores", "Task", "compute", "label_values", "read_predictions"]

Task = Literal["classification", "regression"]

# Whether a larger value of the metric means a better model.
HIGHER_IS_BETTER = {
    "roc_auc": True,
    "pr_auc": True,
    "log_loss": False,
    "brier": False,
    "accuracy": True,
    "f1": True,
    "rmse": False,
    "mae": False,
    "r2": True,
}


@dataclass(frozen=True)
class LabelledScores:
    """What a model said about the evaluation rows, in their order.

    Attributes:
        values: Regression: the predicted numbers. Classification: the predicted classes, 0 or 1.
        probabilities: Classification: probability of class 1, or None where the model gives only classes.
    """

    values: np.ndarray[Any, Any]
    probabilities: np.ndarray[Any, Any] | None = None


def label_values(labels: Any, task: Task, *, where: str) -> tuple[np.ndarray[Any, Any], list[Any]]:
    """Check the label column and return it as numbers.

    Args:
        labels: The label column, a pandas Series.
        task: Whether the labels are classes or numbers.
        where: Table and column, for errors.

    Returns:
        The labels as float64, and for classification the two classes in their order (the second is 1).

    Raises:
        DataError: No rows, missing labels, other than two classes, or labels that are not numbers.
    """
    import numpy as np
    import pandas as pd

    if len(labels) == 0:
        raise DataError("the evaluation table has no rows", where=where, next="Fill the table first.")
    missing = int(labels.isna().sum())
    if missing:
        raise DataError(
            f"{missing} of {len(labels)} labels are missing", where=where, next="Keep only rows whose label is known."
        )
    if task == "regression":
        numbers = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(numbers).all():
            raise DataError("the label has values that are not finite numbers", where=where)
        return numbers, []
    classes = sorted(labels.unique().tolist())
    if len(classes) != 2:
        raise DataError(
            f"the label has {len(classes)} class{'' if len(classes) == 1 else 'es'} ({_some(classes)}); "
            "a classification gate needs exactly two",
            where=where,
            next="Evaluate on rows that hold both classes; more than two classes are not supported.",
        )
    return (labels == classes[1]).to_numpy(dtype=float), classes


def read_predictions(output: Any, task: Task, classes: list[Any], *, rows: int, where: str) -> LabelledScores:
    """Read what a pyfunc model returned.

    A classifier may return probabilities (one column for class 1, or one column per class) or the classes.

    Args:
        output: DataFrame, Series, array or list that `predict` returned.
        task: What was asked of the model.
        classes: For classification, the two classes of the label in their order.
        rows: The number of rows that were scored.
        where: The model version, for errors.

    Raises:
        ModelError: The shape or the values cannot be read as predictions of this task.
    """
    import numpy as np

    array = np.asarray(output)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape[0] != rows or array.ndim not in (1, 2):
        raise ModelError(f"the model returned shape {array.shape} for {rows} rows", where=where)
    if task == "regression":
        return LabelledScores(_finite(array, where))
    if array.ndim == 2:
        if array.shape[1] != 2:
            raise ModelError(f"the model returned {array.shape[1]} columns; two classes need 1 or 2", where=where)
        array = array[:, 1]
    elif _holds_classes(array, classes):
        return LabelledScores((array == classes[1]).astype(float))
    return _from_probabilities(_finite(array, where), where)


def compute(task: Task, labels: np.ndarray[Any, Any], scores: LabelledScores) -> dict[str, float]:
    """Compute every metric that the predictions allow.

    Args:
        task: Which metrics: roc_auc, pr_auc (average precision), log_loss, brier, accuracy, f1 for
            classification (the first four need probabilities); rmse, mae, r2 for regression.
        labels: True values, float64, as `label_values` returned them.
        scores: The model's answers for the same rows.
    """
    from sklearn import metrics

    if task == "regression":
        return {
            "rmse": float(metrics.root_mean_squared_error(labels, scores.values)),
            "mae": float(metrics.mean_absolute_error(labels, scores.values)),
            "r2": float(metrics.r2_score(labels, scores.values)),
        }
    figures = {}
    if scores.probabilities is not None:
        figures["roc_auc"] = float(metrics.roc_auc_score(labels, scores.probabilities))
        figures["pr_auc"] = float(metrics.average_precision_score(labels, scores.probabilities))
        figures["log_loss"] = float(metrics.log_loss(labels, scores.probabilities, labels=[0.0, 1.0]))
        figures["brier"] = float(metrics.brier_score_loss(labels, scores.probabilities))
    figures["accuracy"] = float(metrics.accuracy_score(labels, scores.values))
    figures["f1"] = float(metrics.f1_score(labels, scores.values, zero_division=0.0))
    return figures


def _holds_classes(array: np.ndarray[Any, Any], classes: list[Any]) -> bool:
    """Whether the answers are classes; floats are classes only where no probability is among them."""
    import numpy as np

    return bool(array.dtype.kind != "f" or np.isin(array, [0.0, 1.0]).all()) and bool(np.isin(array, classes).all())


def _finite(array: np.ndarray[Any, Any], where: str) -> np.ndarray[Any, Any]:
    import numpy as np

    try:
        numbers = array.astype(float)
    except (TypeError, ValueError) as exc:
        raise ModelError("the model returned values that are neither numbers nor classes", where=where) from exc
    if not np.isfinite(numbers).all():
        bad = int((~np.isfinite(numbers)).sum())
        raise ModelError(f"the model returned {bad} values that are not finite", where=where)
    return numbers


def _from_probabilities(numbers: np.ndarray[Any, Any], where: str) -> LabelledScores:
    if numbers.min() < 0 or numbers.max() > 1:
        raise ModelError(
            f"the model returned values between {numbers.min():g} and {numbers.max():g}, not probabilities",
            where=where,
            next='Log the model with pyfunc_predict_fn="predict_proba", or set `task: regression` in the gate.',
        )
    return LabelledScores((numbers >= 0.5).astype(float), numbers)


def _some(values: list[Any]) -> str:
    return ", ".join(map(str, values[:3])) + (", ..." if len(values) > 3 else "")
