"""Scikit-learn pipelines into plans: a column transformer or one block of columns, transformers, an estimator."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from brickyard.scoring.plan.categories import DECLINES, NOTHING, Categories, OneHot, Ordinal
from brickyard.scoring.plan.linear import LinearClassifier, LinearRegressor
from brickyard.scoring.plan.plan import Block, Input, Plan
from brickyard.scoring.plan.steps import Transform, compile_estimator
from brickyard.scoring.plan.transforms import Arithmetic, Finite, Impute, Passthrough

__all__ = ["Unsupported", "compile_model"]

_SCALARS = (str, bool, int, float, type(None))
_MOST_PROBED = 20_000_000
_UNKNOWN_TEXT = "\x00 not a category"

# Transforms of some columns, and whether their output is a sparse matrix.
Chain: TypeAlias = "tuple[tuple[Transform, ...], bool]"


class Unsupported(Exception):
    """The model has a part that no step stands for."""


def compile_model(model: Any, function: str, inputs: Sequence[Input]) -> Plan:
    """Turn a fitted pipeline or estimator into a plan.

    Args:
        model: The native object.
        function: What predicts, `predict` or `predict_proba`.
        inputs: The columns of the signature.

    Raises:
        Unsupported: If no step stands for a part of it; says which.
    """
    *before, last = _parts(model)
    blocks, rest, sparse = _blocks(before, inputs)
    after, sparse_after = _chain(rest)
    if sparse and rest:
        raise Unsupported("a transformer of a sparse matrix")
    estimator = compile_estimator(last, function)
    if estimator is None:
        raise Unsupported(f"{type(last).__name__}.{function}")
    if sparse or sparse_after:
        if isinstance(estimator, LinearRegressor | LinearClassifier):
            estimator = dataclasses.replace(estimator, sparse=True)
        else:
            after = (*after, Finite())
    return Plan(tuple(inputs), blocks, after, estimator)


def _parts(model: Any) -> list[Any]:
    """The transformers and the estimator of a pipeline, without those that do nothing."""
    if _name(model) != "sklearn.Pipeline":
        return [model]
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return [part for step in steps for part in _parts(step)]


def _name(estimator: Any) -> str:
    kind = type(estimator)
    return f"{kind.__module__.split('.')[0]}.{kind.__qualname__}"


def _blocks(before: list[Any], inputs: Sequence[Input]) -> tuple[tuple[Block, ...], list[Any], bool]:
    """The blocks, the transformers that are left, and whether the blocks make a sparse matrix."""
    if before and _name(before[0]) == "sklearn.ColumnTransformer":
        return (
            _of_column_transformer(before[0], [column.name for column in inputs]),
            before[1:],
            before[0].sparse_output_,
        )
    steps, sparse = _chain(before)
    return (Block(tuple(range(len(inputs))), steps),), [], sparse


def _of_column_transformer(transformer: Any, names: list[str]) -> tuple[Block, ...]:
    _plain_output(transformer)
    fitted_names = getattr(transformer, "feature_names_in_", None)
    if fitted_names is None or transformer.transformer_weights:
        raise Unsupported("a ColumnTransformer with weights, or fitted without column names")
    blocks = []
    for name, fitted, _ in transformer.transformers_:
        at = transformer._transformer_to_input_indices[name]
        if (isinstance(fitted, str) and fitted == "drop") or not len(at):
            continue
        columns = tuple(names.index(str(fitted_names[position])) for position in at)
        steps, _ = _chain(_parts(fitted)) if fitted != "passthrough" else ((), False)
        blocks.append(Block(columns, steps or (Passthrough(),)))
    return tuple(blocks)


def _chain(transformers: Sequence[Any]) -> Chain:
    steps: list[Transform] = []
    sparse = False
    for transformer in transformers:
        _plain_output(transformer)
        make = _TRANSFORMERS.get(_name(transformer))
        if make is None or sparse:
            raise Unsupported(type(transformer).__name__)
        step = make(transformer)
        steps += [step] if step is not None else []
        sparse = isinstance(step, OneHot) and transformer.sparse_output
    return tuple(steps), sparse


def _plain_output(transformer: Any) -> None:
    from sklearn import get_config

    own = getattr(transformer, "_sklearn_output_config", {}).get("transform", "default")
    if own != "default" or get_config()["transform_output"] != "default":
        raise Unsupported("a transformer that gives frames")


def _standard(scaler: Any) -> Transform:
    pairs = [("-", scaler.mean_)] if scaler.with_mean else []
    pairs += [("/", scaler.scale_)] if scaler.with_std else []
    return _arithmetic(pairs, cast=True)


def _min_max(scaler: Any) -> Transform:
    limits = tuple(float(limit) for limit in scaler.feature_range) if scaler.clip else None
    return _arithmetic([("*", scaler.scale_), ("+", scaler.min_)], limits=limits)


def _max_abs(scaler: Any) -> Transform:
    return _arithmetic([("/", scaler.scale_)], limits=(-1.0, 1.0) if getattr(scaler, "clip", False) else None)


def _robust(scaler: Any) -> Transform:
    pairs = [("-", scaler.center_)] if scaler.with_centering else []
    pairs += [("/", scaler.scale_)] if scaler.with_scaling else []
    return _arithmetic(pairs)


def _arithmetic(pairs: list[tuple[str, np.ndarray]], *, cast: bool = False, limits: Any = None) -> Transform:
    operations = tuple(operation for operation, _ in pairs)
    return Arithmetic(operations, tuple(np.asarray(vector) for _, vector in pairs), cast, limits)


def _imputer(imputer: Any) -> Transform:
    statistics = imputer.statistics_
    empty = np.array([value != value for value in statistics.tolist()], dtype=bool)
    keep = np.ones(len(statistics), dtype=bool) if imputer.keep_empty_features else ~empty
    missing = imputer.missing_values
    if type(missing) not in _SCALARS:
        raise Unsupported(f"missing values {missing!r}")
    indicator = getattr(imputer, "indicator_", None)
    indicated = tuple(int(i) for i in indicator.features_) if imputer.add_indicator and indicator is not None else ()
    fill = statistics[keep].astype(imputer._fill_dtype)
    if fill.dtype.kind == "O" and not all(type(value) in _SCALARS for value in fill.tolist()):
        raise Unsupported("an imputer of objects")
    return Impute(fill, keep, missing, imputer.strategy in {"mean", "median"}, indicated)


def _identity(transformer: Any) -> Transform | None:
    if transformer.func is not None or transformer.validate:
        raise Unsupported("a FunctionTransformer with a function")
    return Passthrough()


def _one_hot(encoder: Any) -> Transform:
    widths = tuple(int(width) for width in encoder._n_features_outs)
    starts = np.cumsum([0, *widths])
    known, unknown, missing = _probed(encoder)
    columns = []
    for position in range(len(widths)):
        own = slice(starts[position], starts[position + 1])
        columns.append(
            _categories(
                encoder.categories_[position],
                [_place(row[own]) for row in known[position]],
                *(DECLINES if row is None else _place(row[own]) for row in (missing[position], unknown[position])),
            )
        )
    return OneHot(tuple(columns), widths, np.dtype(encoder.dtype).str)


def _place(row: np.ndarray) -> int:
    places = np.flatnonzero(row)
    return int(places[0]) if len(places) else NOTHING


def _ordinal(encoder: Any) -> Transform:
    known, unknown, missing = _probed(encoder)
    columns, values = [], []
    for position, categories in enumerate(encoder.categories_):
        others = [row for row in (missing[position], unknown[position]) if row is not None]
        table = [row[position] for row in [*known[position], *others]]
        count = len(categories)
        missing_code = DECLINES if missing[position] is None else count
        unknown_code = DECLINES if unknown[position] is None else len(table) - 1
        columns.append(_categories(categories, list(range(count)), missing_code, unknown_code))
        values.append(np.array(table, dtype=encoder.dtype))
    return Ordinal(tuple(columns), tuple(values), np.dtype(encoder.dtype).str)


def _categories(values: np.ndarray, codes: list[int], missing: int, unknown: int) -> Categories:
    pairs = [(value, code) for value, code in zip(values.tolist(), codes, strict=True) if value == value]
    if values.dtype.kind in "fiu":
        known = np.array([value for value, _ in pairs], dtype=values.dtype)
    else:
        if not all(type(value) in (str, bool, type(None)) for value, _ in pairs):
            raise Unsupported("categories of several types")
        known = np.empty(len(pairs), dtype=object)
        known[:] = [value for value, _ in pairs]
    return Categories(known, np.array([code for _, code in pairs], dtype=np.int64), missing, unknown)


Rows: TypeAlias = "list[list[np.ndarray]]"
Row: TypeAlias = "list[np.ndarray | None]"


def _probed(encoder: Any) -> tuple[Rows, Row, Row]:
    """What the encoder itself makes of each column's categories, of an unknown value and of NaN.

    An output depends on its column's value only. None where it raises.
    """
    categories = encoder.categories_
    count = max(len(values) for values in categories)
    if count * sum(len(values) for values in categories) > _MOST_PROBED:
        raise Unsupported("an encoder of so many categories")
    rows = _encoded(encoder, [values[np.minimum(np.arange(count), len(values) - 1)] for values in categories])
    if rows is None:
        raise Unsupported("an encoder that does not know its own categories")
    known = [list(rows[: len(values)]) for values in categories]
    first = [values[:1] for values in categories]
    unknown: Row = []
    missing: Row = []
    for position, values in enumerate(categories):
        number = values.dtype.kind in "fiu"
        other = np.array([_unknown_number(values)]) if number else np.array([_UNKNOWN_TEXT], dtype=object)
        for found, probe in ((unknown, other), (missing, np.array([np.nan]) if number else other)):
            encoded = _encoded(encoder, [*first[:position], probe, *first[position + 1 :]])
            found.append(None if encoded is None else encoded[0])
    return known, unknown, missing


def _unknown_number(values: np.ndarray) -> float:
    return float(np.nanmax(values.astype(np.float64), initial=0.0)) + 1.5


def _encoded(encoder: Any, columns: list[np.ndarray]) -> np.ndarray | None:
    names = getattr(encoder, "feature_names_in_", None)
    columns = [column.astype(object) if column.dtype.kind in "UO" else column for column in columns]
    given: Any
    if names is not None:
        import pandas as pd

        given = pd.DataFrame({str(name): column for name, column in zip(names, columns, strict=True)})
    else:
        given = np.empty((len(columns[0]), len(columns)), dtype=np.result_type(*columns))
        for position, column in enumerate(columns):
            given[:, position] = column
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            encoded = encoder.transform(given)
        except ValueError:
            return None
    dense: np.ndarray = encoded.toarray() if hasattr(encoded, "toarray") else encoded
    return dense


_TRANSFORMERS: Mapping[str, Callable[[Any], Transform | None]] = {
    "sklearn.StandardScaler": _standard,
    "sklearn.MinMaxScaler": _min_max,
    "sklearn.MaxAbsScaler": _max_abs,
    "sklearn.RobustScaler": _robust,
    "sklearn.SimpleImputer": _imputer,
    "sklearn.FunctionTransformer": _identity,
    "sklearn.OneHotEncoder": _one_hot,
    "sklearn.OrdinalEncoder": _ordinal,
}
