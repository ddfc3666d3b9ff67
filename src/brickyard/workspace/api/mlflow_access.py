"""Who may call which operation of MLflow: by the experiment, or the registered model, that it is about.

Administrators are not checked. For everybody else a request is read as MLflow's server is about to read it, and what
has no rule here is refused. Sources of the levels: https://docs.databricks.com/en/mlflow/experiments-acl.html and
https://docs.databricks.com/en/mlflow/models-acl.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import anyio.to_thread
from starlette.responses import Response

from brickyard.workspace.api.errors import InvalidParameterValue, PermissionDenied
from brickyard.workspace.api.mlflow_guard import Guard

if TYPE_CHECKING:
    from brickyard.workspace.api.base import Call
    from brickyard.workspace.registry.reading import Reading
    from brickyard.workspace.workspace import Workspace

__all__ = ["RULES", "forward"]

Rule = Callable[[Guard, "Reading"], None]
_READ, _EDIT, _MANAGE = "CAN_READ", "CAN_EDIT", "CAN_MANAGE"
# MLflow's server reads and deletes files where these tags of a trace say that its spans are.
_SERVER_TAGS = frozenset({"mlflow.trace.archiveLocation", "mlflow.trace.spansLocation"})


async def forward(workspace: Workspace, call: Call, body: bytes | None = None, query: str | None = None) -> Response:
    """Let MLflow's server answer a call, with another body or query where one is given, if the caller may make it.

    Raises:
        PermissionDenied: The caller may not.
        NotImplementedByWorkspace: MLflow's server has no such operation.
    """
    tracking = workspace.registry.tracking
    if call.principal.is_admin:
        return await tracking.forward(call.request, body, query)
    if call.request.url.path.startswith("/ajax-api/"):
        raise PermissionDenied("Only administrators of the workspace may use the addresses of MLflow's own pages.")
    guard, seen = Guard(workspace, call.principal), _Last()
    body = await call.request.body() if body is None else body

    def check(reading: Reading) -> None:
        seen.operation = reading.operation
        _check(guard, reading)

    while True:
        response = await tracking.forward(call.request, body, query, check)
        shown = await anyio.to_thread.run_sync(_shown, guard, seen.operation, response)
        if shown is None:
            return response
        answer, token = shown
        if not token or any(answer.values()):
            kept = answer | ({"next_page_token": token} if token else {})
            return Response(json.dumps(kept), media_type="application/json")
        body, query = _next_page(call, body, query, token)  # nothing on this page is for the caller


class _Last:
    operation = ""


def _check(guard: Guard, reading: Reading) -> None:
    rule = RULES.get(reading.operation)
    if rule is None and reading.operation:  # without a name there is no operation, as the server will say
        raise PermissionDenied(f"Only administrators of the workspace may do this ({reading.operation}).")
    if rule is not None:
        rule(guard, reading)


def _shown(guard: Guard, operation: str, response: Response) -> tuple[dict[str, Any], str] | None:
    """The part of a list's page that the caller may see, and the token of the next; nothing for what is no list."""
    if operation not in _LISTS or response.status_code != 200:
        return None
    name, may_see = _LISTS[operation]
    page = json.loads(bytes(response.body))
    return {name: [one for one in page.get(name, []) if may_see(guard, one)]}, page.get("next_page_token", "")


def _next_page(call: Call, body: bytes, query: str | None, token: str) -> tuple[bytes, str | None]:
    if call.request.method == "GET":
        given = parse_qsl(call.request.url.query if query is None else query, keep_blank_values=True)
        rest = [pair for pair in given if pair[0] != "page_token"]
        return body, urlencode([*rest, ("page_token", token)])
    fields = json.loads(body or b"{}")
    if not isinstance(fields, dict):
        raise InvalidParameterValue("the request body must be a JSON object")
    fields.pop("pageToken", None)
    return json.dumps(fields | {"page_token": token}).encode(), query


def _anybody(guard: Guard, reading: Reading) -> None:
    """Every principal may."""


def _experiments(level: str, name: str = "experiment_id") -> Rule:
    return lambda guard, reading: guard.experiments(_required(reading, name), level)


def _runs(level: str, *names: str) -> Rule:
    return lambda guard, reading: guard.runs(_required(reading, *(names or ("run_id", "run_uuid"))), level)


def _traces(level: str) -> Rule:
    def check(guard: Guard, reading: Reading) -> None:
        guard.traces(_required(reading, "trace_id", "request_id", "trace_ids"), level)
        if reading.operation in _TAGGING:
            _refuse_server_tags([*reading.values("key"), *(tag.key for tag in getattr(reading.message, "tags", ()))])

    return check


def _logged_models(level: str) -> Rule:
    return lambda guard, reading: guard.logged_models(_required(reading, "model_id"), level)


def _datasets(level: str) -> Rule:
    return lambda guard, reading: guard.datasets(_required(reading, "dataset_id"), level)


def _dataset_and_experiments(guard: Guard, reading: Reading) -> None:
    guard.datasets(_required(reading, "dataset_id"), _EDIT)
    guard.experiments(_required(reading, "experiment_ids"), _EDIT)


def _models(level: str) -> Rule:
    return lambda guard, reading: guard.model(_one(reading, "name"), level)


def _required(reading: Reading, *names: str) -> list[str]:
    """The ids that a request names; without any, MLflow's server would take all there are."""
    found = reading.values(*names)
    if not found:
        raise InvalidParameterValue(f"{names[0]} is required")
    return found


def _one(reading: Reading, name: str) -> str:
    return _required(reading, name)[0]


def _create_experiment(guard: Guard, reading: Reading) -> None:
    guard.new_experiment(_one(reading, "name"))


def _update_experiment(guard: Guard, reading: Reading) -> None:
    guard.experiments(_required(reading, "experiment_id"), _MANAGE)
    guard.new_experiment(_one(reading, "new_name"))


def _log_metrics(guard: Guard, reading: Reading) -> None:
    """A metric may be one of a logged model too, of another experiment."""
    guard.runs(_required(reading, "run_id", "run_uuid"), _EDIT)
    models = [*reading.values("model_id"), *(one.model_id for one in getattr(reading.message, "metrics", ()))]
    guard.logged_models([model for model in dict.fromkeys(models) if model], _EDIT)


def _link_models(guard: Guard, reading: Reading) -> None:
    guard.runs(_required(reading, "run_id"), _EDIT)
    guard.logged_models([one.model_id for one in reading.message.models if one.model_id], _READ)


def _create_logged_model(guard: Guard, reading: Reading) -> None:
    guard.experiments(_required(reading, "experiment_id"), _EDIT)
    guard.runs(reading.values("source_run_id"), _READ)


def _link_traces(guard: Guard, reading: Reading) -> None:
    guard.runs(_required(reading, "run_id"), _EDIT)
    guard.traces(_required(reading, "trace_ids"), _READ)


def _start_trace(guard: Guard, reading: Reading) -> None:
    guard.experiments(_required(reading, "experiment_id"), _EDIT)
    _refuse_server_tags([tag.key for tag in reading.message.tags])


def _start_trace_v3(guard: Guard, reading: Reading) -> None:
    """A trace that is there already is changed, in whichever experiment it is."""
    info = reading.message.trace.trace_info
    guard.experiments(_located([info.trace_location]), _EDIT)
    guard.traces([info.trace_id], _EDIT)
    _refuse_server_tags(list(info.tags))


def _search_traces_v3(guard: Guard, reading: Reading) -> None:
    guard.experiments(_located(reading.message.locations), _READ)


def _located(locations: Any) -> list[str]:
    found = [location.mlflow_experiment.experiment_id for location in locations]
    if not found or not all(found):
        raise InvalidParameterValue("traces need the mlflow_experiment that they are in")
    return found


def _refuse_server_tags(keys: list[str]) -> None:
    refused = sorted(_SERVER_TAGS.intersection(keys))
    if refused:
        raise PermissionDenied(f"Only administrators of the workspace may set the tag {refused[0]} of a trace.")


def _create_version(guard: Guard, reading: Reading) -> None:
    guard.model(_one(reading, "name"), _EDIT)
    guard.logged_models(reading.values("model_id"), _READ)
    guard.runs_there(reading.values("run_id"), _READ)


def _transition(guard: Guard, reading: Reading) -> None:
    guard.transition(_one(reading, "name"), _one(reading, "version"), _one(reading, "stage"))


_TAGGING = frozenset({"SetTraceTag", "SetTraceTagV3", "EndTrace"})
_LISTS: Mapping[str, tuple[str, Callable[[Guard, Mapping[str, Any]], bool]]] = {
    "SearchExperiments": ("experiments", lambda guard, one: guard.sees_experiment(one["experiment_id"], one["name"])),
    "SearchRegisteredModels": ("registered_models", lambda guard, one: guard.sees_model(one["name"])),
    "SearchModelVersions": ("model_versions", lambda guard, one: guard.sees_model(one["name"])),
}
# By the name of the operation's message. What is missing is for administrators.
RULES: Mapping[str, Rule] = {
    "_get_server_info": _anybody,
    "CreateExperiment": _create_experiment,
    "GetExperiment": _experiments(_READ),
    "GetExperimentByName": lambda guard, reading: guard.experiment_named(_one(reading, "experiment_name"), _READ),
    "SearchExperiments": _anybody,  # the answer is cut to what the caller may see
    "UpdateExperiment": _update_experiment,
    "SetExperimentTag": _experiments(_EDIT),
    "DeleteExperimentTag": _experiments(_EDIT),
    "CreateRun": _experiments(_EDIT),
    "GetRun": _runs(_READ),
    "SearchRuns": _experiments(_READ, "experiment_ids"),
    "GetMetricHistory": _runs(_READ),
    "GetMetricHistoryBulkInterval": _runs(_READ, "run_ids"),
    "LogMetric": _log_metrics,
    "LogBatch": _log_metrics,
    "LogInputs": _link_models,
    "LogOutputs": _link_models,
    **dict.fromkeys(
        ("UpdateRun", "DeleteRun", "RestoreRun", "LogParam", "SetTag", "DeleteTag", "LogModel"), _runs(_EDIT)
    ),
    "CreateLoggedModel": _create_logged_model,
    "GetLoggedModel": _logged_models(_READ),
    "SearchLoggedModels": _experiments(_READ, "experiment_ids"),
    **dict.fromkeys(
        (
            "FinalizeLoggedModel",
            "DeleteLoggedModel",
            "SetLoggedModelTags",
            "DeleteLoggedModelTag",
            "LogLoggedModelParamsRequest",
        ),
        _logged_models(_EDIT),
    ),
    "StartTrace": _start_trace,
    "StartTraceV3": _start_trace_v3,
    "SearchTraces": _experiments(_READ, "experiment_ids"),
    "SearchTracesV3": _search_traces_v3,
    "DeleteTraces": _experiments(_EDIT),
    "DeleteTracesV3": _experiments(_EDIT),
    "CalculateTraceFilterCorrelation": _experiments(_READ, "experiment_ids"),
    "QueryTraceMetrics": _experiments(_READ, "experiment_ids"),
    "LinkTracesToRun": _link_traces,
    **dict.fromkeys(
        ("GetTrace", "GetTraceInfo", "GetTraceInfoV3", "BatchGetTraces", "BatchGetTraceInfos", "GetAssessmentRequest"),
        _traces(_READ),
    ),
    **dict.fromkeys(
        (
            "EndTrace",
            "SetTraceTag",
            "SetTraceTagV3",
            "DeleteTraceTag",
            "DeleteTraceTagV3",
            "LinkPromptsToTrace",
            "CreateAssessment",
            "UpdateAssessment",
            "DeleteAssessment",
        ),
        _traces(_EDIT),
    ),
    "CreateDataset": _experiments(_EDIT, "experiment_ids"),
    "SearchEvaluationDatasets": _experiments(_READ, "experiment_ids"),
    "AddDatasetToExperiments": _dataset_and_experiments,
    "RemoveDatasetFromExperiments": _dataset_and_experiments,
    **dict.fromkeys(("GetDataset", "GetDatasetRecords", "GetDatasetExperimentIds"), _datasets(_READ)),
    **dict.fromkeys(
        ("DeleteDataset", "SetDatasetTags", "DeleteDatasetTag", "UpsertDatasetRecords", "DeleteDatasetRecords"),
        _datasets(_EDIT),
    ),
    **dict.fromkeys(("GetScorer", "ListScorerVersions"), _experiments(_READ)),
    **dict.fromkeys(("RegisterScorer", "DeleteScorer"), _experiments(_EDIT)),
    "CreateRegisteredModel": _anybody,  # whoever makes a model manages it
    "SearchRegisteredModels": _anybody,  # the answers are cut to what the caller may see
    "SearchModelVersions": _anybody,
    **dict.fromkeys(
        (
            "GetRegisteredModel",
            "GetLatestVersions",
            "GetModelVersion",
            "GetModelVersionDownloadUri",
            "GetModelVersionByAlias",
        ),
        _models(_READ),
    ),
    "CreateModelVersion": _create_version,
    **dict.fromkeys(
        (
            "UpdateRegisteredModel",
            "UpdateModelVersion",
            "SetRegisteredModelTag",
            "DeleteRegisteredModelTag",
            "SetModelVersionTag",
            "DeleteModelVersionTag",
        ),
        _models(_EDIT),
    ),
    "TransitionModelVersionStage": _transition,
    **dict.fromkeys(
        (
            "RenameRegisteredModel",
            "DeleteRegisteredModel",
            "DeleteModelVersion",
            "SetRegisteredModelAlias",
            "DeleteRegisteredModelAlias",
        ),
        _models(_MANAGE),
    ),
}
