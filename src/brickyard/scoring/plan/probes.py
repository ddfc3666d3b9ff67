"""Rows to try a plan with: values at which something can change, by input column, and rows made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brickyard.scoring.plan.categories import OneHot, Ordinal
from brickyard.scoring.plan.plan import DTYPES, Block, Plan
from brickyard.scoring.plan.steps import Step
from brickyard.scoring.plan.transforms import Arithmetic, Impute, Passthrough
from brickyard.scoring.plan.tree_probes import leaf_rows
from brickyard.scoring.plan.trees import TreeEnsemble

__all__ = ["Pool", "edges_of", "frames", "matrix_probes", "pool_of"]

_MOST_KNOTS, _MOST_KNOWN = 1500, 1000
_MOST_ROWS = 4096
# More than the rows up to which a step takes another way.
_USUAL_ROWS = 600
# Of rows for leaves: how many, of how many numbers in all, and through how many trees in all.
_MOST_LEAVES, _MOST_NUMBERS, _MOST_WALKS = 24576, 4_000_000, 2_500_000
_COMMON = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.25, 10.0, 1e-35, 100.0)
_EXTREME = (1e300, -1e300, 1e35, -1e35, 5e-324, 1e16, 2.0**53 + 2, 3.5e38, -16777217.0)
_TEXTS = ("\x00 unknown", "", " ", "é\u0301", "0", "nan", "None")


@dataclass(frozen=True)
class Pool:
    """Values of one input column.

    Attributes:
        plain: Values that a row may well have: finite numbers, known texts.
        extreme: Large, small and unequal ones.
        unknown: Texts that no encoder knows.
        missing: NaN or None, where the type can be missing.
        infinite: Infinities, where the type has them.
    """

    plain: np.ndarray
    extreme: np.ndarray
    unknown: np.ndarray
    missing: np.ndarray
    infinite: np.ndarray


def frames(
    plan: Plan, known: Mapping[str, Sequence[str | float]], seed: int = 0
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Give named columns for `predict`: of plain values, then with each kind of unusual ones, then of all kinds.

    Args:
        plan: The plan.
        known: Known values by column, from elsewhere than the plan, which could be wrong about them.
        seed: Of the order.
    """
    shuffle = np.random.default_rng(seed)
    pools = [pool_of(plan, position, known.get(column.name, ())) for position, column in enumerate(plan.inputs)]
    plain = [pool.plain for pool in pools]
    yield "plain", _columns(plan, plain, shuffle, least=_USUAL_ROWS)
    for kind in ("extreme", "unknown", "missing", "infinite"):
        extra = [getattr(pool, kind) for pool in pools]
        if any(len(values) for values in extra):
            mixed = [_join(usual[:400], other) for usual, other in zip(plain, extra, strict=True)]
            yield kind, _columns(plan, mixed, shuffle)
    alls = [_join(_join(p.plain[:200], p.extreme), _join(p.unknown, _join(p.missing, p.infinite))) for p in pools]
    yield "all kinds", _columns(plan, alls, shuffle)


def pool_of(plan: Plan, position: int, known: Sequence[str | float] = ()) -> Pool:
    """Return the values to try in an input column, of which some may be known."""
    kind = plan.inputs[position].kind
    none = np.empty(0, dtype=DTYPES[kind])
    if kind == "string":
        texts = [value for value in known if isinstance(value, str)]
        return Pool(_texts(texts or _known(plan, position) or ["a"]), none, _texts(_TEXTS), _texts([None]), none)
    numbers = np.array([value for value in known if not isinstance(value, str)], dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)][:: len(numbers) // _MOST_KNOWN + 1]
    knots = np.concatenate([numbers, _around(_knots(plan, position))])
    if kind in {"float", "double"}:
        with np.errstate(over="ignore"):
            pools = [np.array(values).astype(DTYPES[kind]) for values in ((*knots, *_COMMON), _EXTREME)]
        extreme = pools[1][np.isfinite(pools[1])]
        return Pool(pools[0], extreme, none, none_of(kind, np.nan), none_of(kind, np.inf, -np.inf))
    if kind == "boolean":
        return Pool(np.array([True, False]), none, none, none, none)
    limits = np.iinfo(np.int32 if kind == "integer" else np.int64)
    whole = np.unique(np.concatenate([np.floor(knots), np.ceil(knots), [0, 1, -1, 2, 7, 100]]))
    whole = whole[(whole > limits.min) & (whole < limits.max)].astype(DTYPES[kind])
    extreme = np.array([limits.min, limits.max, limits.max - 1, 2**24 + 1, -(2**31) + 1], dtype=DTYPES[kind])
    return Pool(whole, extreme, none, none, none)


def none_of(kind: str, *values: float) -> np.ndarray:
    """Return values that are no usual numbers, in a column's type."""
    return np.array(values, dtype=DTYPES[kind])


def edges_of(plan: Plan) -> Mapping[int, np.ndarray]:
    """Return, by feature of the estimator, the numbers at which its predictions may change."""
    edges = getattr(plan.estimator, "edges", None)
    return edges() if edges is not None else {}


def matrix_probes(plan: Plan, base: np.ndarray) -> list[np.ndarray]:
    """Return rows for the estimator: of features at which something changes, and the same with gaps for trees.

    Args:
        plan: The plan.
        base: Usual rows; they are not changed.
    """
    if hasattr(plan.estimator, "coef"):
        # Each feature alone, so large that nothing beside it hides the last bit of its weight.
        alone = np.eye(base.shape[1])
        return [np.vstack([base[:256], alone * 2.0**100, alone]).astype(base.dtype)]
    edges = {feature: _around(values[np.isfinite(values)]) for feature, values in edges_of(plan).items()}
    count = min(_MOST_ROWS, _walks(plan), max([256, *(len(values) for values in edges.values())]))
    shuffle = np.random.default_rng(1)
    matrix: np.ndarray = base[np.arange(count) % len(base)].astype(np.result_type(base.dtype, np.float32))
    for feature, values in edges.items():
        if len(values):
            chosen = shuffle.permutation(values)[np.arange(count) % len(values)]
            with np.errstate(over="ignore"):
                matrix[:, feature] = np.where(shuffle.random(count) < 0.9, chosen, matrix[:, feature])
    if isinstance(plan.estimator, TreeEnsemble):
        most = min(_MOST_LEAVES, _walks(plan), _MOST_NUMBERS // base.shape[1])
        matrix = np.vstack([matrix, leaf_rows(plan.estimator, base, most)])
    matrix = matrix[np.isfinite(matrix).all(axis=1)]
    gaps = np.where(shuffle.random(matrix.shape) < 0.15, np.asarray(np.nan, dtype=matrix.dtype), matrix)
    return [matrix, gaps] if getattr(plan.estimator, "takes_missing", False) else [matrix]


def _walks(plan: Plan) -> int:
    """How many rows to try with a model of so many trees, so that to load it takes seconds and not minutes."""
    trees = len(plan.estimator.table.roots) if isinstance(plan.estimator, TreeEnsemble) else 1
    return max(_USUAL_ROWS, _MOST_WALKS // trees)


def _columns(
    plan: Plan, pools: list[np.ndarray], shuffle: np.random.Generator, least: int = 24
) -> dict[str, np.ndarray]:
    count = min(_MOST_ROWS, _walks(plan), max(least, *(len(pool) for pool in pools)))
    at = np.arange(count)
    return {
        column.name: shuffle.permutation(pool[at % len(pool)]) for column, pool in zip(plan.inputs, pools, strict=True)
    }


def _join(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.concatenate([one, other]) if len(other) else one


def _texts(values: Iterable[str | None]) -> np.ndarray:
    unique = list(dict.fromkeys(values))
    texts = np.empty(len(unique), dtype=object)
    texts[:] = unique
    return texts


def _around(values: np.ndarray) -> np.ndarray:
    """Numbers, and their neighbours among the floats of both sizes."""
    unique = np.unique(values[np.isfinite(values)])
    unique = unique[:: max(1, len(unique) // _MOST_KNOTS)]
    with np.errstate(over="ignore", invalid="ignore"):
        small = unique.astype(np.float32)
        near = [np.nextafter(small, np.float32(end)).astype(np.float64) for end in (-np.inf, np.inf)]
        found = [unique, np.nextafter(unique, -np.inf), np.nextafter(unique, np.inf), small.astype(np.float64), *near]
    together = np.concatenate(found)
    finite: np.ndarray = together[np.isfinite(together)]
    return finite


def _known(plan: Plan, position: int) -> list[str]:
    found: list[str] = []
    for block, at in _uses(plan, position):
        for step in block.steps:
            if isinstance(step, OneHot | Ordinal):
                found += [value for value in step.columns[at].known.tolist() if type(value) is str]
            elif isinstance(step, Impute):
                found += [value for value in step.fill.tolist() if type(value) is str]
    return found


def _uses(plan: Plan, position: int) -> Iterator[tuple[Block, int]]:
    for block in plan.blocks:
        if position in block.columns:
            yield block, block.columns.index(position)


def _knots(plan: Plan, position: int) -> np.ndarray:
    """Numbers of an input column at which a step does something else, or the estimator does."""
    found: list[np.ndarray] = [np.zeros(0)]
    edges, start = edges_of(plan), 0
    for block in plan.blocks:
        if position in block.columns:
            found += _block_knots(block, block.columns.index(position), start, edges)
        start += _width(block)
    return np.concatenate(found)


def _block_knots(block: Block, at: int, start: int, edges: Mapping[int, np.ndarray]) -> Iterator[np.ndarray]:
    back: list[tuple[str, float]] = []
    for step in block.steps:
        if isinstance(step, OneHot | Ordinal):
            known = step.columns[at].known
            if known.dtype.kind in "fiu":
                yield _undone(known.astype(np.float64), back)
            return
        if isinstance(step, Impute):
            if not step.keep[at]:
                return
            at = int(step.keep[:at].sum())
            if step.fill.dtype.kind in "fi":
                yield _undone(step.fill[at : at + 1].astype(np.float64), back)
        elif isinstance(step, Arithmetic):
            back += [(op, float(vector[at])) for op, vector in zip(step.operations, step.vectors, strict=True)]
            yield _undone(np.array([0.0, 1.0, -1.0]), back)
    yield _undone(np.asarray(edges.get(start + at, np.zeros(0)), dtype=np.float64), back)


def _undone(values: np.ndarray, operations: list[tuple[str, float]]) -> np.ndarray:
    """Which inputs come out as these values, about."""
    with np.errstate(all="ignore"):
        for operation, number in reversed(operations):
            if operation in "+-":
                values = values - number if operation == "+" else values + number
            else:
                values = values * number if operation == "/" else values / number
    return values


def _width(block: Block) -> int:
    width = len(block.columns)
    for step in block.steps:
        width = _step_width(step, width)
    return width


def _step_width(step: Step, width: int) -> int:
    if isinstance(step, OneHot):
        return sum(step.widths)
    if isinstance(step, Impute):
        return len(step.fill) + len(step.indicated)
    assert isinstance(step, Arithmetic | Passthrough | Ordinal), "a step whose width nobody knows"
    return width
