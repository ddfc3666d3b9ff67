"""Ten thousand frames for a pipeline: many in an example of hypothesis, as a frame, Arrow and JSON, beside pyfunc.

Where a row's prediction does not depend on the rows beside it, pyfunc is asked for all of an example's rows at once,
and for some frames alone; for other models it is asked for every frame alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from brickyard.scoring.model import ScoringModel
from brickyard.scoring.plan.verify import same
from tests.scoring.plan import pipelines
from tests.scoring.plan.soaking import FRAMES

_MOST_ROWS = 6
_WAYS = 3  # as a frame, as Arrow and as JSON
_ALONE = 10  # one frame in so many is scored by pyfunc alone

# The rows of a frame that were asked for, and what was answered.
Answers: TypeAlias = list[tuple[slice, np.ndarray]]

_ODD: dict[str, st.SearchStrategy[Any]] = {
    "double": st.floats() | st.none() | st.integers(-(2**60), 2**60) | st.sampled_from([0.0, -0.0, 1e300]),
    "float": st.floats(width=32) | st.none(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-2, 6) | st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "carrier": st.sampled_from(["??", "", "aa"]) | st.none(),
    "place": st.text(max_size=3) | st.none(),
}


@dataclass(frozen=True)
class Kind:
    """What an example's frames are made of.

    Attributes:
        seed: Of how they are put together.
        odd: By type, or by column of text, values that are not the usual ones.
    """

    seed: int
    odd: Mapping[str, Sequence[Any]]


def kinds() -> st.SearchStrategy[Kind]:
    odd = {name: st.lists(values, min_size=12, max_size=24) for name, values in _ODD.items()}
    return st.builds(Kind, st.integers(0, 2**64 - 1), st.fixed_dictionaries(odd))


def _usual(random: np.random.Generator, name: str, count: int) -> list[Any]:
    known = {"carrier": pipelines.CARRIERS, "place": pipelines.PLACES}
    if name in known:
        return [known[name][at] for at in random.integers(0, len(known[name]), count)]
    kind = pipelines.COLUMNS[name]
    if kind in {"double", "float"}:
        return random.uniform(-4, 4, count).astype(pipelines.DTYPES[kind]).tolist()
    low, high = {"integer": (-25, 26), "long": (0, 5), "boolean": (0, 2)}[kind]
    return random.integers(low, high, count).astype(pipelines.DTYPES[kind]).tolist()


def columns_of(kind: Kind) -> tuple[dict[str, list[Any]], list[slice], np.ndarray]:
    """Make an example's columns, as JSON gives them, which rows are a frame, and what is odd in each: numbers, texts.

    In a quarter of the frames everything is usual; in one half some numbers, in one half some texts are not.
    """
    random = np.random.default_rng(kind.seed)
    sizes = random.integers(1, _MOST_ROWS + 1, FRAMES)
    ends = np.cumsum(sizes)
    share = random.choice([0.02, 0.1, 0.5])
    odd_frames = random.random((FRAMES, 2)) < 0.5
    odd_numbers, odd_texts = np.repeat(odd_frames, sizes, axis=0).T
    columns = {}
    for name, of in pipelines.COLUMNS.items():
        values = _usual(random, name, int(ends[-1]))
        odd = kind.odd[name if of == "string" else of]
        where = (odd_texts if of == "string" else odd_numbers) & (random.random(ends[-1]) < share)
        for row in np.flatnonzero(where):
            values[row] = odd[random.integers(len(odd))]
        columns[name] = values
    parts = [slice(end - size, end) for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]
    return columns, parts, odd_frames


def frame_of(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    dtypes = {name: pipelines.DTYPES.get(kind, "object") for name, kind in pipelines.COLUMNS.items()}
    return pd.DataFrame({name: pd.Series(columns[name], dtype=dtypes[name]) for name in pipelines.COLUMNS})


def by_pyfunc(model: ScoringModel, frame: pd.DataFrame) -> Any:
    """What pyfunc answers; None where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return model.pyfunc.predict(frame)
        except Exception:
            return None


class Comparison:
    """An example's frames: what the plan answers for each of them, and what pyfunc does."""

    def __init__(self, model: ScoringModel, kind: Kind) -> None:
        assert model.plan is not None
        self.model, self.plan = model, model.plan
        self.columns, self.parts, self.odd = columns_of(kind)
        self.frame = frame_of(self.columns)
        texts = self.frame.astype(dict.fromkeys(pipelines.TEXTS, "string"))
        schema = pa.Schema.from_pandas(texts, preserve_index=False)
        self.batch = pa.RecordBatch.from_pandas(self.frame, schema, preserve_index=False)

    def compare(self, *, any_text: bool) -> int:
        """Compare all frames; return how many of them were answered.

        Args:
            any_text: Whether texts that are not known, or not there, are to be answered, as usual ones always are.
        """
        answers = [self._answers(part) for part in self.parts]
        for part, given, (odd_numbers, odd_texts) in zip(self.parts, answers, self.odd, strict=True):
            whole = sum(rows == slice(None) for rows, _ in given)
            assert odd_numbers or (odd_texts and not any_text) or whole >= _WAYS, f"declined: {self.frame[part]}"
        together = self._together(answers) if self.plan.row_wise else None
        for position, (part, given) in enumerate(zip(self.parts, answers, strict=True)):
            if together is None or not position % _ALONE:
                self._compare_alone(part, given)
                continue
            for rows, ours in given:
                if not same(ours, together[part][rows]):
                    self._compare_alone(part, [(rows, ours)])
        return sum(map(bool, answers))

    def _answers(self, part: slice) -> Answers:
        """Which rows of a frame the plan answered and what, by each way in."""
        columns = {name: values[part] for name, values in self.columns.items()}
        every, size = slice(None), part.stop - part.start
        answers = [
            (every, self.plan.predict(self.frame[part])),
            (every, self.plan.predict(self.batch.slice(part.start, size))),
            (every, self.plan.predict_json_columns(columns)),
        ]
        names = list(columns)
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            answers.append((slice(row, row + 1), self.plan.predict_json_row(names, list(values))))
        arrays = self.plan.arrays_of_json(columns) if self.plan.row_wise else None
        if arrays is not None:
            answers.append((every, self.plan.predict_arrays(arrays, together=True)))
        return [(rows, answer) for rows, answer in answers if answer is not None]

    def _together(self, answers: Sequence[Answers]) -> np.ndarray | None:
        """What pyfunc answers to all answered rows at once, in the place of each; None where it refuses them."""
        answered = np.zeros(len(self.frame), dtype=bool)
        for part, given in zip(self.parts, answers, strict=True):
            for rows, _ in given:
                answered[part][rows] = True
        found = by_pyfunc(self.model, self.frame[answered].reset_index(drop=True)) if answered.any() else None
        return None if found is None else found[np.maximum(np.cumsum(answered) - 1, 0)]

    def _compare_alone(self, part: slice, answers: Answers) -> None:
        """Compare a frame with what pyfunc answers to it alone, and single rows with what it answers to those."""
        frame = self.frame[part].reset_index(drop=True)
        expected: dict[tuple[int, int], Any] = {}
        for rows, ours in answers:
            asked = (rows.start or 0, rows.stop or len(frame))
            if asked not in expected:
                expected[asked] = by_pyfunc(self.model, frame[rows].reset_index(drop=True))
            assert same(ours, expected[asked]), f"{ours!r}, not {expected[asked]!r}: {frame[rows].to_dict('list')}"
