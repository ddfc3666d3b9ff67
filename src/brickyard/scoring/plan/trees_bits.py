"""Trees of at most 64 leaves without walking them: a set of bits by tree, in which one leaf is left.

The values of a feature fall into intervals between which no split changes its mind. For each interval (and for
NaN) a table has, by tree, the leaves that the splits on this feature leave possible. The intersection over the
features is the leaf. (QuickScorer, Lucchese et al., SIGIR 2015, intersects by split; here one look-up a feature does
for all splits of all trees.) Every operation is over contiguous memory, so this is some times faster than a walk,
and than the libraries' own walks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from brickyard.scoring.plan.trees_kernel import add_leaves, sum_of_row
from brickyard.scoring.plan.trees_table import NodeTable

__all__ = ["LeafBits", "leaf_bits"]

# By the number of bits: a factor whose product with each single bit has another number in its upper bits.
_PLACES = {8: (0x17, 5), 16: (0x09AF, 12), 32: (0x077CB531, 27), 64: (0x03F79D71B4CB0A89, 58)}
_MOST_BYTES = 1 << 27
_LANES = 1 << 15
# About how long a feature, the rest, and a level of a walk take for a tree and a row, in nanoseconds.
_FEATURE, _REST, _LEVEL = 0.4, 5.0, 5.0


@dataclass(frozen=True)
class LeafBits:
    """The tables of sets, and what leaves are worth.

    Attributes:
        features: The features that splits look at.
        cuts: By such feature, the upper ends of the intervals, the last one infinite.
        possible: By such feature, sets of leaves: intervals and NaN x trees.
        values: What leaves are worth, by tree and place (see `_PLACES`).
        counts: How many trees are summed for each output.
        every: The sets of all features in one array, of which `possible` are the parts.
    """

    features: tuple[int, ...]
    cuts: tuple[np.ndarray, ...]
    possible: tuple[np.ndarray, ...]
    values: np.ndarray
    counts: tuple[int, ...]
    every: np.ndarray

    def sums(self, matrix: np.ndarray, start: np.ndarray | None) -> np.ndarray:
        """Sum what the leaves of rows are worth; see `trees_kernel.sums`."""
        rows = len(matrix)
        outputs = self.values.shape[1] if self.values.ndim == 2 else len(self.counts)
        result = np.empty((rows, outputs), dtype=self.values.dtype)
        result[:] = 0 if start is None else start
        codes = self._codes(matrix)
        block = max(1, _LANES // self.possible[0].shape[1])
        for begin in range(0, rows, block):
            left = self._left([code[begin : begin + block] for code in codes])
            leaves = self.values.take(self._places(left), axis=0)
            add_leaves(leaves, self.counts, 0, result[begin : begin + block], whole=start is None)
        return result

    def _codes(self, matrix: np.ndarray) -> list[np.ndarray]:
        """The interval of each row, by feature."""
        pairs = zip(self.features, self.cuts, strict=True)
        return [cuts.searchsorted(matrix[:, feature]) for feature, cuts in pairs]

    def row_sums(self, row: Sequence[float], start: np.ndarray | None) -> np.ndarray:
        """Sum what the leaves of one row are worth; see `trees_kernel.row_sums`."""
        at = [
            begin + (bisect_left(cuts, row[feature]) if row[feature] == row[feature] else len(cuts))
            for feature, cuts, begin in self._cut_rows
        ]
        left: np.ndarray = np.bitwise_and.reduce(self.every.take(at, axis=0), axis=0)
        factor, shift, first = self._row_places
        np.multiply(left, factor, out=left)
        np.right_shift(left, shift, out=left)
        places = left.astype(np.int64)
        np.add(places, first, out=places)
        return sum_of_row(self.values.take(places, axis=0), self.counts, start)

    @cached_property
    def _cut_rows(self) -> list[tuple[int, array[float], int]]:
        """Features, their upper ends, and where their sets begin among those of all features."""
        sizes = [len(sets) for sets in self.possible]
        starts = accumulate(sizes, initial=0)
        return [(f, array("d", cuts), at) for f, cuts, at in zip(self.features, self.cuts, starts, strict=False)]

    @cached_property
    def _row_places(self) -> tuple[Any, Any, np.ndarray]:
        """What makes a position among `values` of a bit: a factor, a shift, and the first position by tree."""
        kind = self.every.dtype.type
        factor, shift = _PLACES[self.every.dtype.itemsize * 8]
        return kind(factor), kind(shift), self._first_places[:, 0].copy()

    @cached_property
    def _first_places(self) -> np.ndarray:
        width = self.every.dtype.itemsize * 8
        return np.arange(0, self.every.shape[1] * width, width)[:, None]

    def _left(self, codes: list[np.ndarray]) -> np.ndarray:
        """The leaf that is left, as one bit: rows x trees."""
        left: np.ndarray = self.possible[0].take(codes[0], axis=0, mode="clip")
        other = np.empty_like(left)
        for possible, code in zip(self.possible[1:], codes[1:], strict=True):
            possible.take(code, axis=0, out=other, mode="clip")
            np.bitwise_and(left, other, out=left)
        return left

    def _places(self, left: np.ndarray) -> np.ndarray:
        """Positions among `values`: trees x rows. The sets are changed."""
        factor, shift = _PLACES[left.dtype.itemsize * 8]
        np.multiply(left, left.dtype.type(factor), out=left)
        np.right_shift(left, left.dtype.type(shift), out=left)
        places: np.ndarray = left.T.astype(np.int64, order="C")
        places += self._first_places
        return places


def leaf_bits(table: NodeTable) -> LeafBits | None:
    """Return the tables of sets for trees; None where they do not fit, or where a walk is faster."""
    split = table.right != np.arange(len(table.right))
    leaves = np.add.reduceat(~split, table.roots, dtype=np.int64).max()
    width = next((width for width in _PLACES if leaves <= width), 0)
    if not width or not split.any():
        return None
    tree = table.tree
    number = np.cumsum(~split) - ~split
    number -= number[table.roots][tree]
    features = np.unique(table.features[table.view[split]])
    if len(features) * _FEATURE + _REST > table.depths.max() * _LEVEL:
        return None
    cuts = tuple(_cuts(table, split, int(feature)) for feature in features)
    if sum(len(ends) + 1 for ends in cuts) * len(table.roots) * width // 8 > _MOST_BYTES:
        return None
    under = _leaves_under(table, split, number)
    every = np.concatenate(
        [
            _possible(table, split, tree, under, int(feature), ends).astype(f"u{width // 8}")
            for feature, ends in zip(features, cuts, strict=True)
        ]
    )
    possible = tuple(np.split(every, np.cumsum([len(ends) + 1 for ends in cuts])[:-1]))
    values = np.zeros((len(table.roots) * width, *table.values.shape[1:]), dtype=table.values.dtype)
    factor, shift = _PLACES[width]
    place = np.array([(factor << bit) % (1 << width) >> shift for bit in range(width)])
    values[tree[~split] * width + place[number[~split]]] = table.values[~split]
    return LeafBits(tuple(features.tolist()), cuts, possible, values, table.counts, every)


def _cuts(table: NodeTable, split: np.ndarray, feature: int) -> np.ndarray:
    """Upper ends of intervals of a feature, in each of which every split on it sends all values one way."""
    own = split & (table.features[table.view] == feature)
    ends = [table.threshold[own], [np.inf]]
    if (table.zero_missing & (table.features == feature)).any():
        ends.append([np.nextafter(0.0, -1.0), 0.0])
    for category in table.categories:
        if table.features[category.view] == feature:
            values = category.values
            ends += [values, np.nextafter(values, -np.inf), np.nextafter(values + 1, -np.inf), [-1.0]]
    return np.unique(np.concatenate(ends))


def _leaves_under(table: NodeTable, split: np.ndarray, number: np.ndarray) -> np.ndarray:
    """The set of leaves under each node."""
    right = table.right.tolist()
    sets = [0 if is_split else 1 << bit for is_split, bit in zip(split.tolist(), number.tolist(), strict=True)]
    for node in np.flatnonzero(split)[::-1].tolist():
        sets[node] = sets[right[node]] | sets[right[node] + 1]
    return np.array(sets, dtype=np.uint64)


def _possible(
    table: NodeTable, split: np.ndarray, tree: np.ndarray, under: np.ndarray, feature: int, ends: np.ndarray
) -> np.ndarray:
    """The sets of leaves that splits on a feature leave possible: intervals and NaN x trees."""
    own = np.flatnonzero(split & (table.features[table.view] == feature))
    matrix = np.zeros((len(ends) + 1, int(table.features.max()) + 1))
    matrix[:, feature] = np.append(ends, np.nan)
    goes_left = table.look(matrix)[:, table.view[own]] <= table.threshold[own]
    every, right = under[table.roots], table.right[own]
    sets = np.where(goes_left, every[tree[own]] & ~under[right], every[tree[own]] & ~under[right + 1])
    found = np.tile(every, (len(matrix), 1))
    first = np.flatnonzero(np.diff(tree[own], prepend=-1))
    found[:, tree[own][first]] = np.bitwise_and.reduceat(sets, first, axis=1)
    return found
