"""Rows that fall into given leaves of trees, on the very edge of what leads there, so that no node goes untried."""

from __future__ import annotations

import numpy as np

from brickyard.scoring.plan.trees import TreeEnsemble
from brickyard.scoring.plan.trees_table import NodeTable

__all__ = ["leaf_rows"]


def leaf_rows(trees: TreeEnsemble, base: np.ndarray, limit: int) -> np.ndarray:
    """Return two rows for each leaf, or for so many of them, at either end of what leads there.

    Args:
        trees: The trees.
        base: Usual rows, for features that do not matter on the way.
        limit: The most leaves.
    """
    shuffle = np.random.default_rng(2)
    table = trees.table
    leaves = np.flatnonzero(table.right == np.arange(len(table.right)))
    leaves = shuffle.permutation(leaves)[:limit]
    low, high = _ways(table, leaves, trees.features)
    precision = np.dtype(np.float32) if trees.precision == "float32" else base.dtype
    rows = base[np.arange(len(leaves)) % len(base)].astype(np.result_type(base.dtype, np.float32))
    at_high, at_low = _within(high, precision, -np.inf), _within(low, precision, np.inf)
    return np.vstack([_edges(rows, at_high, at_low), _edges(rows, at_low, at_high)])


def _edges(rows: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rows with the first edges where there are any, else the second ones, and their own values where there is none."""
    edge = np.where(np.isfinite(first), first, second)
    with np.errstate(over="ignore"):
        found: np.ndarray = np.where(np.isfinite(edge), edge, rows).astype(rows.dtype)
    return found


def _ways(table: NodeTable, leaves: np.ndarray, features: int) -> tuple[np.ndarray, np.ndarray]:
    """What a row must be above, and not above, by feature, to get to each leaf; sets of categories are passed over."""
    parent = np.full(len(table.right), -1)
    splits = np.flatnonzero(table.right != np.arange(len(table.right)))
    parent[table.right[splits]] = parent[table.right[splits] + 1] = splits
    numeric = np.ones(len(table.features), dtype=bool)
    numeric[[category.view for category in table.categories]] = False
    low, high = np.full((len(leaves), features), -np.inf), np.full((len(leaves), features), np.inf)
    node, row = leaves, np.arange(len(leaves))
    while len(node):
        above = parent[node]
        node, row, above = node[above >= 0], row[above >= 0], above[above >= 0]
        view, threshold, is_left = table.view[above], table.threshold[above], node != table.right[above]
        feature, counts = table.features[view], numeric[view]
        for side, limits, narrower in ((is_left, high, np.minimum), (~is_left, low, np.maximum)):
            at = (row[side & counts], feature[side & counts])
            limits[at] = narrower(limits[at], threshold[side & counts])
        node = above
    return low, high


def _within(limits: np.ndarray, precision: np.dtype, direction: float) -> np.ndarray:
    """The numbers of a precision at limits, or beside them where that is not within: below a high one, above a low."""
    with np.errstate(over="ignore", invalid="ignore"):
        near = limits.astype(precision)
        further = np.nextafter(near, precision.type(direction))
        beyond = near > limits if direction < 0 else near <= limits
        found: np.ndarray = np.where(beyond & np.isfinite(limits), further, near).astype(np.float64)
    return found
