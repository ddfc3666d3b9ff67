"""Endpoints in the vendor's wire types.

An entity keeps the version that the caller wrote, an alias included, so that a client which compares sees no
change. The version that an alias means now is in the older `served_models` list, and in the state's message.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.serving import (
    AiGatewayConfig,
    AutoCaptureConfigOutput,
    AutoCaptureState,
    EmailNotifications,
    EndpointCoreConfigOutput,
    EndpointCoreConfigSummary,
    EndpointPendingConfig,
    EndpointState,
    EndpointStateConfigUpdate,
    EndpointStateReady,
    EndpointTag,
    PayloadTable,
    Route,
    ServedEntityOutput,
    ServedEntitySpec,
    ServedModelOutput,
    ServedModelState,
    ServedModelStateDeployment,
    ServingEndpoint,
    ServingEndpointDetailed,
    ServingEndpointDetailedPermissionLevel,
    ServingModelWorkloadType,
    TrafficConfig,
)

from brickyard.workspace.serving.config import SETTINGS

if TYPE_CHECKING:
    from brickyard.workspace.serving.config import EndpointConfig, Entity
    from brickyard.workspace.serving.records import EndpointRecord
    from brickyard.workspace.serving.replica import Replica, Status

__all__ = ["detailed", "endpoint_state", "gateway", "mails", "reason", "summary", "tag_list"]


def detailed(record: EndpointRecord, status: Status, table: PayloadTable | None, url: str) -> ServingEndpointDetailed:
    """Everything about an endpoint; `table` is what its requests are written to now."""
    return ServingEndpointDetailed(
        name=record.name,
        id=record.id,
        creator=record.creator,
        description=record.description or "",
        creation_timestamp=record.created_at,
        last_updated_timestamp=record.updated_at,
        config=_config(record, status, table),
        pending_config=_pending(record, status),
        state=endpoint_state(record, status),
        tags=tag_list(record),
        ai_gateway=gateway(record),
        email_notifications=mails(record),
        permission_level=ServingEndpointDetailedPermissionLevel.CAN_MANAGE,
        endpoint_url=f"{url}/serving-endpoints/{record.name}/invocations",
        route_optimized=False,
    )


def summary(record: EndpointRecord, status: Status) -> ServingEndpoint:
    """An endpoint as an item of a list."""
    specs = [
        ServedEntitySpec(name=entity.name, entity_name=entity.model, entity_version=entity.version)
        for entity in record.config.entities
    ]
    return ServingEndpoint(
        name=record.name,
        id=record.id,
        creator=record.creator,
        description=record.description,
        creation_timestamp=record.created_at,
        last_updated_timestamp=record.updated_at,
        config=EndpointCoreConfigSummary(served_entities=specs),
        state=endpoint_state(record, status),
        tags=tag_list(record),
        ai_gateway=gateway(record),
    )


def endpoint_state(record: EndpointRecord, status: Status) -> EndpointState:
    """Whether it answers, and whether a change is under way.

    An endpoint that waits for a model is not updating: nothing happens until the model is registered.
    """
    replicas = status.replicas.values()
    ready = bool(replicas) and all(replica.process.failure is None for replica in replicas)
    if status.loading or record.pending:
        update = EndpointStateConfigUpdate.IN_PROGRESS
    else:
        failed = bool(record.failure)
        update = EndpointStateConfigUpdate.UPDATE_FAILED if failed else EndpointStateConfigUpdate.NOT_UPDATING
    return EndpointState(
        ready=EndpointStateReady.READY if ready else EndpointStateReady.NOT_READY, config_update=update
    )


def reason(record: EndpointRecord, status: Status) -> str:
    """Why an endpoint does not answer, in one sentence."""
    if status.messages:
        return "; ".join(status.messages.values())
    if status.loading:
        return "its model is being loaded"
    return record.failure or "it has nothing to serve"


def gateway(record: EndpointRecord) -> AiGatewayConfig | None:
    """The AI gateway; none where it has nothing."""
    return AiGatewayConfig.from_dict(dict(record.gateway.written)) if record.gateway.written else None


def mails(record: EndpointRecord) -> EmailNotifications | None:
    """Who is told how updates end; none where nobody is."""
    return EmailNotifications.from_dict(record.email_notifications) if record.email_notifications else None


def tag_list(record: EndpointRecord) -> list[EndpointTag]:
    """The tags, by key."""
    return [EndpointTag(key=key, value=value) for key, value in sorted(record.tags.items())]


def _config(record: EndpointRecord, status: Status, table: PayloadTable | None) -> EndpointCoreConfigOutput:
    config = record.config
    return EndpointCoreConfigOutput(
        auto_capture_config=_capture(config, table),
        config_version=record.config_version,
        served_entities=[_entity(entity, record, _state(entity, record, status)) for entity in config.entities],
        served_models=[
            _model(entity, record, _state(entity, record, status), status.replicas.get(entity.name))
            for entity in config.entities
        ],
        traffic_config=_traffic(config),
    )


def _pending(record: EndpointRecord, status: Status) -> EndpointPendingConfig | None:
    """What does not serve yet: an update, also one that has failed, or the first configuration."""
    config, version, at = record.pending or record.failed, record.config_version + 1, record.pending_at
    if config is None and record.config_version == 1 and not status.replicas:
        config, version, at = record.config, 1, record.created_at
    if config is None:
        return None
    return EndpointPendingConfig(
        auto_capture_config=_capture(config, None),
        config_version=version,
        served_entities=[_entity(entity, record, _awaited(entity, record, status)) for entity in config.entities],
        served_models=[_model(entity, record, _awaited(entity, record, status)) for entity in config.entities],
        start_time=at,
        traffic_config=_traffic(config),
    )


def _awaited(entity: Entity, record: EndpointRecord, status: Status) -> ServedModelState:
    """The state of an entity of a configuration that does not serve."""
    first = record.pending is None and record.failure and not status.loading and not status.messages
    if record.failed is not None or first:
        return ServedModelState(ServedModelStateDeployment.DEPLOYMENT_FAILED, record.failure)
    return _creating(entity, record, status)


def _capture(config: EndpointConfig, table: PayloadTable | None) -> AutoCaptureConfigOutput | None:
    if config.capture is None:
        return None
    if table is None or table.name != config.capture.table:
        table = PayloadTable(status="INACTIVE")
    name = config.capture.table.rpartition(".")[2]  # the vendor's has no catalog and schema, which are beside it
    state = AutoCaptureState(payload_table=replace(table, name=name))
    place = {name: value for name, value in asdict(config.capture).items() if name != "gateway"}
    return AutoCaptureConfigOutput(**place, state=state)


def _traffic(config: EndpointConfig) -> TrafficConfig:
    return TrafficConfig(
        routes=[
            Route(served_model_name=name, served_entity_name=name, traffic_percentage=share)
            for name, share in config.traffic.items()
        ]
    )


def _entity(entity: Entity, record: EndpointRecord, state: ServedModelState) -> ServedEntityOutput:
    return ServedEntityOutput(
        entity_name=entity.model, entity_version=entity.version, **_settings(entity, record), state=state
    )


def _model(
    entity: Entity, record: EndpointRecord, state: ServedModelState, replica: Replica | None = None
) -> ServedModelOutput:
    pinned = entity.version if entity.alias is None else None
    return ServedModelOutput(
        model_name=entity.model,
        model_version=str(replica.version) if replica else pinned,
        **_settings(entity, record),
        state=state,
    )


def _settings(entity: Entity, record: EndpointRecord) -> dict[str, Any]:
    """What both forms of a served entity have; the value of a secret is not among it, only the reference."""
    kind = entity.settings.get("workload_type")
    return {
        "name": entity.name,
        "environment_vars": dict(entity.environment) or None,
        **{name: entity.settings.get(name) for name in SETTINGS},
        "workload_type": ServingModelWorkloadType(kind) if kind else None,
        "creator": record.creator,
        "creation_timestamp": record.created_at,
    }


def _state(entity: Entity, record: EndpointRecord, status: Status) -> ServedModelState:
    replica = status.replicas.get(entity.name)
    if replica is not None and replica.process.failure is None:
        kind = ServedModelStateDeployment.DEPLOYMENT_READY
        message = f"serving version {replica.version} of {entity.model}"
        message += ", scaled to zero: the next request starts it" if replica.process.asleep else ""
    elif replica is not None or (record.failure and not status.loading and not status.messages):
        kind = ServedModelStateDeployment.DEPLOYMENT_FAILED
        message = (replica.process.failure if replica else None) or record.failure or ""
    else:
        return _creating(entity, record, status)
    if replica is not None and record.failure and record.failed is None:
        message = f"{message}; the last update failed: {record.failure}"
    return ServedModelState(deployment=kind, deployment_state_message=message)


def _creating(entity: Entity, record: EndpointRecord, status: Status) -> ServedModelState:
    message = status.messages.get(entity.name) or status.messages.get(record.name)
    message = message or ("waiting for the other served entities" if status.messages else "loading the model")
    return ServedModelState(ServedModelStateDeployment.DEPLOYMENT_CREATING, message)
