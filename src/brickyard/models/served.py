"""A serving endpoint that a model is tried on: read and changed by the vendor's API only."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from brickyard.errors import ModelError, UsageError
from brickyard.models.site import now
from brickyard.models.trial import Observed
from brickyard.plan.connect import calling

if TYPE_CHECKING:
    from databricks.sdk.service.serving import (
        AutoCaptureConfigInput,
        ServedEntityInput,
        ServedEntityOutput,
        ServingEndpointDetailed,
        ServingEndpointsAPI,
        TrafficConfig,
    )

    from brickyard.models.site import Site
    from brickyard.scoring.warehouses import Warehouse

__all__ = ["CANDIDATE", "TAG", "ServedModel", "TakenOff"]

#: What the trial of a rollout is at, kept as a tag of the endpoint.
TAG = "brickyard.rollout"
_SHADOW = "brickyard.shadow"
#: What the tags begin with by which rollouts say that they have begun, each by one of its own.
_CLAIM = "brickyard.rollout.claim."
#: The name of the served entity that is tried.
CANDIDATE = "rollout-candidate"
_TAG_LENGTH = 250
_UPDATE = timedelta(minutes=20)
_ATTEMPTS = 3
_MOST_ROWS = 20_000


class TakenOff(ModelError):
    """Somebody else has changed what an endpoint serves while a version was tried on it."""


@dataclass(frozen=True)
class ServedModel:
    """The served entity of an endpoint that serves a model, and the version that it serves.

    Attributes:
        name: The endpoint.
        entity: As it is to be put back.
        version: The version that it serves now.
        capture: Where its requests are written to.
        table: The inference table.
        candidate: The version that a rollout tries on it, or that one which was killed has left; or none.
        told: What that rollout has said last.
        mirrors: Whether the candidate is a shadow.
        claims: Who has begun a rollout, and when, by the claim.
        others: Served entities of other models, which stay as they are.
        shares: Percent of the traffic of these, by their names.
    """

    api: ServingEndpointsAPI
    name: str
    entity: ServedEntityInput
    version: str
    capture: AutoCaptureConfigInput
    table: str
    candidate: str | None = None
    told: str = ""
    mirrors: bool = False
    claims: Mapping[str, str] = field(default_factory=dict)
    others: tuple[ServedEntityInput, ...] = ()
    shares: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, *, at_rest: bool = True) -> ServedModel:
        """The endpoint of a model's policy.

        Args:
            site: The model in one environment.
            at_rest: Whether it has to serve, and must not be about to change.

        Raises:
            UsageError: The policy names none, or it has no inference table.
            ModelError: It does not serve this model, or by several entities; or it is being changed.
        """
        from databricks.sdk.service.serving import ServingEndpointsAPI

        api, name = ServingEndpointsAPI(site.connection.api), site.policy.endpoint or ""
        with calling(f"look at the endpoint '{name}'", name):
            found = api.get(name)
        if at_rest:
            _require_rest(found)
        entity, version, others = _serving(found, site)
        shares = {name: share for name, share in _config(found)[1].items() if name not in (entity.name, CANDIDATE)}
        served = (found.config.served_entities if found.config else None) or []
        candidate = next((one.entity_version for one in served if one.name == CANDIDATE), None)
        tags = {one.key: one.value for one in found.tags or []}
        told, mirrors = tags.get(TAG) or "", tags.get(_SHADOW) == CANDIDATE
        marks = {str(key): value or "" for key, value in tags.items() if str(key).startswith(_CLAIM)}
        claims = {key.removeprefix(_CLAIM): value for key, value in marks.items()}
        return cls(api, name, entity, version, *_table(found), candidate, told, mirrors, claims, others, shares)

    @property
    def alias(self) -> bool:
        """Whether it follows an alias, which only local workspaces do."""
        return not str(self.entity.entity_version).isdecimal()

    def require_trial(self, version: str) -> None:
        """Look whether the endpoint still tries a version, and answers.

        Raises:
            ModelError: It does not answer.
            TakenOff: It does not try the version.
        """
        from databricks.sdk.service.serving import EndpointStateReady

        with calling(f"look at the endpoint '{self.name}'", self.name):
            found = self.api.get(self.name)
        if found.state is None or found.state.ready is not EndpointStateReady.READY:
            raise ModelError(f"the endpoint is not ready any more: {_messages(found)}", where=self.name)
        if _config(found)[0].get(CANDIDATE) != version:
            raise TakenOff(f"somebody else has taken version {version} off the endpoint", where=self.name)

    def part(self, share: int) -> int:
        """A percent of the model's traffic, as a percent of the endpoint's.

        Raises:
            ModelError: It is none.
        """
        whole = 100 - sum(self.shares.values())
        part = round(whole * share / 100)
        if share and not part:
            text = (
                f"the model has {whole} % of the endpoint's traffic, which is too little to give {share} % of it away"
            )
            raise ModelError(text, where=self.name, next="give it more, or write other `steps` of its rollout")
        return part

    def put(self, version: str | None, share: int = 0) -> None:
        """Give a candidate a percent of the model's traffic, or take it away (`None`), and wait until that is so.

        Raises:
            ModelError: The workspace could not, and goes on as before; or that is no traffic.
        """
        from databricks.sdk.service.serving import Route, TrafficConfig

        part = self.part(share)
        rest = 100 - sum(self.shares.values()) - part
        entities, shares = [*self.others, self.entity], {**self.shares, str(self.entity.name): rest}
        if version is not None:
            entities.append(replace(self.entity, entity_version=version, name=CANDIDATE))
            shares[CANDIDATE] = part
        traffic = TrafficConfig([Route(share, name, name) for name, share in shares.items()])
        with calling(f"change what the endpoint '{self.name}' serves", self.name):
            done = self._update(entities, traffic, wait_first=version is None)
        if _config(done) != ({one.name: one.entity_version for one in entities}, _present(shares)):
            raise ModelError(f"the endpoint could not be changed: {_messages(done)}", where=self.name)

    def _update(
        self, entities: list[ServedEntityInput], traffic: TrafficConfig, *, wait_first: bool
    ) -> ServingEndpointDetailed:
        """Change what is served; with `wait_first`, after a change that is under way (of a trial that was stopped)."""
        from databricks.sdk.errors import OperationFailed
        from databricks.sdk.errors.platform import ResourceConflict

        for attempt in range(_ATTEMPTS):
            try:
                return self.api.update_config_and_wait(
                    self.name,
                    served_entities=entities,
                    traffic_config=traffic,
                    auto_capture_config=self.capture,
                    timeout=_UPDATE,
                )
            except OperationFailed as error:
                found = self.api.get(self.name)
                raise ModelError(f"the endpoint could not be changed: {_messages(found)}", where=self.name) from error
            except ResourceConflict:
                if not wait_first or attempt == _ATTEMPTS - 1:
                    raise
            with suppress(OperationFailed):  # it has ended, too
                self.api.wait_get_serving_endpoint_not_updating(self.name, _UPDATE)
        raise AssertionError("the last attempt returns or raises")

    def finish(self, version: str) -> None:
        """Let the entity serve a version; one that follows an alias goes on doing so.

        Raises:
            ModelError: The workspace could not, and goes on as before.
        """
        entity = self.entity if self.alias else replace(self.entity, entity_version=version)
        replace(self, entity=entity).put(None)

    def mirror(self, on: bool) -> None:
        """Send the candidate what others have answered, or stop that.

        Raises:
            UsageError: The workspace has no shadows.
        """
        if on and not self._has_shadows():
            raise UsageError(
                "this workspace mirrors no requests: shadows are of local workspaces",
                where=self.name,
                next="take `shadow` out of the model's rollout in brickyard.yml",
            )
        self._tag(**({_SHADOW: CANDIDATE} if on else {_SHADOW: None}))

    def _has_shadows(self) -> bool:
        with calling(f"read the metrics of the endpoint '{self.name}'", self.name):
            contents = self.api.export_metrics(self.name).contents
        return contents is not None and b"shadow_request_count_total" in contents.read()

    def tell(self, text: str) -> None:
        """Write to the endpoint what the trial is at."""
        self._tag(**{TAG: text if len(text) <= _TAG_LENGTH else text[: _TAG_LENGTH - 3] + "..."})

    def claim(self, name: str, user: str) -> None:
        """Say that a rollout begins, before looking who else does: of two, one sees the other at least."""
        self._tag(**{f"{_CLAIM}{name}": f"{user}, {now()}"})

    def release(self, *claims: str) -> None:
        """Take claims away."""
        self._tag(**{f"{_CLAIM}{name}": None for name in claims})

    def observed(self, warehouse: Warehouse, since: Mapping[str, int]) -> dict[str, Observed]:
        """What the inference table has of versions, each since a time in epoch milliseconds.

        All requests are counted; times and predictions are those of the newest of each version.
        """
        return {version: self._of_version(warehouse, version, at) for version, at in since.items()}

    def _of_version(self, warehouse: Warehouse, version: str, since: int) -> Observed:
        table = ".".join(f"`{part}`" for part in self.table.split("."))
        source = f"FROM {table} WHERE request_metadata['model_version'] = '{int(version)}' AND timestamp_ms >= {since}"
        if self.others:  # whose versions have the same numbers
            source += f" AND lower(request_metadata['model_name']) = '{str(self.entity.entity_name).lower()}'"
        (counted,) = _rows(
            warehouse,
            "SELECT count(*) AS requests, "
            "count(CASE WHEN status_code IS NULL OR status_code >= 500 THEN 1 END) AS errors, "
            f"count(CASE WHEN status_code <> 200 AND status_code < 500 THEN 1 END) AS refused {source}",
        )
        newest = _rows(
            warehouse,
            "SELECT execution_time_ms, CASE WHEN status_code = 200 THEN response END AS response "
            f"{source} ORDER BY timestamp_ms DESC LIMIT {_MOST_ROWS}",
        )
        return _observed(counted, newest)

    def _tag(self, **tags: str | None) -> None:
        from databricks.sdk.service.serving import EndpointTag

        added = [EndpointTag(key, value) for key, value in tags.items() if value is not None]
        gone = [key for key, value in tags.items() if value is None]
        with calling(f"tag the endpoint '{self.name}'", self.name):
            self.api.patch(self.name, add_tags=added, delete_tags=gone)


def _require_rest(found: ServingEndpointDetailed) -> None:
    from databricks.sdk.service.serving import EndpointStateConfigUpdate, EndpointStateReady

    where, state = str(found.name), found.state
    if state is None or state.ready is not EndpointStateReady.READY:
        raise ModelError(f"the endpoint serves nothing yet: {_messages(found)}", where=where)
    if state.config_update is EndpointStateConfigUpdate.IN_PROGRESS:
        raise ModelError("the endpoint is being changed", where=where, next="wait until it is not, then try again")


def _serving(
    found: ServingEndpointDetailed, site: Site
) -> tuple[ServedEntityInput, str, tuple[ServedEntityInput, ...]]:
    """The entity that serves the model, its version, and the entities of other models."""
    where, config = str(found.name), found.config
    entities = [one for one in (config.served_entities if config else None) or [] if one.name != CANDIDATE]
    mine = [one for one in entities if one.entity_name == site.policy.name]
    if len(mine) != 1:
        names = ", ".join(f"'{one.name}'" for one in mine)
        raise ModelError(
            f"the endpoint serves {site.policy.name} by {names}" if mine else f"it does not serve {site.policy.name}",
            where=where,
            next="a rollout needs an endpoint with one served entity of the model",
        )
    models = {one.name: one.model_version for one in (config.served_models if config else None) or []}
    version = models.get(mine[0].name) or str(mine[0].entity_version)
    return _written(mine[0]), version, tuple(_written(one) for one in entities if one is not mine[0])


def _written(entity: ServedEntityOutput) -> ServedEntityInput:
    """An entity as it is sent to stay what it is."""
    from databricks.sdk.service.serving import ServedEntityInput

    names = _names(ServedEntityInput)
    return ServedEntityInput.from_dict({name: value for name, value in entity.as_dict().items() if name in names})


def _names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def _table(found: ServingEndpointDetailed) -> tuple[AutoCaptureConfigInput, str]:
    from databricks.sdk.service.serving import AutoCaptureConfigInput

    capture = found.config.auto_capture_config if found.config else None
    table = capture.state.payload_table if capture and capture.state else None
    if capture is None or not capture.enabled or table is None or not table.name:
        of_gateway = found.ai_gateway.inference_table_config if found.ai_gateway else None
        fault = "has no inference table, by which a rollout is judged"
        if of_gateway is not None and of_gateway.enabled:
            fault = "has an inference table of the AI gateway, whose rows do not say which version answered"
        text = "turn on `auto_capture_config` of its config, and no `inference_table_config` of its AI gateway"
        raise UsageError(f"the endpoint {fault}", where=str(found.name), next=text)
    place = AutoCaptureConfigInput(capture.catalog_name, True, capture.schema_name, capture.table_name_prefix)
    full = table.name.count(".") == 2
    return place, table.name if full else f"{place.catalog_name}.{place.schema_name}.{table.name}"


def _messages(found: ServingEndpointDetailed) -> str:
    entities = (found.config.served_entities if found.config else None) or []
    said = [one.state.deployment_state_message for one in entities if one.state]
    return "; ".join(text for text in said if text) or "it does not say why"


def _config(found: ServingEndpointDetailed) -> tuple[dict[str | None, str | None], dict[str, int]]:
    """What is served, and the shares of the traffic."""
    config = found.config
    entities = {one.name: one.entity_version for one in (config.served_entities if config else None) or []}
    routes = (config.traffic_config.routes if config and config.traffic_config else None) or []
    shares = {one.served_entity_name or one.served_model_name or "": one.traffic_percentage for one in routes}
    return entities, _present(shares)


def _present(shares: Mapping[str, int]) -> dict[str, int]:
    return {name: share for name, share in shares.items() if share}


def _rows(warehouse: Warehouse, statement: str) -> list[dict[str, Any]]:
    return [row for batch in warehouse.execute(statement).batches() for row in batch.to_pylist()]


def _observed(counted: Mapping[str, int], rows: Iterable[Mapping[str, Any]]) -> Observed:
    milliseconds: list[float] = []
    predictions: dict[str, list[float | str]] = {}
    for row in rows:
        if row["execution_time_ms"] is not None:
            milliseconds.append(float(row["execution_time_ms"]))
        for column, value in _predictions(row["response"]) if row["response"] else ():
            predictions.setdefault(column, []).append(value)
    return Observed(counted["requests"], counted["errors"], milliseconds, predictions, counted["refused"])


def _predictions(response: str) -> Iterator[tuple[str, float | str]]:
    """What an answer predicts, by column: rows are values, lists or objects; or an object has a list for a column."""
    try:
        found = json.loads(response)
    except ValueError:
        return
    rows = found.get("predictions") if isinstance(found, dict) else found
    for name, column in rows.items() if isinstance(rows, dict) else (("", rows),):
        for row in column if isinstance(column, list) else [column]:
            cells = row.items() if isinstance(row, dict) else enumerate(row) if isinstance(row, list) else [("", row)]
            for cell, value in cells:
                where = f"{name}{cell}"
                if isinstance(value, str):
                    yield where, value
                elif isinstance(value, int | float) and math.isfinite(value):
                    yield where, float(value)
