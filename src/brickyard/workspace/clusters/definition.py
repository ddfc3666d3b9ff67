"""A cluster's definition: what the caller wrote, checked and made whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.clusters.hooks import with_policy_and_pools
from brickyard.workspace.clusters.init_scripts import PLACES, REFUSED_PLACES
from brickyard.workspace.clusters.records import Json
from brickyard.workspace.clusters.values import check_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["full_definition", "given_fields"]

_VERSION = re.compile(r"(custom:[\w.-]+__)?\d+\.(\d+|x)\.x-([a-z0-9]+-)*scala2\.\d+|\d+\.\d+\.x[\w.-]*")
_NODE = re.compile(r"[A-Za-z0-9][\w.-]*")
_WHERE = "the cluster"
_SINGLE_NODE_CONF = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*, 4]"}
_ENUMERATED = ("data_security_mode", "runtime_engine", "kind")
_MOST_TAGS, _MOST_SCRIPTS = 45, 10
_LOG_PLACES = {"dbfs": "dbfs:/", "volumes": "/Volumes/", "s3": "s3"}
_DEFAULTS = {"cluster_name": "", "autotermination_minutes": 0, "enable_elastic_disk": True}


def given_fields(body: Mapping[str, Any]) -> Json:
    """What of a request's body is a cluster's definition.

    Raises:
        InvalidParameterValue: A field has the wrong type.
    """
    from databricks.sdk.service.compute import ClusterSpec

    check_shape(ClusterSpec, body)
    return {name: body[name] for name in ClusterSpec.__dataclass_fields__ if body.get(name) is not None}


def full_definition(workspace: Workspace, given: Json, by: Principal, source: str = "API") -> Json:
    """The whole definition of a cluster; create, edit, update and job clusters pass here.

    Raises:
        InvalidParameterValue: Something is missing, contradicts itself, or is not supported.
        ApiError: Its policy does not allow it.
    """
    definition = with_policy_and_pools(workspace, _typed(given), by, source)
    definition.pop("apply_policy_default_values", None)
    _check_kind(definition)
    if definition.get("is_single_node"):
        definition = _of_single_node(definition)
    _check_places(definition)
    _check_size(definition)
    _check_scripts(definition)
    _check_logs(definition)
    check_values(_WHERE, definition)
    minutes = definition.get("autotermination_minutes", 0)
    if minutes and not 10 <= minutes <= 10_000:
        raise InvalidParameterValue(f"autotermination_minutes is 0 (never) or 10 to 10000, not {minutes}")
    if len(definition.get("custom_tags", {})) > _MOST_TAGS:
        of_job = ", with those of the job" if source == "JOB" else ""
        raise InvalidParameterValue(f"there are more than {_MOST_TAGS} custom_tags{of_job}")
    driver = {"driver_node_type_id": definition.get("node_type_id", "")}
    return {**_DEFAULTS, **driver, **definition}


def _typed(given: Json) -> Json:
    """The definition with numbers as numbers, and words that the vendor has."""
    from databricks.sdk.service.compute import ClusterSpec

    definition = dict(given)
    for name in ("num_workers", "autotermination_minutes"):
        if name in definition:
            definition[name] = _number(name, definition[name])
    if "autoscale" in definition:
        definition["autoscale"] = {name: _number(f"autoscale.{name}", one) for name, one in given["autoscale"].items()}
    for name in ("custom_tags", "spark_conf", "spark_env_vars"):
        if name in definition:
            definition[name] = {key: _text(value) for key, value in definition[name].items()}
    known = ClusterSpec.from_dict(definition)
    for name in _ENUMERATED:
        if name in definition and getattr(known, name) is None:
            raise InvalidParameterValue(f"{name} cannot be {definition[name]!r}")
    return definition


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


def _number(name: str, value: Any) -> int:
    number = int(value or 0)
    if not 0 <= number <= 100_000:
        raise InvalidParameterValue(f"{name} must be 0 to 100000, not {number}")
    return number


def _check_kind(definition: Json) -> None:
    for name in ("is_single_node", "use_ml_runtime"):
        if name in definition and definition.get("kind") != "CLASSIC_PREVIEW":
            raise InvalidParameterValue(f"{name} can only be used with kind CLASSIC_PREVIEW")
    if definition.get("docker_image"):
        raise InvalidParameterValue("docker_image is not supported by the local workspace")
    if definition.get("data_security_mode") in ("SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED"):
        return
    if definition.get("single_user_name"):
        raise InvalidParameterValue("single_user_name needs data_security_mode SINGLE_USER")


def _of_single_node(definition: Json) -> Json:
    if definition.get("num_workers") or definition.get("autoscale"):
        raise InvalidParameterValue("a cluster with is_single_node has no workers: leave num_workers and autoscale out")
    return {
        **definition,
        "num_workers": 0,
        "spark_conf": {**definition.get("spark_conf", {}), **_SINGLE_NODE_CONF},
        "custom_tags": {**definition.get("custom_tags", {}), "ResourceClass": "SingleNode"},
    }


def _check_places(definition: Json) -> None:
    if not definition.get("spark_version"):
        raise InvalidParameterValue("Missing required field: spark_version")
    if not _VERSION.fullmatch(definition["spark_version"]):
        raise InvalidParameterValue(
            f"Invalid spark version {definition['spark_version']}. clusters/spark-versions lists what there is"
        )
    if not definition.get("node_type_id"):
        raise InvalidParameterValue("Missing required field: node_type_id")
    for name in ("node_type_id", "driver_node_type_id"):
        if name in definition and not _NODE.fullmatch(definition[name]):
            raise InvalidParameterValue(f"{name} {definition[name]!r} is not the name of a node type")


def _check_size(definition: Json) -> None:
    if ("num_workers" in definition) == ("autoscale" in definition):
        raise InvalidParameterValue("Exactly 1 of virtual_cluster_size, num_workers or autoscale must be specified.")
    autoscale = definition.get("autoscale")
    if autoscale is not None and autoscale.get("min_workers", 0) > autoscale.get("max_workers", 0):
        raise InvalidParameterValue("autoscale.max_workers must be at least autoscale.min_workers")
    single = definition.get("spark_conf", {}).get("spark.databricks.cluster.profile") == "singleNode"
    if single and definition.get("num_workers") != 0:
        raise InvalidParameterValue("a cluster with the profile singleNode has num_workers 0")


def _check_logs(definition: Json) -> None:
    """Refuse a place for logs that is none; that one is in the storage of a cloud is said when they are delivered."""
    conf = {kind: one for kind, one in definition.get("cluster_log_conf", {}).items() if one}
    if conf and len(conf) != 1:
        raise InvalidParameterValue(f"cluster_log_conf has one of {', '.join(_LOG_PLACES)}; it has {', '.join(conf)}")
    for kind, begin in _LOG_PLACES.items():
        if kind in conf and not str(conf[kind].get("destination") or "").startswith(begin):
            raise InvalidParameterValue(f"cluster_log_conf.{kind}.destination must be a path that begins with {begin}")


def _check_scripts(definition: Json) -> None:
    scripts = definition.get("init_scripts", [])
    if len(scripts) > _MOST_SCRIPTS:
        raise InvalidParameterValue(f"there are more than {_MOST_SCRIPTS} init_scripts")
    for number, info in enumerate(scripts):
        where = f"init_scripts[{number}]"
        places = [name for name in (*PLACES, *REFUSED_PLACES) if info.get(name)]
        if len(places) != 1:
            raise InvalidParameterValue(f"{where} must have exactly one of {', '.join(PLACES)}")
        if places[0] in REFUSED_PLACES:
            raise InvalidParameterValue(
                f"{where}: scripts in {places[0]} are not supported by the local workspace; use {', '.join(PLACES)}"
            )
        if not info[places[0]]["destination"]:
            raise InvalidParameterValue(f"{where}.{places[0]}.destination is required")
        if "\0" in info[places[0]]["destination"]:
            raise InvalidParameterValue(f"{where}.{places[0]}.destination is no path: it has a character NUL")
