"""Serving endpoints: `/api/2.0/serving-endpoints` and `/serving-endpoints/{name}/invocations`.

Wire types: `databricks.sdk.service.serving`. Documented extension: a served entity's `entity_version` that is not
a number is an alias, which the endpoint follows; `GET .../{name}/events` has no operation of the SDK.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from brickyard.workspace.api.access import anyone, levels_on
from brickyard.workspace.api.base import Call, Family, json_response, whole_body
from brickyard.workspace.catalog.privileges import ObjectKind
from brickyard.workspace.identity.permissions import LEVELS
from brickyard.workspace.serving import views
from brickyard.workspace.serving.routing import Request

if TYPE_CHECKING:
    from databricks.sdk.service.serving import BuildLogsResponse, ServerLogsResponse, ServingEndpointDetailed

    from brickyard.workspace.workspace import Workspace

__all__ = ["family"]

family = Family(lenient=True)  # MLflow's deployment client ends the path of all endpoints with a slash
_ROOT = "/api/2.0/serving-endpoints"
_MOST_BODY_BYTES = 64 << 20
_on_endpoint = levels_on(lambda workspace, call: workspace.serving.securable(call.path["name"]))


async def _queries(workspace: Workspace, call: Call) -> None:
    _on_endpoint("CAN_QUERY")(workspace, call)


def _serves(workspace: Workspace, call: Call) -> None:
    """Whoever may execute the models that are to be served."""
    _require_models(workspace, call, call.body.get("config"))
    gateway = call.body.get("ai_gateway")
    _require_table(workspace, call, gateway.get("inference_table_config") if isinstance(gateway, dict) else None)


def _changes(workspace: Workspace, call: Call) -> None:
    """Whoever manages the endpoint, and may execute the models that are to be served."""
    _on_endpoint("CAN_MANAGE")(workspace, call)
    _require_models(workspace, call, call.body)


def _gates(workspace: Workspace, call: Call) -> None:
    """Whoever manages the endpoint, and may make its inference table."""
    _on_endpoint("CAN_MANAGE")(workspace, call)
    _require_table(workspace, call, call.body.get("inference_table_config"))


def _require_table(workspace: Workspace, call: Call, table: object) -> None:
    if call.principal.is_admin or not isinstance(table, dict):
        return
    if table.get("catalog_name") and table.get("schema_name"):
        schema = f"{table['catalog_name']}.{table['schema_name']}"
        workspace.catalog.access(call.principal).require(ObjectKind.SCHEMA, schema, "USE_SCHEMA", "CREATE_TABLE")


def _require_models(workspace: Workspace, call: Call, config: object) -> None:
    if call.principal.is_admin or not isinstance(config, dict):
        return  # what is not a configuration is refused by the operation itself
    access = workspace.catalog.access(call.principal)
    _require_table(workspace, call, config.get("auto_capture_config"))
    for field in ("served_entities", "served_models"):
        entities = config.get(field)
        for entity in entities if isinstance(entities, list) else []:
            name = entity.get("entity_name") or entity.get("model_name") if isinstance(entity, dict) else None
            if isinstance(name, str):
                access.require(ObjectKind.MODEL, name, "EXECUTE")


@family.call("POST", _ROOT, access=_serves)
def create_endpoint(workspace: Workspace, call: Call) -> ServingEndpointDetailed:
    """Create an endpoint."""
    return workspace.serving.create(call.body, call.principal)


@family.call("GET", _ROOT, access=anyone)
def list_endpoints(workspace: Workspace, call: Call) -> dict[str, Any]:
    """List endpoints."""
    return {"endpoints": [endpoint.as_dict() for endpoint in workspace.serving.all(call.principal)]}


@family.call("GET", _ROOT + "/{name}", access=_on_endpoint("CAN_VIEW"))
def get_endpoint(workspace: Workspace, call: Call) -> ServingEndpointDetailed:
    """Get one endpoint, with what the caller may do with it."""
    from databricks.sdk.service.serving import ServingEndpointDetailedPermissionLevel

    name, permissions = call.path["name"], workspace.identity.permissions
    found, securable = workspace.serving.get(name), workspace.serving.securable(name)
    least, *more = LEVELS[securable.kind]
    held = [one for one in more if permissions.allows(call.principal, securable, one)]
    found.permission_level = ServingEndpointDetailedPermissionLevel([least, *held][-1])
    return found


@family.call("PUT", _ROOT + "/{name}/config", access=_changes)
def update_config(workspace: Workspace, call: Call) -> ServingEndpointDetailed:
    """Change what an endpoint serves."""
    return workspace.serving.update_config(call.path["name"], call.body, call.principal)


@family.call("PATCH", _ROOT + "/{name}/tags", access=_on_endpoint("CAN_MANAGE"))
def patch_tags(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Add and delete tags."""
    record = workspace.serving.patch_tags(call.path["name"], call.body, call.principal)
    return {"tags": [tag.as_dict() for tag in views.tag_list(record)]}


@family.call("PUT", _ROOT + "/{name}/rate-limits", access=_on_endpoint("CAN_MANAGE"))
def put_rate_limits(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Replace the rate limits."""
    return {"rate_limits": workspace.serving.put_rate_limits(call.path["name"], call.body, call.principal).rate_limits}


@family.call("PATCH", _ROOT + "/{name}/notifications", access=_on_endpoint("CAN_MANAGE"))
def update_notifications(workspace: Workspace, call: Call) -> object:
    """Replace who is told by mail how updates end."""
    from databricks.sdk.service.serving import UpdateInferenceEndpointNotificationsResponse as Response_

    record = workspace.serving.update_notifications(call.path["name"], call.body, call.principal)
    return Response_(email_notifications=views.mails(record), name=record.name)


@family.call("PUT", _ROOT + "/{name}/ai-gateway", access=_gates)
def put_ai_gateway(workspace: Workspace, call: Call) -> object:
    """Replace the AI gateway."""
    return views.gateway(workspace.serving.put_ai_gateway(call.path["name"], call.body, call.principal))


@family.call("GET", _ROOT + "/{name}/events", access=_on_endpoint("CAN_VIEW"))
def list_events(workspace: Workspace, call: Call) -> dict[str, Any]:
    """What happened to an endpoint, the newest first."""
    return {"events": [asdict(event) for event in workspace.serving.inspect.events(call.path["name"])]}


@family.call("GET", _ROOT + "/{name}/served-models/{served_model_name}/build-logs", access=_on_endpoint("CAN_VIEW"))
def build_logs(workspace: Workspace, call: Call) -> BuildLogsResponse:
    """With which libraries a served entity runs."""
    from databricks.sdk.service.serving import BuildLogsResponse

    return BuildLogsResponse(workspace.serving.inspect.build_log(call.path["name"], call.path["served_model_name"]))


@family.call("GET", _ROOT + "/{name}/served-models/{served_model_name}/logs", access=_on_endpoint("CAN_VIEW"))
def logs(workspace: Workspace, call: Call) -> ServerLogsResponse:
    """What a served entity has printed last."""
    from databricks.sdk.service.serving import ServerLogsResponse

    return ServerLogsResponse(workspace.serving.inspect.log(call.path["name"], call.path["served_model_name"]))


@family.call("GET", _ROOT + "/{name}/metrics", access=_on_endpoint("CAN_VIEW"))
def export_metrics(workspace: Workspace, call: Call) -> Response:
    """The metrics of an endpoint, for Prometheus."""
    return Response(workspace.serving.inspect.metrics(call.path["name"]), media_type="text/plain; version=0.0.4")


@family.call("GET", _ROOT + "/{name}/openapi", access=_on_endpoint("CAN_VIEW"))
def get_open_api(workspace: Workspace, call: Call) -> Response:
    """How an endpoint is asked, as an OpenAPI document."""
    return json_response(workspace.serving.inspect.open_api(call.path["name"]))


@family.call("DELETE", _ROOT + "/{name}", access=_on_endpoint("CAN_MANAGE"))
def delete_endpoint(workspace: Workspace, call: Call) -> None:
    """Delete an endpoint."""
    workspace.serving.delete(call.path["name"])


@family.call("POST", "/serving-endpoints/{name}/invocations", access=_queries, stream=True, changes=False)
async def query(workspace: Workspace, call: Call) -> Response:
    """Ask an endpoint's model."""
    return await _asked(workspace, call, None)


@family.call(
    "POST",
    "/serving-endpoints/{name}/served-models/{served_model_name}/invocations",
    access=_queries,
    stream=True,
    changes=False,
)
async def query_served_model(workspace: Workspace, call: Call) -> Response:
    """Ask one of an endpoint's models, whatever the shares of the traffic."""
    return await _asked(workspace, call, call.path["served_model_name"])


async def _asked(workspace: Workspace, call: Call, entity: str | None) -> Response:
    refusal = f"the body is larger than {_MOST_BODY_BYTES >> 20} MiB; send the rows in parts"
    body = await whole_body(call.request, _MOST_BODY_BYTES, refusal)
    content_type, accept = (call.request.headers.get(name, "") for name in ("content-type", "accept"))
    who = call.principal.user_name
    asked = Request(body, content_type, requester=who, accept=accept, entity=entity)
    replica, reply = await workspace.serving.query(call.path["name"], asked, call.principal)
    headers = {
        "served-model-name": replica.entity.name,
        "x-model-version": str(replica.version),
        "x-scoring-rung": reply.rung,
        "x-request-id": asked.id,
    }
    if reply.retry_after:
        headers["retry-after"] = reply.retry_after
    return Response(reply.body, reply.status, headers, media_type=reply.media_type)
