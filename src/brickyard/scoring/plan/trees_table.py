"""Trees as flat arrays: what each split looks at, its threshold, its children, and what leaves are worth.

A split goes left where `value <= threshold`. Whatever else a library decides by (missing values, zeros that count
as missing, sets of categories) is in the *view* that the split looks at: a copy of a feature in which such values
are replaced by -inf, which always goes left, or NaN, which always goes right. So a walk has one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["CategoryView", "NodeTable"]

_ROUNDINGS = frozenset({"none", "truncate", "floor"})


@dataclass(frozen=True)
class CategoryView:
    """A view that sends sets of categories left or right.

    Attributes:
        view: Its position among the views.
        values: The categories with a known side, ascending.
        left: Which of them go left.
        other_left: Whether all other values go left.
        missing_left: Whether NaN goes left.
        rounding: What is done to a number first: `none`, `truncate` or `floor`.
    """

    view: int
    values: np.ndarray
    left: np.ndarray
    other_left: bool
    missing_left: bool
    rounding: str

    def check(self) -> None:
        """Find what does not fit."""
        if self.rounding not in _ROUNDINGS or self.values.ndim != 1 or not len(self.values):
            raise ValueError("a view of categories has categories")
        if not (np.diff(self.values) > 0).all():
            raise ValueError("categories are in their order")
        if self.values.shape != self.left.shape or self.left.dtype != bool or self.values.dtype != np.float64:
            raise ValueError("a view of categories has a side for each")

    def sides(self, values: np.ndarray) -> np.ndarray:
        """Return -inf for what goes left, NaN for what goes right."""
        if self.rounding != "none":
            values = np.trunc(values) if self.rounding == "truncate" else np.floor(values)
        found = np.minimum(np.searchsorted(self.values, values), len(self.values) - 1)
        left = np.where(self.values[found] == values, self.left[found], self.other_left)
        left[np.isnan(values)] = self.missing_left
        return np.where(left, -np.inf, np.nan)


@dataclass(frozen=True)
class NodeTable:
    """All nodes of all trees, each tree breadth first, with the left child behind the right one.

    Attributes:
        features: Feature by view.
        missing: What takes the place of NaN, by view.
        zero_missing: Whether zero counts as missing, by view.
        categories: The views that look at categories.
        view: View by node.
        threshold: Threshold by node; NaN for leaves, so that a walk stays there.
        right: Right child by node; the node itself for leaves.
        values: What leaves are worth, a number or a row of numbers by node.
        roots: First node by tree.
        depths: Number of splits on the longest way, by tree.
        counts: How many trees, one after the other, are summed for each output.
    """

    features: np.ndarray
    missing: np.ndarray
    zero_missing: np.ndarray
    categories: tuple[CategoryView, ...]
    view: np.ndarray
    threshold: np.ndarray
    right: np.ndarray
    values: np.ndarray
    roots: np.ndarray
    depths: np.ndarray
    counts: tuple[int, ...]

    def check(self) -> None:
        """Find what a walk would fall over."""
        self._check_types()
        views = len(self.features)
        if self.view.min() < 0 or self.view.max() >= views or (self.features < 0).any():
            raise ValueError("every split looks at a view of a feature")
        if (self.depths < 0).any() or self.depths.max() > len(self.view):
            raise ValueError("every tree has a depth")
        if sum(self.counts) != len(self.roots) or min(self.counts) < 0:
            raise ValueError("every tree is in one sum")
        if any(not 0 <= category.view < views for category in self.categories):
            raise ValueError("categories are looked at by a view")
        self._check_children()

    def _check_children(self) -> None:
        nodes = np.arange(len(self.right))
        split = self.right != nodes
        if (self.right < nodes).any() or (self.right[split] + 1 >= len(nodes)).any():
            raise ValueError("every split has two children, which come after it")
        if not np.isnan(self.threshold[~split]).all():
            raise ValueError("a leaf has no threshold")
        if self.roots[0] != 0 or (np.diff(self.roots) < 1).any() or self.roots[-1] >= len(nodes):
            raise ValueError("trees come one after the other")
        tree = self.tree
        if (tree[self.right[split] + 1] != tree[split]).any():
            raise ValueError("the nodes of a tree are together")

    def _check_types(self) -> None:
        whole = (self.features, self.view, self.right, self.roots, self.depths)
        if any(array.dtype != np.int64 or array.ndim != 1 for array in whole):
            raise ValueError("features, views, children, roots and depths are rows of int64")
        if any(array.dtype != np.float64 or array.ndim != 1 for array in (self.missing, self.threshold)):
            raise ValueError("thresholds are float64")
        if not len(self.features) == len(self.missing) == len(self.zero_missing) or len(self.roots) != len(self.depths):
            raise ValueError("views have a feature and what missing values become")
        if not len(self.roots) or not 0 < len(self.view) == len(self.threshold) == len(self.right) == len(self.values):
            raise ValueError("nodes have a view, a threshold, children and a value")
        if self.values.ndim not in (1, 2) or self.values.dtype not in (np.float32, np.float64):
            raise ValueError("leaves are worth numbers")
        if self.zero_missing.dtype != bool or not all(isinstance(c, CategoryView) for c in self.categories):
            raise ValueError("views say what is missing, and what goes left")

    @property
    def tree(self) -> np.ndarray:
        """The number of each node's tree."""
        return np.repeat(np.arange(len(self.roots)), np.diff(self.roots, append=len(self.view)))

    @cached_property
    def plain(self) -> bool:
        """Whether the views are the features as they are."""
        same = np.array_equal(self.features, np.arange(len(self.features))) and bool(np.isnan(self.missing).all())
        return same and not self.zero_missing.any() and not self.categories

    def look(self, matrix: np.ndarray) -> np.ndarray:
        """Return the views of rows (rows x features, float64): rows x views."""
        if self.plain and matrix.shape[1] == len(self.features):
            return np.ascontiguousarray(matrix)
        seen: np.ndarray = matrix.take(self.features, axis=1)
        gone = np.isnan(seen)
        if self._zeros:
            gone |= self.zero_missing & (seen == 0)
        if gone.any():
            np.copyto(seen, self.missing, where=gone)
        for category in self.categories:
            seen[:, category.view] = category.sides(matrix[:, self.features[category.view]])
        return seen

    @cached_property
    def together(self) -> np.ndarray:
        """Feature, threshold (its bits) and right child of each node beside each other: nodes x 4, the last is unused.

        One row meets few nodes, and so waits for memory: once a node this way. It takes the features for the views,
        as `by_feature` allows.
        """
        nodes = np.zeros((len(self.view), 4), dtype=np.int64)
        nodes[:, 0], nodes[:, 1] = self.features[self.view], self.threshold.view(np.int64)
        nodes[:, 2] = self.right
        return nodes

    @cached_property
    def by_feature(self) -> bool:
        """Whether views are the features as they are where nothing is missing."""
        return not self.categories and not self._zeros

    @cached_property
    def deepest(self) -> int:
        """Number of splits on the longest way."""
        return int(self.depths.max())

    @cached_property
    def _zeros(self) -> bool:
        return bool(self.zero_missing.any())

    @property
    def outputs(self) -> int:
        """How many numbers come out for a row."""
        return int(self.values.shape[1]) if self.values.ndim == 2 else len(self.counts)

    def edges(self) -> dict[int, np.ndarray]:
        """Return, by feature, the thresholds and categories at which predictions may change."""
        split = self.right != np.arange(len(self.right))
        feature = self.features[self.view[split]]
        edges = {int(f): self.threshold[split][feature == f] for f in np.unique(feature)}
        for category in self.categories:
            position = int(self.features[category.view])
            edges[position] = np.concatenate([edges[position], category.values])
        return {position: np.unique(values[np.isfinite(values)]) for position, values in edges.items()}
