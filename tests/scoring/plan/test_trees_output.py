"""From sums to labels: the short way says what the library's formulas say."""

from __future__ import annotations

import numpy as np
import pytest

from brickyard.scoring.plan.trees_output import ANSWERS, LABELS_OF_TWO, LINKS, certain_labels


@pytest.mark.parametrize(("link", "dtype", "scale"), [("float logistic", "f4", 1.0), ("logistic", "f8", 0.3)])
@pytest.mark.parametrize("answer", sorted(LABELS_OF_TWO))
def test_labels_by_the_sign_are_those_by_the_probability(link: str, dtype: str, scale: float, answer: str) -> None:
    sizes = np.concatenate([np.geomspace(1e-9, 1e3, 400), [0.0, np.inf, np.nan, 0.001 / scale]])
    sums = np.concatenate([sizes, -sizes]).astype(dtype)
    classes = np.array(["late", "on time"])
    certain = 0
    for value in sums:
        with np.errstate(all="ignore"):
            expected = ANSWERS[answer](LINKS[link](np.array([[value]]), scale), classes)
        for rows in (1, 3):
            labels = certain_labels(np.repeat(value, rows), scale, classes)
            assert labels is None or labels.tolist() == expected.tolist() * rows
        certain += labels is not None
    assert 300 < certain < len(sums)
    assert certain_labels(sums, scale, classes) is None
