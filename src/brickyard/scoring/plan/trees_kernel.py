"""Walking trees with numpy: all trees and a block of rows at once, one level a step.

A block is as many rows as keep its intermediate arrays in the second-level cache. For one row the same walk goes
over the trees, whose nodes are then read whole. Leaves are summed per output in the order of the trees, one after the
other, as the libraries do, so a row's sum has the same bits whatever rows are beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from brickyard.scoring.plan.trees_table import NodeTable

__all__ = ["add_leaves", "row_sums", "sum_of_row", "sums"]

# How many pairs of tree and row are walked at once, and how many nodes of trees.
_LANES = 1 << 15
_NODES = 1 << 16
# Of how many nodes a copy is made for single rows, of 32 bytes each.
_NODES_TOGETHER = 1 << 20


def sums(table: NodeTable, matrix: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    """Sum what the leaves are worth that rows fall into.

    Args:
        table: The trees.
        matrix: Rows x features, float64.
        start: What each sum starts with, of the type of the leaves' values; None where there is one tree, whose
            value is taken as it is.

    Returns:
        Rows x outputs.
    """
    rows, trees = len(matrix), len(table.roots)
    result = np.empty((rows, table.outputs), dtype=table.values.dtype)
    result[:] = 0 if start is None else start
    seen = table.look(matrix)
    step = _trees_at_once(table, rows)
    block = max(1, _LANES // step)
    for begin in range(0, rows, block):
        part = seen[begin : begin + block]
        for first in range(0, trees, step):
            leaves = walk(table, part, first, min(first + step, trees))
            values = table.values.take(leaves, axis=0)
            add_leaves(values, table.counts, first, result[begin : begin + block], whole=start is None)
    return result


def walk(table: NodeTable, seen: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return the leaf of every row in the trees from `first` to before `last`: trees x rows."""
    rows, views = seen.shape
    flat = seen.reshape(-1)
    node = np.repeat(table.roots[first:last], rows).reshape(last - first, rows)
    offsets = np.arange(0, rows * views, views)
    at, values, thresholds = np.empty_like(node), np.empty(node.shape), np.empty(node.shape)
    left = np.empty(node.shape, dtype=bool)
    # Every index is in range (see `NodeTable.check`); with `clip`, numpy writes without a buffer between.
    for _ in range(int(table.depths[first:last].max())):
        table.view.take(node, out=at, mode="clip")
        if rows > 1:
            np.add(at, offsets, out=at)
        flat.take(at, out=values, mode="clip")
        table.threshold.take(node, out=thresholds, mode="clip")
        np.less_equal(values, thresholds, out=left)
        table.right.take(node, out=at, mode="clip")
        np.add(at, left, out=node)
    return node


def row_sums(table: NodeTable, row: Sequence[float], start: np.ndarray | None) -> np.ndarray:
    """Sum what the leaves are worth that one row falls into; see `sums`.

    Returns:
        One number an output.
    """
    seen = np.array(row)
    if len(table.view) > _NODES_TOGETHER or not (table.by_feature and (table.plain or sum(row) == sum(row))):
        total: np.ndarray = sums(table, seen[None], start)[0]
        return total
    return sum_of_row(table.values.take(_walk_row(table, seen), axis=0), table.counts, start)


def _walk_row(table: NodeTable, row: np.ndarray) -> np.ndarray:
    """Return the leaf of one row in every tree."""
    nodes, node = table.together, table.roots.copy()
    found = np.empty((len(node), nodes.shape[1]), dtype=np.int64)
    at, thresholds, right = found[:, 0], found.view(np.float64)[:, 1], found[:, 2]
    values, left = np.empty(len(node)), np.empty(len(node), dtype=bool)
    for _ in range(table.deepest):
        nodes.take(node, axis=0, out=found, mode="clip")
        row.take(at, out=values, mode="clip")
        np.less_equal(values, thresholds, out=left)
        np.add(right, left, out=node)
    return node


def sum_of_row(values: np.ndarray, counts: tuple[int, ...], start: np.ndarray | None) -> np.ndarray:
    """Add up what the leaves of one row are worth, in the order of the trees.

    Args:
        values: Trees, or trees x outputs; they are changed.
        counts: How many trees are summed for each output.
        start: As in `sums`.
    """
    if start is None:
        return values[0] if values.ndim == 2 else values[:1]
    if values.ndim == 2:
        summed: np.ndarray = _in_order(values, start)
        return summed
    result, begin = start.copy(), 0
    for output, count in enumerate(counts):
        if count:
            result[output] = _in_order(values[begin : begin + count], start[output])
            begin += count
    return result


def _trees_at_once(table: NodeTable, rows: int) -> int:
    trees = len(table.roots)
    if rows * trees <= _LANES:
        return trees
    share = max(1, len(table.view) // trees)
    return int(np.clip(_NODES // share, min(8, trees), min(trees, 512)))


def add_leaves(values: np.ndarray, counts: tuple[int, ...], first: int, result: np.ndarray, *, whole: bool) -> None:
    """Add what leaves are worth to sums.

    Args:
        values: Trees x rows, or trees x rows x outputs; they are changed.
        counts: How many trees are summed for each output.
        first: The number of the first of these trees.
        result: Rows x outputs, to be added to.
        whole: Whether to take the value of the one tree as it is.
    """
    if whole:
        result[:] = values[0] if values.ndim == 3 else values[0][:, None]
        return
    if values.ndim == 3:
        result[:] = _in_order(values, result)
        return
    end = 0
    for output, count in enumerate(counts):
        begin, end = end, end + count
        part = values[max(begin - first, 0) : max(end - first, 0)]
        if len(part):
            result[:, output] = _in_order(part, result[:, output])


def _in_order(values: np.ndarray, start: Any) -> Any:
    """Add up along the first axis, one after the other, beginning with `start`; the values are changed.

    `np.add.reduce` does so along an axis that is not the innermost one; of a single row, which it would add up in
    pairs, `accumulate` does.
    """
    values[0] += start
    total: np.ndarray = np.add.accumulate(values, axis=0)[-1] if values[0].size == 1 else np.add.reduce(values, axis=0)
    return total
