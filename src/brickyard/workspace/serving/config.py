"""What an endpoint should serve: entities by version or alias, and the share of traffic that each gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from databricks.sdk.service.serving import ServingModelWorkloadType

from brickyard.workspace.api.errors import InvalidParameterValue, NotImplementedByWorkspace
from brickyard.workspace.api.shape import check_shape
from brickyard.workspace.registry.names import ModelName, parse_alias, parse_version
from brickyard.workspace.serving.capture_settings import CaptureConfig
from brickyard.workspace.serving.environment import parse_environment

__all__ = ["SETTINGS", "EndpointConfig", "Entity", "Variable", "refuse_unsupported"]

_CONCURRENCY = ("min_provisioned_concurrency", "max_provisioned_concurrency")
#: Sizes and scaling of a served entity, which are kept as they were written.
SETTINGS = ("workload_size", "workload_type", "scale_to_zero_enabled", *_CONCURRENCY)
_ENTITY_FIELDS = frozenset(
    {"name", "entity_name", "entity_version", "environment_vars", "model_name", "model_version", *SETTINGS}
)
_CONFIG_FIELDS = frozenset({"name", "served_entities", "served_models", "traffic_config", "auto_capture_config"})
_NAME_LENGTH = 63
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{_NAME_LENGTH - 1}}}")
_ENTITIES_AT_MOST = 15
_WORKLOADS = tuple(kind.value for kind in ServingModelWorkloadType)


@dataclass(frozen=True)
class Entity:
    """One served model version.

    Attributes:
        name: Its name within the endpoint.
        model: The registered model's full name.
        version: A version number, or an alias, as the caller wrote it.
        environment: Environment variables of its scoring process; references to secrets as they were written.
        settings: Sizes and scaling as the caller wrote them; a local endpoint runs one process for each entity.
    """

    name: str
    model: str
    version: str
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alias(self) -> str | None:
        """The alias that it follows, or none where it is pinned to a version."""
        return None if self.version.isdecimal() else self.version.removeprefix("@")


@dataclass(frozen=True)
class _Settings:
    """The types of an entity's settings."""

    name: str | None = None
    workload_size: str | None = None
    workload_type: str | None = None


class Variable(NamedTuple):
    """An environment variable as it was written, and the model that is given it."""

    model: str
    name: str
    value: str


@dataclass(frozen=True)
class EndpointConfig:
    """The entities, percent of traffic by entity name, and where requests and answers are kept."""

    entities: tuple[Entity, ...]
    traffic: Mapping[str, int]
    capture: CaptureConfig | None = None

    @classmethod
    def parse(
        cls, body: Mapping[str, Any], endpoint: str | None = None, now: EndpointConfig | None = None
    ) -> EndpointConfig:
        """Read the `config` of a create, or the body of an update.

        Args:
            body: What was sent.
            endpoint: The endpoint's name.
            now: What an update replaces; entities and shares stay where it has others, and an inference table too.

        Raises:
            InvalidParameterValue: A field is missing or wrong.
            NotImplementedByWorkspace: A field is not supported here.
        """
        refuse_unsupported("config", body, _CONFIG_FIELDS)
        given = body.get("served_entities") or body.get("served_models")
        shares, table = body.get("traffic_config"), body.get("auto_capture_config")
        entities = now.entities if now and not given and (shares or table) else _entities(given)
        names = [entity.name for entity in entities]
        traffic = now.traffic if now and not given and not shares else _traffic(shares, names)
        capture = CaptureConfig.parse(table, endpoint)
        if now and now.capture is not None:
            if capture is not None:
                capture.require_same_place(now.capture)
            elif table is None or table.get("enabled") is False:
                capture = replace(now.capture, enabled=now.capture.enabled and table is None)
        return cls(entities, traffic, capture)

    def variables(self) -> frozenset[Variable]:
        """The environment variables of all entities."""
        entities = ((entity.model.lower(), entity.environment.items()) for entity in self.entities)
        return frozenset(Variable(model, *item) for model, items in entities for item in items)

    def to_json(self) -> dict[str, Any]:
        """A form that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> EndpointConfig:
        """Read what `to_json` wrote."""
        capture = stored.get("capture")
        entities = tuple(Entity(**entity) for entity in stored["entities"])
        return cls(entities, stored["traffic"], CaptureConfig(**capture) if capture else None)


def refuse_unsupported(where: str, body: Mapping[str, Any], supported: Iterable[str]) -> None:
    """Refuse fields that are set and would otherwise be ignored.

    Raises:
        NotImplementedByWorkspace: Names the first such field.
    """
    known = set(supported)
    for name, value in body.items():
        if name not in known and value not in (None, [], {}, False, ""):
            raise NotImplementedByWorkspace(f"serving endpoints: the local workspace does not support {where}.{name}")


def _entities(given: Any) -> tuple[Entity, ...]:
    if not isinstance(given, list) or not given:
        raise InvalidParameterValue("config.served_entities must list at least one entity")
    if len(given) > _ENTITIES_AT_MOST:
        raise InvalidParameterValue(f"an endpoint serves at most {_ENTITIES_AT_MOST} entities")
    entities = tuple(_entity(item) for item in given)
    names = [entity.name for entity in entities]
    if len(set(names)) != len(names):
        raise InvalidParameterValue(f"the names of served entities must differ; got {', '.join(names)}")
    return entities


def _entity(item: Any) -> Entity:
    if not isinstance(item, Mapping):
        raise InvalidParameterValue("config.served_entities must be a list of objects")
    refuse_unsupported("served_entities", item, _ENTITY_FIELDS)
    check_shape(_Settings, item, "served_entities")
    model = str(item.get("entity_name") or item.get("model_name") or "")
    version = str(item.get("entity_version") or item.get("model_version") or "")
    _check_model(model, version)
    if item.get("workload_type") not in (None, "", *_WORKLOADS):
        raise InvalidParameterValue(f"workload_type must be one of {', '.join(_WORKLOADS)}")
    name = item.get("name") or f"{model.rsplit('.', 1)[1]}-{version.removeprefix('@')}"[:_NAME_LENGTH]
    if not _NAME.fullmatch(name):
        raise InvalidParameterValue(f"a served entity's name has letters, digits, `_`, `-` and `.`; got '{name}'")
    kept = {key: item[key] for key in ("workload_size", "workload_type") if item.get(key)} | _concurrency(item)
    if item.get("scale_to_zero_enabled") is not None:
        kept["scale_to_zero_enabled"] = _flag("scale_to_zero_enabled", item["scale_to_zero_enabled"])
    return Entity(name, model, version, parse_environment(item.get("environment_vars")), kept)


def _concurrency(item: Mapping[str, Any]) -> dict[str, int]:
    """How many requests at once are paid for: multiples of four, and no size beside them, as the vendor has it."""
    found = {name: item[name] for name in _CONCURRENCY if item.get(name) is not None}
    if any(not isinstance(value, int) or isinstance(value, bool) or value < 0 or value % 4 for value in found.values()):
        raise InvalidParameterValue(f"{' and '.join(_CONCURRENCY)} must be multiples of 4")
    if found and item.get("workload_size"):
        raise InvalidParameterValue("a served entity has a workload_size or provisioned concurrency, not both")
    least, most = (found.get(name) for name in _CONCURRENCY)
    if least is not None and most is not None and least > most:
        raise InvalidParameterValue(f"{_CONCURRENCY[0]} must not be above {_CONCURRENCY[1]}")
    return found


def _flag(name: str, value: Any) -> bool:
    """True or false, also as text: the vendor's documentation writes `"scale_to_zero_enabled": "true"`."""
    known = {"true": True, "false": False}.get(str(value).lower()) if isinstance(value, bool | str) else None
    if known is None:
        raise InvalidParameterValue(f"served_entities.{name} must be true or false; got {value!r}")
    return known


def _check_model(model: str, version: str) -> None:
    """Refuse what can never become a version, so that an endpoint does not wait for it."""
    if len([part for part in model.split(".") if part]) != 3:
        raise InvalidParameterValue(f"entity_name must be CATALOG.SCHEMA.MODEL, a registered model; got '{model}'")
    ModelName.parse(model)
    if not version:
        raise InvalidParameterValue(f"entity_version of {model} is required: a version number or an alias")
    if version.isdecimal():
        parse_version(version)
    else:
        parse_alias(version.removeprefix("@"))


def _traffic(given: Any, names: list[str]) -> dict[str, int]:
    routes = given.get("routes") if isinstance(given, Mapping) else given
    if not routes:
        if len(names) > 1:
            raise InvalidParameterValue("traffic_config.routes must say the share of each served entity")
        return {names[0]: 100}
    if not isinstance(routes, list) or not all(isinstance(route, Mapping) for route in routes):
        raise InvalidParameterValue("traffic_config.routes must be a list of objects")
    shares: dict[str, int] = {}
    for route in routes:
        name = route.get("served_entity_name") or route.get("served_model_name")
        if name not in names:
            raise InvalidParameterValue(f"traffic_config names '{name}'; the served entities are {', '.join(names)}")
        if name in shares:
            raise InvalidParameterValue(f"traffic_config names '{name}' more than once")
        shares[name] = _percentage(route.get("traffic_percentage"))
    if sum(shares.values()) != 100:
        raise InvalidParameterValue(f"the traffic percentages must sum to 100; got {sum(shares.values())}")
    return shares


def _percentage(value: Any) -> int:
    """A share, also as text: the vendor's documentation writes `"traffic_percentage": "90"`."""
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= 3 else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= 100:
        raise InvalidParameterValue(f"traffic_percentage must be a whole number from 0 to 100; got {value!r}")
    return number
