"""Whether a plan predicts what the model's pyfunc predicts: bit for bit, before it is used.

Three comparisons, each of which finds what the others cannot see: the features with those of the pipeline's own
transformers, the estimator's scores and predictions with the native ones on the same matrix, and predictions with
pyfunc's, of batches, of single rows and of single values of JSON. Where pyfunc raises, the plan must decline.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from brickyard.scoring.columns import column_kinds
from brickyard.scoring.plan.compile import Native
from brickyard.scoring.plan.plan import Plan
from brickyard.scoring.plan.probes import frames, matrix_probes
from brickyard.scoring.plan.steps import Declined, compile_estimator
from brickyard.scoring.plan.trees import TreeEnsemble

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

__all__ = ["Disagreement", "same", "verify"]

_log = logging.getLogger(__name__)
_SINGLES = 4
_ROWS_ALONE = 100
Columns = Mapping[str, np.ndarray]


class Disagreement(Exception):
    """The plan predicts something else than the model; says on what."""


def verify(plan: Plan, pyfunc: PyFuncModel, native: Native, *, seed: int = 0) -> None:
    """Compare a plan with its model.

    Args:
        plan: The plan.
        pyfunc: The model.
        native: What the model calls.
        seed: Of the rows that are made up.

    Raises:
        Disagreement: If they differ anywhere, or if the plan answers nothing usual.
    """
    if {column.name: column.kind for column in plan.inputs} != column_kinds(pyfunc):
        raise Disagreement("the plan has other columns than the signature")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answered, probed = 0, False
        for what, columns in [*_example(plan, pyfunc), *frames(plan, _known_values(native.model), seed)]:
            probed |= _compare_native(plan, native, columns, what, probe=not probed)
            answered += _compare(plan, pyfunc, columns, what)
            for row in range(_SINGLES):
                single = {name: values[row : row + 1] for name, values in columns.items()}
                if len(next(iter(single.values()))):
                    answered += _compare(plan, pyfunc, single, f"one row, {what}")
        if not answered:
            raise Disagreement("the plan answers nothing of what was tried")


def same(ours: Any, reference: Any) -> bool:
    """Whether two predictions are equal in type, shape and every bit."""
    if not isinstance(reference, np.ndarray) or not isinstance(ours, np.ndarray):
        return False
    if ours.dtype != reference.dtype or ours.shape != reference.shape:
        return False
    if ours.dtype == object:
        pairs = zip(ours.ravel().tolist(), reference.ravel().tolist(), strict=True)
        return all(type(one) is type(other) and one == other for one, other in pairs)
    return bool(ours.tobytes() == reference.tobytes())


def _compare(plan: Plan, pyfunc: PyFuncModel, columns: Columns, what: str) -> bool:
    """Compare predictions; whether the plan answered."""
    ours = _asked(lambda: plan.predict(columns), Declined)
    # Whatever pyfunc raises is the reference.
    reference = _asked(lambda: pyfunc.predict(_frame(columns)), Exception)
    if ours is None:
        if what == "plain" and reference is not None:
            raise Disagreement("the plan declines usual rows")
        return False
    if reference is None:
        raise Disagreement(f"the plan answers where the model raises: {what}")
    if not same(ours, reference):
        raise Disagreement(f"predictions differ: {what}")
    _compare_rows(plan, columns, ours, what)
    _compare_ways(plan, columns, ours, what)
    return True


def _compare_ways(plan: Plan, columns: Columns, predicted: np.ndarray, what: str) -> None:
    """Compare all ways that the estimator has, of which it takes one by the number of rows."""
    ways = getattr(plan.estimator, "ways", ())
    features = plan.features([columns[column.name] for column in plan.inputs]) if ways else predicted
    if any(not same(way(features), predicted) for way in ways):
        raise Disagreement(f"the ways of the estimator predict something else: {what}")


def _compare_rows(plan: Plan, columns: Columns, predicted: np.ndarray, what: str) -> None:
    """Compare the ways for single rows, and for rows of several requests, with the way for all."""
    rows = len(predicted)
    if plan.row_wise and rows > 1:
        half = {name: values[rows // 2 :] for name, values in columns.items()}
        part = _asked(lambda: plan.predict(half, together=True), Declined)
        if part is not None and not same(part, predicted[rows // 2 :]):
            raise Disagreement(f"a row's prediction depends on the rows beside it: {what}")
    for row in range(min(rows, 400) if plan.row is not None else 0):
        one = plan.predict_row([_json(values[row]) for values in columns.values()])
        if one is not None and not same(one, predicted[row : row + 1]):
            raise Disagreement(f"the way of single rows predicts something else: {what}")
    for row in range(min(rows, _ROWS_ALONE)):
        one = plan.predict_values([_json(values[row]) for values in columns.values()])
        if one is not None and plan.row_wise and not same(one, predicted[row : row + 1]):
            raise Disagreement(f"the values of a single row are predicted otherwise: {what}")


def _compare_row_features(plan: Plan, columns: Columns, what: str) -> None:
    """Compare the features of single rows with those that blocks make of them."""
    if plan.row_features is None:
        return
    arrays = [columns[column.name] for column in plan.inputs]
    for row in range(min(len(arrays[0]), _ROWS_ALONE)):
        single = [values[row : row + 1] for values in arrays]
        ours = plan.row_features.matrix(single)
        if ours is not None and not same(ours, _asked(partial(plan.features_by_blocks, single), Declined)):
            raise Disagreement(f"the features of single rows differ: {what}")


def _compare_native(plan: Plan, native: Native, columns: Columns, what: str, *, probe: bool) -> bool:
    """Compare features, scores and the estimator's predictions with those of the pipeline's own parts.

    Args:
        plan: The plan.
        native: What the model calls.
        columns: The rows.
        what: What is said of them.
        probe: Whether to compare the estimator on rows made for it, too.

    Returns:
        Whether the estimator was compared.
    """
    *before, last = _parts(native.model)
    _compare_row_features(plan, columns, what)
    theirs = _asked(lambda: _features(before, _frame(columns)), Exception)
    ours = _asked(lambda: plan.features([columns[column.name] for column in plan.inputs]), Declined)
    if theirs is None or ours is None:
        return False
    if hasattr(theirs, "toarray") != getattr(plan.estimator, "sparse", hasattr(theirs, "toarray")):
        raise Disagreement("only one of both multiplies a sparse matrix")
    # A sparse matrix has no zeros, so none that is negative.
    if before and not same(ours + 0.0 if hasattr(theirs, "toarray") else ours, _dense(theirs)):
        raise Disagreement(f"features differ: {what}")
    call = _matrix_call(last, native.function)
    if call is None or ours.dtype.kind == "O":
        return False
    usual = ours[np.isfinite(ours).all(axis=1)] if ours.dtype.kind == "f" else ours
    if not len(usual):
        return False
    if not probe and isinstance(plan.estimator, TreeEnsemble):
        return True  # large models take long, and their predictions are compared anyway
    ways = (plan.estimator.predict, *getattr(plan.estimator, "ways", ()))
    pairs = [*((way, call) for way in ways), *_beneath(plan, last, native.function)]
    for matrix in (usual, *matrix_probes(plan, usual)) if probe else (usual,):
        given = type(theirs)(matrix) if hasattr(theirs, "toarray") else matrix
        for step, reference in pairs:
            _same_or_refused(step, matrix, partial(reference, given), what)
        if isinstance(plan.estimator, TreeEnsemble):
            _compare_rows_alone(plan.estimator, matrix, what)
    return True


def _compare_rows_alone(trees: TreeEnsemble, matrix: np.ndarray, what: str) -> None:
    """Compare the way of single rows, for some of them, with the way of all."""
    some = matrix[:: -(-len(matrix) // _ROWS_ALONE)].astype(np.float64)
    predicted = _asked(partial(trees.predict, some), Declined)
    for row, features in enumerate(some.tolist() if predicted is not None else []):
        one = trees.predict_row(features)
        if one is not None and not same(one, predicted[row : row + 1]):
            raise Disagreement(f"single rows are predicted otherwise: {what}")


def _beneath(
    plan: Plan, last: Any, function: str
) -> Iterator[tuple[Callable[[np.ndarray], Any], Callable[[Any], Any]]]:
    """What labels are made of, ours and theirs: they show less than that."""
    scores = getattr(plan.estimator, "scores", None)
    if scores is not None and hasattr(last, "decision_function"):
        yield scores, last.decision_function
    if isinstance(plan.estimator, TreeEnsemble) and function == "predict" and hasattr(last, "predict_proba"):
        step = compile_estimator(last, "predict_proba")
        if isinstance(step, TreeEnsemble):
            yield replace(step, table=plan.estimator.table).by_tables, last.predict_proba


def _same_or_refused(
    step: Callable[[np.ndarray], Any], matrix: np.ndarray, reference: Callable[[], Any], what: str
) -> None:
    ours, theirs = _asked(partial(step, matrix), Declined), _asked(reference, Exception)
    if ours is not None and theirs is not None and not same(ours, theirs):
        raise Disagreement(f"the estimator's results differ: {what}")


def _known_values(model: Any) -> dict[str, list[str | float]]:
    """The texts and numbers that the model's own encoders know, by the column that they were fitted on."""
    first = _parts(model)[0]
    fitted: list[tuple[Any, list[str]]] = [(first, [])]
    if type(first).__name__ == "ColumnTransformer":
        names = [str(name) for name in getattr(first, "feature_names_in_", ())]
        at = {name: [names[place] for place in places] for name, places in first._transformer_to_input_indices.items()}
        fitted = [(part, at[name]) for name, parts, _ in first.transformers_ for part in _parts(parts)]
    known: dict[str, list[str | float]] = {}
    for part, columns in fitted:
        categories = getattr(part, "categories_", [])
        own = columns or [str(name) for name in getattr(part, "feature_names_in_", ())]
        for name, values in zip(own, categories, strict=False) if len(own) == len(categories) else ():
            known.setdefault(name, []).extend(value for value in values.tolist() if type(value) in (str, int, float))
    return known


def _parts(model: Any) -> list[Any]:
    if type(model).__name__ != "Pipeline":
        return [model]
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return [part for step in steps for part in _parts(step)]


def _features(before: list[Any], frame: Any) -> Any:
    features = frame
    for transformer in before:
        features = transformer.transform(features)
    return features


def _dense(features: Any) -> np.ndarray:
    dense: np.ndarray = features.toarray() if hasattr(features, "toarray") else np.asarray(features)
    return dense.astype(np.float64) if dense.dtype == object else dense


def _matrix_call(last: Any, function: str) -> Callable[[Any], Any] | None:
    """The native way to predict from a matrix, where it is the same function that pyfunc calls on a frame."""
    if hasattr(last, "get_params"):
        found: Callable[[Any], Any] = getattr(last, function)
        return found
    library = type(last).__module__.split(".")[0]
    if type(last).__name__ != "Booster" or library not in {"lightgbm", "xgboost"}:
        return None
    if library == "lightgbm":
        return lambda matrix: last.predict(matrix, num_threads=1)
    import xgboost

    names, types = last.feature_names, last.feature_types
    return lambda matrix: last.predict(xgboost.DMatrix(matrix, feature_names=names, feature_types=types))


def _example(plan: Plan, pyfunc: PyFuncModel) -> Iterator[tuple[str, Columns]]:
    """The model's input example, when it has one with the signature's columns."""
    import pandas as pd

    example = pyfunc.input_example
    names = [column.name for column in plan.inputs]
    if not isinstance(example, pd.DataFrame) or example.empty or not set(names) <= set(example.columns):
        return
    from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

    cast = cast_df_types_according_to_schema(example[names].copy(), pyfunc.metadata.get_input_schema())
    yield "the input example", {name: cast[name].to_numpy() for name in names}


def _frame(columns: Columns) -> Any:
    import pandas as pd

    return pd.DataFrame(dict(columns))


def _json(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain != plain else plain


def _asked(ask: Callable[[], Any], refusal: type[Exception]) -> Any:
    """What was answered, or None where it was refused."""
    try:
        return ask()
    except refusal as error:
        _log.debug("refused: %s", error)
        return None
