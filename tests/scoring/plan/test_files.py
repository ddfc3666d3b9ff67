"""A plan's file: the same plan comes back, and bytes that are not one are refused with a clear error."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickyard.scoring.plan import Block, Declined, Input, Plan
from brickyard.scoring.plan.categories import DECLINES, Categories, Ordinal
from brickyard.scoring.plan.files import PlanFileError, dump, load
from brickyard.scoring.plan.linear import LinearClassifier

CLASSES = np.array(["late", "on time", "é"], dtype=object)
PLAN = Plan(
    (Input("a", "double"), Input("b", "integer")),
    (Block((0, 1)),),
    (),
    LinearClassifier(
        np.asfortranarray([[1.0, 2.0], [0.0, -1.0], [0.5, 0.5]]), np.array([0.1, 0.2, 0.3]), CLASSES, "label"
    ),
)
COLUMNS = {"a": np.array([1.0, -3.0]), "b": np.array([1, -2], dtype=np.int32)}


def sealed(data: bytes) -> bytes:
    """Bytes with the hash that they should have, as one who wants to be read would write it."""
    return data[:16] + hashlib.sha256(data[48:]).digest() + data[48:]


def test_a_plan_comes_back_from_its_file() -> None:
    plan, about = load(dump(PLAN, {"digest": "abc"}))
    assert about == {"digest": "abc"}
    assert (plan.inputs, plan.blocks, plan.steps) == (PLAN.inputs, PLAN.blocks, PLAN.steps)
    for field in fields(LinearClassifier):
        before, after = getattr(PLAN.estimator, field.name), getattr(plan.estimator, field.name)
        np.testing.assert_array_equal(before, after, strict=isinstance(before, np.ndarray))
    assert isinstance(plan.estimator, LinearClassifier) and plan.estimator.coef.flags.f_contiguous
    assert plan.predict(COLUMNS).tolist() == PLAN.predict(COLUMNS).tolist() == ["late", "on time"]


def test_a_file_in_which_a_known_value_is_refused_is_refused() -> None:
    """Single rows take it for NaN, or for another value's place."""
    values = np.array(["x", "y"], dtype=object)
    for codes in ([0, 1], [0, DECLINES]):
        known = Categories(values, np.array(codes), DECLINES, DECLINES)
        block = Block((0, 1), (Ordinal((known, known), (np.array([0.0, 1.0]),) * 2, "<f8"),))
        data = dump(replace(PLAN, blocks=(block,)))
        with pytest.raises(PlanFileError, match="refused") if DECLINES in codes else contextlib.nullcontext():
            load(data)


def test_other_columns_are_declined() -> None:
    for columns in ({}, {"a": COLUMNS["a"]}, {**COLUMNS, "b": COLUMNS["a"]}, {**COLUMNS, "a": np.array([1.0])}):
        with pytest.raises(Declined):
            PLAN.predict(columns)


@pytest.mark.parametrize("cut", [0, 10, 47, 60, -1])
def test_a_part_of_a_file_is_refused(cut: int) -> None:
    with pytest.raises(PlanFileError):
        load(dump(PLAN)[:cut])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_changed_bytes_are_refused_or_are_a_plan(data: st.DataObject) -> None:
    damaged = bytearray(dump(PLAN))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    if damaged != dump(PLAN):
        with pytest.raises(PlanFileError):
            load(bytes(damaged))
    with contextlib.suppress(PlanFileError):
        load(sealed(bytes(damaged)))[0].check()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"linear.LinearClassifier", b"linear.LinearRegressorX"),
        (b"linear.LinearClassifier", b"os.system.LinearClassif"),
        (b'"columns": [0, 1]', b'"columns": [0, 9]'),
        (b'"shape": [3, 2]', b'"shape": [3,99]'),
        (b'"dtype": "<f8"', b'"dtype": "|O8"'),
        (b'"label"', b'"labes"'),
        (b'"kernel": 1', b'"kernel": 0'),
    ],
)
def test_a_file_made_to_mislead_is_refused(before: bytes, after: bytes) -> None:
    data = dump(PLAN)
    assert before in data
    with pytest.raises(PlanFileError):
        load(sealed(data.replace(before, after)))
