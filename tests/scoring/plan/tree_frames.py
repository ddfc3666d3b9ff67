"""Ten thousand frames for a model of trees: many in an example of hypothesis, compared with one call of the library.

The libraries score row by row, so what they say of all rows at once they say of every frame; some frames are scored
by them alone all the same. The plan scores each frame alone, by every way that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from brickyard.scoring.plan.steps import Declined
from brickyard.scoring.plan.trees_kernel import row_sums, sums
from tests.scoring.plan.soaking import FRAMES
from tests.scoring.plan.tree_rows import SPECIAL, pool, same

_MOST_ROWS = 12
_ALONE = 80  # one frame in so many is scored by the library alone
_NASTY = [*SPECIAL, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 2.0**31, -(2.0**31), 2.0**53]
_LARGEST_WHOLE = 2.0**40

Way = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Kind:
    """What an example's frames are like.

    Attributes:
        seed: Of what is in them.
        odd: How many in a hundred numbers have any bits, or are special ones, and are not near an edge of the trees.
        gaps: How many in a hundred frames have what a library may refuse.
        dtype: Their type.
    """

    seed: int
    odd: int
    gaps: int
    dtype: str


def kinds() -> st.SearchStrategy[Kind]:
    return st.builds(
        Kind,
        seed=st.integers(0, 2**64 - 1),
        odd=st.sampled_from([0, 5, 30, 100]),
        gaps=st.sampled_from([0, 50, 100]),
        dtype=st.sampled_from(["float64", "float64", "float64", "float32", "int64"]),
    )


def frames(step: Any, kind: Kind, gaps: Sequence[float]) -> list[np.ndarray]:
    """Make an example's frames, of 1 to 12 rows, in either memory order."""
    random = np.random.default_rng(kind.seed)
    sizes = random.integers(1, _MOST_ROWS + 1, FRAMES)
    ends = np.cumsum(sizes)
    columns = [_column(random, pool(step, feature, []), kind.odd / 100, ends[-1]) for feature in range(step.features)]
    matrix = np.column_stack(columns)
    holes = np.repeat(random.random(FRAMES) < kind.gaps / 100, sizes)[:, None] & (random.random(matrix.shape) < 0.15)
    matrix[holes] = random.choice(gaps, np.count_nonzero(holes))
    if kind.dtype == "int64":
        matrix = np.clip(np.nan_to_num(matrix), -_LARGEST_WHOLE, _LARGEST_WHOLE)
    with np.errstate(over="ignore"):
        matrix = matrix.astype(kind.dtype)
    parts = np.split(matrix, ends[:-1])
    return [np.asfortranarray(part) if fortran else part for part, fortran in zip(parts, sizes % 2 == 0, strict=True)]


def _column(random: np.random.Generator, near: np.ndarray, odd: float, count: int) -> np.ndarray:
    """Numbers near the edges of a feature, of any bits, and special ones."""
    any_bits = random.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)
    any_bits = np.where(np.isfinite(any_bits), any_bits, 0.0)
    usual = random.normal(scale=10.0 ** random.integers(-3, 4), size=count)
    others = np.choose(random.integers(0, 3, count), [any_bits, usual, random.choice(_NASTY, count)])
    return np.where(random.random(count) < odd, others, random.choice(near, count))


def agree_on(step: Any, reference: Way, made: Sequence[np.ndarray], refusal: type[Exception] | None = None) -> int:
    """Compare every way of the plan, for each frame and for a row of each, with the library's answers.

    Args:
        step: The plan's trees.
        reference: The library's function.
        made: The frames.
        refusal: What the library raises for a frame that the plan declines; where there is none, none is declined.

    Returns:
        How many frames were answered.
    """
    answered: list[np.ndarray] = []
    ours: list[np.ndarray] = []
    for frame in made:
        try:
            answer = step.predict(frame)
        except Declined:
            assert refusal is not None, f"declined: {frame.tolist()}"
            with pytest.raises(refusal):
                reference(frame)
            continue
        answered.append(frame)
        ours.append(answer)
    if not answered:
        return 0
    together = np.concatenate(answered)
    theirs = np.asarray(reference(together))
    _equal(ours, theirs, together)
    for way in step.ways:
        _equal([way(frame) for frame in answered], theirs, together)
    _tables_equal(step, answered, together)
    first = np.cumsum([0, *map(len, answered[:-1])])
    for way in [step.predict, *step.ways]:
        _equal([way(frame[:1]) for frame in answered], theirs[first], together[first])
    for frame, answer in list(zip(answered, ours, strict=True))[::_ALONE]:
        same(answer, reference(frame))
    return len(answered)


def _tables_equal(step: Any, answered: Sequence[np.ndarray], together: np.ndarray) -> None:
    """Compare the sums of walked trees with those of sets of leaves, where trees have both, and of rows alone."""
    start = step.start if len(step.start) else None
    walked, walked_row = partial(sums, step.table, start=start), partial(row_sums, step.table, start=start)
    frames = [step.rows(frame) for frame in answered]
    expected = walked(step.rows(together))
    first = np.cumsum([0, *map(len, frames[:-1])])
    _equal([walked(frame) for frame in frames], expected, together)
    _equal([walked_row(frame[0].tolist())[None] for frame in frames], expected[first], together[first])
    if step.bits is not None:
        intersected, of_row = partial(step.bits.sums, start=start), partial(step.bits.row_sums, start=start)
        _equal([intersected(frame) for frame in frames], expected, together)
        _equal([of_row(frame[0].tolist())[None] for frame in frames], expected[first], together[first])


def _equal(ours: Sequence[np.ndarray], theirs: np.ndarray, rows: np.ndarray) -> None:
    """Compare the parts with the whole; what differs is shown with the row."""
    assert {(part.dtype, part.shape[1:]) for part in ours} == {(theirs.dtype, theirs.shape[1:])}
    found = np.concatenate(ours)
    if found.tobytes() == np.ascontiguousarray(theirs).tobytes():
        return
    for one, other, row in zip(found, theirs, rows, strict=True):
        if one.tobytes() != other.tobytes():
            pytest.fail(f"{one!r} is not {other!r} for {row.tolist()}")
