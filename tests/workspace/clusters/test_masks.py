"""Masks of `clusters/update`: what they may name, and what becomes of a definition."""

from __future__ import annotations

from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.clusters.masks import masked


@pytest.mark.parametrize(
    "mask",
    ["num_workers.foo", "cluster_name.x", "autoscale.min_wrkers", "spark_conf.a", "init_scripts.0", "spark_conf,", "x"],
)
def test_a_mask_that_names_no_field_is_refused(mask: str) -> None:
    with pytest.raises(InvalidParameterValue, match="a cluster has no field"):
        masked({"num_workers": 3}, {"cluster": {"cluster_name": "x"}, "update_mask": mask})


def test_fields_are_changed_and_removed() -> None:
    before: dict[str, Any] = {"spark_conf": {"a": "1"}, "autoscale": {"min_workers": 1, "max_workers": 4}}
    body: dict[str, Any] = {"cluster": {"num_workers": 2}, "update_mask": "spark_conf, num_workers"}
    assert masked(before, body) == {"num_workers": 2}
    body = {"cluster": {"autoscale": {"max_workers": 8}}, "update_mask": "autoscale.max_workers"}
    assert masked(before, body) == {**before, "autoscale": {"min_workers": 1, "max_workers": 8}}
    body = {"cluster": {"autoscale": {"min_workers": 1, "max_workers": 2}}, "update_mask": " autoscale"}
    assert masked({"num_workers": 2}, body) == {"autoscale": {"min_workers": 1, "max_workers": 2}}
