"""Clusters under policies: what is added, what is refused and in which words, what enforcing changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.policies.evaluation import Change, Facts, changes, enforce_rules, evaluate, refuse
from brickyard.workspace.policies.families import FAMILIES
from brickyard.workspace.policies.rules import rules_of

Json = dict[str, Any]
VERSIONS = {"auto:latest-lts": "15.4.x-scala2.12", "auto:latest-lts-ml": "15.4.x-cpu-ml-scala2.12"}
FACTS = Facts("all-purpose", lambda cluster: 0.75 * (1 + cluster.get("num_workers", 0)), lambda name: VERSIONS[name])


def faults(definition: Json, cluster: Json, facts: Facts = FACTS) -> dict[str, str]:
    return dict(evaluate(rules_of(definition), cluster, facts).violations)


def completed(definition: Json, cluster: Json, *, defaults: bool = False) -> Json:
    found = evaluate(rules_of(definition), cluster, FACTS, defaults=defaults)
    assert not found.violations
    return found.cluster


CASES: list[tuple[str, Json, Json, str | None]] = [
    ("node_type_id", {"type": "fixed", "value": "a"}, {"node_type_id": "b"}, 'the value must be a (is "b")'),
    ("num_workers", {"type": "fixed", "value": "2"}, {"num_workers": 2}, None),
    ("enable_elastic_disk", {"type": "fixed", "value": "true"}, {"enable_elastic_disk": True}, None),
    ("node_type_id", {"type": "forbidden"}, {"node_type_id": "b"}, "the value cannot be present"),
    ("node_type_id", {"type": "forbidden"}, {"node_type_id": ""}, None),
    ("node_type_id", {"type": "allowlist", "values": ["a", "c"]}, {"node_type_id": "b"}, "must be one of a, c"),
    ("node_type_id", {"type": "blocklist", "values": ["b"]}, {"node_type_id": "b"}, "cannot be one of b"),
    ("spark_version", {"type": "regex", "pattern": "15.*"}, {"spark_version": "x15"}, "must match the pattern 15.*"),
    ("num_workers", {"type": "range", "maxValue": 3}, {"num_workers": 4}, 'must be at most 3 (is "4")'),
    ("num_workers", {"type": "range", "minValue": 1}, {"num_workers": 0}, "must be at least 1"),
    ("num_workers", {"type": "unlimited"}, {}, "the value must be present"),
    ("num_workers", {"type": "unlimited", "isOptional": True}, {}, None),
    ("custom_tags.team", {"type": "unlimited"}, {}, "custom_tags, team must be present"),
    ("custom_tags.*", {"type": "regex", "pattern": "[a-z]+"}, {"custom_tags": {"a": "B"}}, "custom_tags, a must match"),
    ("custom_tags.*", {"type": "regex", "pattern": "[a-z]+"}, {}, None),
    ("cluster_type", {"type": "fixed", "value": "job"}, {}, 'must be job (is "all-purpose")'),
    ("dbus_per_hour", {"type": "range", "maxValue": 2}, {"num_workers": 2}, 'must be at most 2 (is "2.25")'),
    ("cluster_log_conf.type", {"type": "fixed", "value": "DBFS"}, {"cluster_log_conf": {"s3": {}}}, '(is "S3")'),
    (
        "cluster_log_conf.type",
        {"type": "fixed", "value": "DBFS"},
        {"cluster_log_conf": {"dbfs": None, "volumes": {"destination": "/Volumes/a/b/c"}}},
        '(is "VOLUMES")',
    ),
]


@pytest.mark.parametrize(("path", "rule", "cluster", "message"), CASES)
def test_each_type_of_rule(path: str, rule: Json, cluster: Json, message: str | None) -> None:
    found = faults({path: rule}, cluster)
    if message is None:
        assert not found
    else:
        assert message in "".join(found.values())
        with pytest.raises(InvalidParameterValue, match=r"^Cluster validation error: Validation failed for "):
            refuse(found)


def test_fixed_values_are_added_and_defaults_only_where_they_are_asked_for() -> None:
    definition = {
        "spark_version": {"type": "fixed", "value": "auto:latest-lts"},
        "custom_tags.team": {"type": "fixed", "value": 7},
        "num_workers": {"type": "range", "maxValue": 9, "defaultValue": 2, "isOptional": True},
        "cluster_log_conf.type": {"type": "fixed", "value": "VOLUMES"},
        "cluster_log_conf.path": {"type": "fixed", "value": "/Volumes/a/b/c"},
    }
    given = {"custom_tags": {"own": "x"}}
    plain = completed(definition, given)
    assert plain == {
        "spark_version": "15.4.x-scala2.12",
        "custom_tags": {"own": "x", "team": "7"},
        "cluster_log_conf": {"volumes": {"destination": "/Volumes/a/b/c"}},
    }
    assert completed(definition, given, defaults=True) == {**plain, "num_workers": 2}
    assert completed(definition, {"num_workers": 5}, defaults=True)["num_workers"] == 5
    assert given == {"custom_tags": {"own": "x"}}


def test_lists_have_rules_for_one_element_and_for_all_others() -> None:
    definition = {
        "init_scripts.0.volumes.destination": {"type": "fixed", "value": "/Volumes/a/b/c/first.sh"},
        "init_scripts.*.volumes.destination": {"type": "forbidden"},
    }
    first = {"volumes": {"destination": "/Volumes/a/b/c/first.sh"}}
    assert completed(definition, {})["init_scripts"] == [first]
    other = {"volumes": {"destination": "/Volumes/a/b/c/other.sh"}}
    assert list(faults(definition, {"init_scripts": [first, other]})) == ["init_scripts.1.volumes.destination"]
    assert list(faults(definition, {"init_scripts": [other]})) == ["init_scripts.0.volumes.destination"]
    required = {"init_scripts.*.volumes.destination": {"type": "regex", "pattern": "/Volumes/.*"}}
    assert list(faults(required, {"init_scripts": [first, {"workspace": {"destination": "/x"}}]})) == [
        "init_scripts.1.volumes.destination"
    ]


def test_enforcing_takes_fixed_and_default_values_and_removes_what_is_forbidden() -> None:
    definition = {
        "num_workers": {"type": "range", "maxValue": 3, "defaultValue": 2},
        "custom_tags.team": {"type": "fixed", "value": "ml"},
        "instance_pool_id": {"type": "forbidden"},
        "init_scripts.*.volumes.destination": {"type": "forbidden"},
        "node_type_id": {"type": "regex", "pattern": "D.*"},
    }
    cluster = {
        "num_workers": 9,
        "custom_tags": {"team": "x"},
        "instance_pool_id": "p",
        "init_scripts": [{"volumes": {"destination": "/Volumes/a"}}, {"workspace": {"destination": "/b"}}],
        "node_type_id": "E4",
    }
    found = enforce_rules(rules_of(definition), cluster, FACTS)
    assert found.cluster == {
        "num_workers": 2,
        "custom_tags": {"team": "ml"},
        "init_scripts": [{"workspace": {"destination": "/b"}}],
        "node_type_id": "E4",
    }
    assert list(found.violations) == ["node_type_id"]
    assert Change("custom_tags.team", "x", "ml") in list(changes(cluster, found.cluster))
    assert Change("instance_pool_id", "p", "") in list(changes(cluster, found.cluster))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cluster_of_a_family_needs_only_its_defaults(family: str) -> None:
    definition = dict(FAMILIES[family].definition)
    kind = definition["cluster_type"]["value"]
    found = evaluate(rules_of(definition), {"policy_id": "x"}, Facts(kind, version=VERSIONS.__getitem__), defaults=True)
    assert not found.violations
    assert found.cluster["spark_version"] in VERSIONS.values() and found.cluster["node_type_id"]


# Random policies and clusters.

TEXTS, NUMBERS = st.sampled_from(["a", "b", "c"]), st.integers(0, 5)


def _limits(values: Any) -> Any:
    more = st.fixed_dictionaries({}, optional={"isOptional": st.booleans()})
    types = [
        st.fixed_dictionaries({"type": st.just("fixed"), "value": values}),
        st.just({"type": "forbidden"}),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["allowlist", "blocklist"]), "values": st.lists(values, min_size=1, max_size=3)}
        ),
        st.just({"type": "unlimited"}),
    ]
    return st.tuples(st.one_of(types), more).map(lambda both: {**both[0], **both[1]})


DEFINITIONS = st.fixed_dictionaries(
    {},
    optional={
        "node_type_id": _limits(TEXTS),
        "num_workers": _limits(NUMBERS),
        "autoscale.max_workers": _limits(NUMBERS),
        "custom_tags.team": _limits(TEXTS),
        "custom_tags.*": _limits(TEXTS),
        "init_scripts.0.dbfs.destination": _limits(TEXTS),
        "init_scripts.*.dbfs.destination": _limits(TEXTS),
    },
)
CLUSTERS = st.fixed_dictionaries(
    {},
    optional={
        "node_type_id": TEXTS,
        "num_workers": NUMBERS,
        "autoscale": st.fixed_dictionaries({}, optional={"max_workers": NUMBERS}),
        "custom_tags": st.dictionaries(st.sampled_from(["team", "x", "y"]), TEXTS),
        "init_scripts": st.lists(st.fixed_dictionaries({"dbfs": st.fixed_dictionaries({"destination": TEXTS})})),
    },
)


@settings(deadline=None)
@given(definition=DEFINITIONS, cluster=CLUSTERS)
def test_completing_only_adds_and_changes_nothing_the_second_time(definition: Json, cluster: Json) -> None:
    rules = rules_of(definition)
    once = evaluate(rules, cluster, FACTS, defaults=True)
    assert evaluate(rules, once.cluster, FACTS, defaults=True) == once
    assert all(not one.previous for one in changes(cluster, once.cluster))


@settings(deadline=None)
@given(definition=DEFINITIONS, cluster=CLUSTERS)
def test_what_keeps_to_a_policy_is_left_alone_by_enforcing(definition: Json, cluster: Json) -> None:
    rules = rules_of(definition)
    found = evaluate(rules, cluster, FACTS)
    put_right = enforce_rules(rules, cluster, FACTS)
    if not found.violations:
        assert not list(changes(found.cluster, put_right.cluster))
    assert set(put_right.violations) <= set(found.violations) | {
        path for path in put_right.violations if path.startswith("init_scripts")
    }


@settings(deadline=None)
@given(definition=DEFINITIONS, cluster=CLUSTERS, removed=st.data())
def test_fewer_rules_never_refuse_more(definition: Json, cluster: Json, removed: st.DataObject) -> None:
    kept = {path: rule for path, rule in definition.items() if removed.draw(st.booleans(), path)}
    alone = {path for path in definition if "*" in path}
    if alone & kept.keys() != alone & definition.keys() or not alone:
        fewer = evaluate(rules_of({path: rule for path, rule in kept.items() if "*" not in path}), cluster, FACTS)
        more = evaluate(rules_of(definition), cluster, FACTS)
        assert set(fewer.violations) <= set(more.violations)
