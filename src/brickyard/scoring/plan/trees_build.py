"""From the nodes that a library has, in its own order, to a node table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from brickyard.scoring.plan.trees_table import CategoryView, NodeTable

__all__ = ["MISSING_LEFT", "MISSING_RIGHT", "MISSING_ZERO", "Tree", "build_table"]

# Where NaN goes.
MISSING_RIGHT, MISSING_LEFT, MISSING_ZERO = 0, 1, 2
_BECOMES = np.array([np.nan, -np.inf, 0.0])
_CODES = 2 * len(_BECOMES)


@dataclass(frozen=True)
class Tree:
    """One tree in the order of its library; the root is node 0.

    Attributes:
        left: Left child by node; negative for leaves.
        right: Right child by node.
        feature: Feature by node.
        threshold: By node; what is less or equal goes left.
        missing: By node, where NaN goes: right, left or where zero goes.
        values: What leaves are worth, by node.
        zero_missing: By node, whether zero counts as missing; none does where this is absent.
        categories: By node, the set of categories that it asks for instead of a threshold.
        output: Which of the sums it belongs to.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    values: np.ndarray
    zero_missing: np.ndarray | None = None
    categories: dict[int, CategoryView] = field(default_factory=dict)
    output: int = 0


def build_table(trees: Sequence[Tree], outputs: int = 1) -> NodeTable:
    """Return the table of trees; those of one output are put together, in the order given.

    Args:
        trees: All trees.
        outputs: How many sums there are, where leaves are worth one number.
    """
    ordered = sorted(trees, key=lambda tree: tree.output)
    parts, rights, depths, start = [], [], [], 0
    for tree in ordered:
        order, right, depth = _breadth_first(tree, start)
        parts.append(order)
        rights.append(right)
        depths.append(depth)
        start += len(order)
    right = np.concatenate(rights)
    split = right != np.arange(len(right))
    view, features, becomes, zero, categories = _views(ordered, parts, split)
    threshold = np.concatenate([tree.threshold[part] for tree, part in zip(ordered, parts, strict=True)])
    threshold = np.where(split, threshold, np.nan).astype(np.float64)
    threshold[split & np.isin(view, [category.view for category in categories])] = 0.0
    sizes = np.array([len(part) for part in parts])
    return NodeTable(
        features=features,
        missing=becomes,
        zero_missing=zero,
        categories=categories,
        view=view,
        threshold=threshold,
        right=right,
        values=np.concatenate([tree.values[part] for tree, part in zip(ordered, parts, strict=True)]),
        roots=(np.cumsum(sizes) - sizes).astype(np.int64),
        depths=np.array(depths, dtype=np.int64),
        counts=tuple(sum(tree.output == output for tree in ordered) for output in range(outputs)),
    )


def _breadth_first(tree: Tree, start: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the nodes in their new order, their right children in the table, and the depth."""
    level, levels, rights, position = np.zeros(1, dtype=np.int64), [], [], start
    while len(level):
        levels.append(level)
        inner = tree.left[level] >= 0
        after = position + len(level)
        right = np.arange(position, after, dtype=np.int64)
        right[inner] = after + 2 * np.arange(np.count_nonzero(inner))
        rights.append(right)
        position = after
        following = np.empty(2 * np.count_nonzero(inner), dtype=np.int64)
        following[0::2], following[1::2] = tree.right[level[inner]], tree.left[level[inner]]
        level = following
    return np.concatenate(levels), np.concatenate(rights), len(levels) - 1


def _views(
    trees: Sequence[Tree], parts: Sequence[np.ndarray], split: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[CategoryView, ...]]:
    """Return the view by node; feature, replacement of NaN and missing zeros by view; and the category views."""
    sets: dict[tuple[object, ...], int] = {}
    kinds: list[CategoryView] = []
    keys = []
    for tree, part in zip(trees, parts, strict=True):
        code = tree.missing.astype(np.int64)
        if tree.zero_missing is not None:
            code = code + len(_BECOMES) * tree.zero_missing
        for node, category in tree.categories.items():
            code[node] = _CODES + sets.setdefault(_identity(category), len(sets))
            kinds += [category] * (len(sets) - len(kinds))
        keys.append(np.stack([tree.feature[part], code[part]]))
    feature, code = np.concatenate(keys, axis=1)
    width = _CODES + len(sets)
    found, inverse = np.unique(feature[split] * width + code[split], return_inverse=True)
    view = np.zeros(len(split), dtype=np.int64)
    view[split] = inverse
    if not len(found):
        found = np.zeros(1, dtype=np.int64)
    code = found % width
    plain = np.where(code < _CODES, code, 0)
    categories = tuple(replace(kinds[code[i] - _CODES], view=int(i)) for i in np.flatnonzero(code >= _CODES))
    return view, found // width, _BECOMES[plain % len(_BECOMES)], plain >= len(_BECOMES), categories


def _identity(category: CategoryView) -> tuple[object, ...]:
    sides = category.values.tobytes(), category.left.tobytes()
    return (*sides, category.other_left, category.missing_left, category.rounding)
