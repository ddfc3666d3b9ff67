"""What a policy definition may say, and how it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.policies.rules import definition_of, rules_of

WRONG: dict[str, tuple[Any, str]] = {
    "no object": ([], "is not a JSON object"),
    "no rule": ({"spark_version": "15.4"}, "its type is not one of"),
    "an unknown type": ({"spark_version": {"type": "const", "value": "x"}}, "its type is not one of"),
    "an unknown path": ({"sparks": {"type": "forbidden"}}, "unsupported path sparks was provided"),
    "a path to an object": ({"autoscale": {"type": "forbidden"}}, "unsupported path autoscale"),
    "a path to no element": ({"init_scripts.x.volumes.destination": {"type": "forbidden"}}, "unsupported path"),
    "a path behind a value": ({"num_workers.x": {"type": "forbidden"}}, "unsupported path"),
    "no value": ({"spark_version": {"type": "fixed"}}, "value is required"),
    "no values": ({"node_type_id": {"type": "allowlist", "values": []}}, "at least one value"),
    "another's field": ({"node_type_id": {"type": "fixed", "value": "a", "values": ["b"]}}, "'values' is not part"),
    "no number": ({"num_workers": {"type": "fixed", "value": "many"}}, "not a whole number"),
    "no whole number": ({"num_workers": {"type": "fixed", "value": 1.5}}, "not a whole number"),
    "no boolean": ({"enable_elastic_disk": {"type": "fixed", "value": "yes"}}, "neither true nor false"),
    "an object as value": ({"spark_conf.a": {"type": "fixed", "value": {}}}, "not a single value"),
    "no pattern": ({"spark_version": {"type": "regex", "pattern": "("}}, "not a regular expression"),
    "a range of text": ({"node_type_id": {"type": "range", "maxValue": 1}}, "for numbers only"),
    "a range without end": ({"num_workers": {"type": "range"}}, "a number as minValue"),
    "a range from behind": ({"num_workers": {"type": "range", "minValue": 3, "maxValue": 2}}, "greater than"),
    "a default outside": ({"num_workers": {"type": "range", "maxValue": 3, "defaultValue": 4}}, "at most 3"),
    "a word as isOptional": ({"num_workers": {"type": "unlimited", "isOptional": "yes"}}, "true or false"),
}


@pytest.mark.parametrize(("definition", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_rule_is_refused_by_name(definition: Any, message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=r"Cluster policy is invalid as .*") as raised:
        definition_of(json.dumps(definition))
    assert message in raised.value.message


def test_text_that_is_no_json_and_a_path_twice() -> None:
    for text, message in (
        ("{", "not JSON"),
        ('{"a": 1, "a": 2}', "only be one limitation per attribute"),
        (None, "must be a string"),
    ):
        with pytest.raises(InvalidParameterValue, match=message):
            definition_of(text)


@pytest.mark.parametrize(
    "path",
    [
        "spark_conf.spark.executor.memory",
        "custom_tags.*",
        "init_scripts.0.workspace.destination",
        "init_scripts.*.volumes.destination",
        "azure_attributes.spot_bid_max_price",
        "cluster_log_conf.type",
        "workload_type.clients.jobs",
        "docker_image.basic_auth.username",
        "ssh_public_keys.*",
        "driver_instance_pool_id",
        "dbus_per_hour",
        "cluster_type",
    ],
)
def test_the_attributes_that_the_vendor_documents(path: str) -> None:
    (rule,) = rules_of({path: {"type": "forbidden", "hidden": True}})
    assert rule.attribute.path == path


def test_default_that_is_none_of_a_list_is_kept_as_the_documentation_has_it() -> None:
    """`Standard_L16s_v2` in "General cluster policy" of the vendor's documentation."""
    rule = {"type": "allowlist", "values": ["Standard_L4s"], "defaultValue": "Standard_L16s_v2"}
    assert rules_of({"node_type_id": rule})[0].default == "Standard_L16s_v2"
