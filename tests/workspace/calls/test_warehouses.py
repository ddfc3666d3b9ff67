"""SQL warehouses: statements, their results in every format, and the history."""

from __future__ import annotations

import csv
import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    NotImplemented,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service.iam import PatchSchema
from databricks.sdk.service.sql import (
    CreateWarehouseRequestWarehouseType,
    DefaultWarehouseOverride,
    DefaultWarehouseOverrideType,
    Disposition,
    EndpointConfPair,
    ExecuteStatementRequestOnWaitTimeout,
    ExternalLink,
    Format,
    QueryFilter,
    QueryHistoryAPI,
    QueryStatus,
    RepeatedEndpointConfPairs,
    ServiceErrorCode,
    State,
    StatementExecutionAPI,
    StatementParameterListItem,
    StatementResponse,
    StatementState,
    WarehouseAccessControlRequest,
    WarehousePermissionLevel,
    WarehousesAPI,
    WarehouseTypePair,
    WarehouseTypePairWarehouseType,
)

from tests.support import LocalWorkspace, wait_for
from tests.workspace.calls.conftest import Robot

PATCH = PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP
FAMILIES = (WarehousesAPI, StatementExecutionAPI, QueryHistoryAPI)


def starter(w: WorkspaceClient) -> str:
    """The warehouse that a new workspace has."""
    return next(one.id or "" for one in w.warehouses.list() if one.name == "Serverless Starter Warehouse")


def data(answer: StatementResponse) -> list[list[str]]:
    assert answer.status is not None and answer.status.state is StatementState.SUCCEEDED, answer.status
    return (answer.result.data_array if answer.result else None) or []


def error(answer: StatementResponse) -> tuple[str, str | None]:
    assert answer.status is not None and answer.status.error is not None, answer
    return answer.status.error.message or "", answer.status.sql_state


def test_every_operation(w: WorkspaceClient, robot: Robot, name: Callable[[], str]) -> None:
    family = w.warehouses
    made = family.create_and_wait(name=name(), cluster_size="2X-Small", max_num_clusters=1, auto_stop_mins=10)
    number = made.id or ""
    assert (made.state, made.auto_stop_mins, made.num_clusters) == (State.RUNNING, 10, 1)
    assert f"/sql/1.0/warehouses/{number}" == (made.odbc_params.path if made.odbc_params else None)
    renamed = name()
    assert family.edit_and_wait(number, name=renamed, cluster_size="Small").auto_stop_mins == 10
    assert {one.id: one.name for one in family.list()}[number] == renamed
    gone = family.create_and_wait(name=name(), cluster_size="2X-Small", max_num_clusters=1).id or ""
    family.delete(gone)
    configuration(w)  # which ends all that runs, also what is deleted and not at its end yet
    defaults(w, robot, number)
    statements(w, number)
    permissions(w, robot, number)
    assert family.stop_and_wait(number).state is State.STOPPED
    assert family.start_and_wait(number).state is State.RUNNING
    family.delete(number)
    with pytest.raises(NotFound):
        family.get(number)


def configuration(w: WorkspaceClient) -> None:
    family, pairs = w.warehouses, RepeatedEndpointConfPairs
    classic = WarehouseTypePair(enabled=False, warehouse_type=WarehouseTypePairWarehouseType.CLASSIC)
    wanted = pairs(configuration_pairs=[EndpointConfPair("TIMEZONE", "Asia/Tokyo")])
    family.set_workspace_warehouse_config(enabled_warehouse_types=[classic], sql_configuration_parameters=wanted)
    try:
        kept = family.get_workspace_warehouse_config().sql_configuration_parameters
        assert kept and kept.as_dict() == wanted.as_dict()
        with pytest.raises(InvalidParameterValue, match="CLASSIC are disabled"):
            family.create(name="classic", warehouse_type=CreateWarehouseRequestWarehouseType.CLASSIC)
        zone = w.statement_execution.execute_statement("SELECT current_timezone()", starter(w), wait_timeout="50s")
        assert data(zone) == [["Asia/Tokyo"]]
        wrong = pairs(configuration_pairs=[EndpointConfPair("ANSI_MODE", "false")])
        with pytest.raises(NotImplemented, match="ANSI_MODE is always true"):
            family.set_workspace_warehouse_config(sql_configuration_parameters=wrong)
    finally:
        family.set_workspace_warehouse_config()


def defaults(w: WorkspaceClient, robot: Robot, number: str) -> None:
    family, custom = w.warehouses, DefaultWarehouseOverrideType.CUSTOM
    me = w.current_user.me().id or ""
    made = family.create_default_warehouse_override(DefaultWarehouseOverride(custom, warehouse_id=number), "me")
    assert (made.name, made.warehouse_id) == (f"default-warehouse-overrides/{me}", number)
    with pytest.raises(ResourceAlreadyExists):
        family.create_default_warehouse_override(made, me)
    assert [one.warehouse_id for one in family.list_default_warehouse_overrides()] == [number]
    assert list(robot.client.warehouses.list_default_warehouse_overrides()) == []
    with pytest.raises(PermissionDenied):
        robot.client.warehouses.get_default_warehouse_override(made.name or "")
    last = DefaultWarehouseOverride(DefaultWarehouseOverrideType.LAST_SELECTED)
    changed = family.update_default_warehouse_override(made.name or "", last, FieldMask(["*"]))
    assert changed.warehouse_id is None and changed == family.get_default_warehouse_override(made.name or "")
    family.delete_default_warehouse_override(made.name or "")
    with pytest.raises(NotFound):
        family.get_default_warehouse_override("default-warehouse-overrides/me")


def statements(w: WorkspaceClient, number: str) -> None:
    family = w.statement_execution
    answer = family.execute_statement("SELECT 1 AS one", number, wait_timeout="50s")
    assert data(answer) == [["1"]]
    again = family.get_statement(answer.statement_id or "")
    assert again.as_dict() == answer.as_dict()
    assert family.get_statement_result_chunk_n(answer.statement_id or "", 0).data_array == [["1"]]
    long = family.execute_statement("SELECT count(*) FROM range(1000000000000) WHERE id < 0", number, wait_timeout="0s")
    family.cancel_execution(long.statement_id or "")
    wait_for(lambda: _state(w, long) is StatementState.CANCELED, seconds=30)
    history = w.query_history.list(
        filter_by=QueryFilter(warehouse_ids=[number], statuses=[QueryStatus.FINISHED]), include_metrics=True
    )
    (found,) = history.res or []
    assert (found.query_id, found.query_text, found.rows_produced) == (answer.statement_id, "SELECT 1 AS one", 1)
    assert found.is_final and found.metrics and (found.metrics.total_time_ms or 0) > 0


def _state(w: WorkspaceClient, answer: StatementResponse) -> StatementState | None:
    status = w.statement_execution.get_statement(answer.statement_id or "").status
    return status.state if status else None


def permissions(w: WorkspaceClient, robot: Robot, number: str) -> None:
    family, use = w.warehouses, WarehousePermissionLevel.CAN_USE
    assert family.get_permission_levels(number).permission_levels
    with pytest.raises(PermissionDenied):
        robot.client.statement_execution.execute_statement("SELECT 1", number)
    entry = WarehouseAccessControlRequest(service_principal_name=robot.name, permission_level=use)
    family.update_permissions(number, access_control_list=[entry])
    found = family.get_permissions(number).access_control_list or []
    assert robot.name in {one.service_principal_name for one in found}
    assert data(robot.client.statement_execution.execute_statement("SELECT current_user()", number)) == [[robot.name]]
    entries = family.set_permissions(number, access_control_list=[]).access_control_list or []
    own = [one for entry in entries for one in entry.all_permissions or [] if not one.inherited]
    assert [one.permission_level for one in own] == [WarehousePermissionLevel.IS_OWNER]  # who it was stays it
    with pytest.raises(PermissionDenied):
        robot.client.warehouses.get(number)


@pytest.fixture
def run(workspace: LocalWorkspace) -> Callable[..., StatementResponse]:
    """Executes a statement on the starter warehouse of the shared workspace, as its owner."""
    w = workspace.client()
    number = starter(w)

    def execute(text: str, wait_timeout: str = "50s", **more: Any) -> StatementResponse:
        return w.statement_execution.execute_statement(text, number, wait_timeout=wait_timeout, **more)

    return execute


TYPES = {
    "CAST(1 AS TINYINT)": ("BYTE", "TINYINT", "1"),
    "2S": ("SHORT", "SMALLINT", "2"),
    "3": ("INT", "INT", "3"),
    "4L": ("LONG", "BIGINT", "4"),
    "CAST(1.5 AS FLOAT)": ("FLOAT", "FLOAT", "1.5"),
    "1e10D": ("DOUBLE", "DOUBLE", "1.0E10"),
    "0.1D": ("DOUBLE", "DOUBLE", "0.1"),
    "CAST('7.50' AS DECIMAL(10, 2))": ("DECIMAL", "DECIMAL(10,2)", "7.50"),
    "'a \"b\"'": ("STRING", "STRING", 'a "b"'),
    "true": ("BOOLEAN", "BOOLEAN", "true"),
    "X'00FF'": ("BINARY", "BINARY", "AP8="),
    "DATE'2024-02-29'": ("DATE", "DATE", "2024-02-29"),
    "TIMESTAMP'2024-01-02 03:04:05.678'": ("TIMESTAMP", "TIMESTAMP", "2024-01-02T03:04:05.678Z"),
    "TIMESTAMP'2024-01-02 03:04:05.678901'": ("TIMESTAMP", "TIMESTAMP", "2024-01-02T03:04:05.678901Z"),
    "parse_json('{\"a\": [1, null]}')": ("USER_DEFINED_TYPE", "VARIANT", '{"a":[1,null]}'),
    "INTERVAL '1-2' YEAR TO MONTH": ("INTERVAL", "INTERVAL YEAR TO MONTH", "1-2"),
    "INTERVAL '-3' YEAR": ("INTERVAL", "INTERVAL YEAR", "-3-0"),
    "INTERVAL '14' MONTH": ("INTERVAL", "INTERVAL MONTH", "1-2"),
    "INTERVAL '1 02:03:04' DAY TO SECOND": ("INTERVAL", "INTERVAL DAY TO SECOND", "1 02:03:04.000000000"),
    "CAST(NULL AS INT)": ("INT", "INT", None),
    "array(1, NULL)": ("ARRAY", "ARRAY<INT>", '["1",null]'),
    "map('k', 1.5D)": ("MAP", "MAP<STRING, DOUBLE>", '{"k":"1.5"}'),
    "named_struct('a b', 1)": ("STRUCT", "STRUCT<`a b`: INT>", '{"a b":"1"}'),
    "named_struct('a', 1, 'b', array('x'))": ("STRUCT", "STRUCT<a: INT, b: ARRAY<STRING>>", '{"a":"1","b":["x"]}'),
}


def test_types_and_texts(run: Callable[..., StatementResponse]) -> None:
    answer = run("SELECT " + ", ".join(f"{text} AS c{place}" for place, text in enumerate(TYPES)))
    columns = (answer.manifest.schema.columns if answer.manifest and answer.manifest.schema else None) or []
    found = [(one.type_name.value if one.type_name else None, one.type_text) for one in columns]
    assert [(kind, text.replace(" NOT NULL", "")) for kind, text in found] == [v[:2] for v in TYPES.values()]
    assert data(answer) == [[value[2] for value in TYPES.values()]]
    assert [(one.name, one.position) for one in columns] == [(f"c{place}", place) for place in range(len(TYPES))]
    decimal = next(one for one in columns if one.type_text == "DECIMAL(10,2)")
    assert (decimal.type_precision, decimal.type_scale) == (10, 2)


def fetched(link: ExternalLink) -> bytes:
    with urllib.request.urlopen(link.external_link or "") as answer:
        return bytes(answer.read())


def test_links_and_formats(run: Callable[..., StatementResponse], workspace: LocalWorkspace) -> None:
    text = "SELECT id, CAST(id AS STRING) AS name, NULL AS nothing, parse_json('{\"a\": 1}') AS var FROM range(3)"

    def only_link(format: Format) -> ExternalLink:
        answer = run(text, disposition=Disposition.EXTERNAL_LINKS, format=format)
        (link,) = (answer.result.external_links if answer.result else None) or []
        return link

    link, sheet, rows = map(only_link, (Format.ARROW_STREAM, Format.CSV, Format.JSON_ARRAY))
    table = pa.ipc.open_stream(fetched(link)).read_all()
    assert table["id"].to_pylist() == [0, 1, 2] and table["var"].to_pylist() == ['{"a":1}'] * 3
    assert table.schema.field("var").metadata[b"Spark:DataType:SqlName"] == b"VARIANT"
    assert list(csv.reader(io.StringIO(fetched(sheet).decode())))[1] == ["0", "0", "null", '{"a":1}']
    assert json.loads(fetched(rows))[2] == ["2", "2", None, '{"a":1}']
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen((link.external_link or "").replace("signature=", "signature=0"))
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen((link.external_link or "").replace("signature=", "signature=%C3%A9"))
    with pytest.raises(InvalidParameterValue, match="EXTERNAL_LINKS"):
        run(text, format=Format.CSV)


def test_large_results_come_in_chunks(run: Callable[..., StatementResponse], workspace: LocalWorkspace) -> None:
    rows = 3_000_000
    answer = run(f"SELECT id FROM range({rows})", disposition=Disposition.EXTERNAL_LINKS, format=Format.ARROW_STREAM)
    manifest = answer.manifest
    assert manifest is not None and (manifest.total_chunk_count or 0) > 1 and manifest.total_row_count == rows
    chunk: int | None = 0
    seen = 0
    while chunk is not None:
        result = workspace.client().statement_execution.get_statement_result_chunk_n(answer.statement_id or "", chunk)
        (link,) = result.external_links or []
        assert link.row_offset == seen
        seen += pa.ipc.open_stream(fetched(link)).read_all().num_rows
        chunk = link.next_chunk_index
    assert seen == rows


def test_limits(run: Callable[..., StatementResponse]) -> None:
    cut = run("SELECT id FROM range(10)", row_limit=4)
    assert data(cut) == [["0"], ["1"], ["2"], ["3"]] and cut.manifest and cut.manifest.truncated
    whole = run("SELECT id FROM range(4)", row_limit=4)
    assert len(data(whole)) == 4 and whole.manifest and not whole.manifest.truncated
    cut = run("SELECT id FROM range(1000)", byte_limit=800)
    assert data(cut) == [[str(number)] for number in range(100)] and cut.manifest and cut.manifest.truncated
    assert error(run("SELECT repeat('x', 1000) FROM range(30000)"))[0].startswith("Inline byte limit exceeded")


def test_parameters(run: Callable[..., StatementResponse]) -> None:
    item = StatementParameterListItem
    given = [
        item("n", "INT", "41"), item("s", value="it's"), item("none", "DATE"), item("d", "DECIMAL(5, 2)", "1.25"),
        item("day", "DATE", "2024-02-29"), item("yes", "BOOLEAN", "true"),
    ]  # fmt: skip
    answer = run("SELECT :n + 1, :s, :none, :d, :day + INTERVAL :n DAY, :yes", parameters=given)
    assert data(answer) == [["42", "it's", None, "1.25", "2024-04-10", "true"]]
    spans = [item("a", "INTERVAL DAY", "2"), item("b", "INTERVAL YEAR TO MONTH", "-1-2"), item("v", "VOID")]
    spans.append(item("c", "INTERVAL HOUR TO SECOND", "1:02:03.5"))
    answer = run("SELECT :a, :b, :v, :c", parameters=spans)
    assert data(answer) == [["2 00:00:00.000000000", "-1-2", None, "0 01:02:03.500000000"]]
    assert "CAST_INVALID_INPUT" in error(run("SELECT :a", parameters=[item("a", "INTERVAL DAY", "1' --")]))[0]
    assert "UNBOUND_SQL_PARAMETER" in error(run("SELECT :missing"))[0]
    assert "CAST_INVALID_INPUT" in error(run("SELECT :n", parameters=[item("n", "INT", "x")]))[0]
    assert "cannot have the type" in error(run("SELECT :n", parameters=[item("n", "SHAPE", "x")]))[0]
    assert error(run("SELECT :n", parameters=[item("n", "DECIMAL(39, 2)", "1")]))[1] == "22003"
    assert error(run("SELECT :n", parameters=[item("n", "DECIMAL(2, 3)", "1")]))[1] == "42601"


def test_errors_say_what_spark_says(run: Callable[..., StatementResponse]) -> None:
    answer = run("SELECT * FROM no_such_table")
    message, state = error(answer)
    assert message.startswith("[TABLE_OR_VIEW_NOT_FOUND]") and state == "42P01"
    assert answer.status and answer.status.error and answer.status.error.error_code is ServiceErrorCode.BAD_REQUEST
    assert "months" in error(run("SELECT array(INTERVAL '1' MONTH)"))[0]
    assert error(run("SELEKT 1"))[0].startswith("[PARSE_SYNTAX_ERROR]")
    signal = "BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END"
    assert error(run(signal)) == ("[USER_RAISED_EXCEPTION] no SQLSTATE: 45000", "45000")
    run("CREATE VOLUME IF NOT EXISTS main.default.here")
    assert error(run("CREATE VOLUME main.default.here"))[0].startswith("[VOLUME_ALREADY_EXISTS]")


def test_statements_leave_nothing_to_others(run: Callable[..., StatementResponse], name: Callable[[], str]) -> None:
    schema = name()
    assert data(run(f"CREATE SCHEMA main.{schema}")) == []
    assert data(run("CREATE TEMPORARY VIEW left_behind AS SELECT 1")) == []
    assert "TABLE_OR_VIEW_NOT_FOUND" in error(run("SELECT * FROM left_behind"))[0]
    assert data(run("SELECT current_catalog(), current_schema()", catalog="main", schema=schema)) == [["main", schema]]
    assert data(run("SELECT current_schema()", catalog="main")) == [["default"]]
    assert data(run(f"USE main.{schema}")) == []
    assert data(run("SELECT current_schema()")) == [["default"]]
    run("CREATE TABLE t (i INT)", schema=schema)
    assert data(run("INSERT INTO t VALUES (1), (2)", schema=schema)) == [["2", "2"]]
    assert data(run(f"SELECT sum(i) FROM main.{schema}.t")) == [["3"]]


def test_waiting(run: Callable[..., StatementResponse], workspace: LocalWorkspace) -> None:
    long = "SELECT count(*) FROM range(1000000000000) WHERE id < 0"
    canceled = run(long, wait_timeout="5s", on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CANCEL)
    assert canceled.status and canceled.status.state is StatementState.CANCELED
    for wrong in ("3s", "51s", "5", "-5s"):
        with pytest.raises(BadRequest, match="wait_timeout"):
            run(long, wait_timeout=wrong)


def test_what_other_clients_send(run: Callable[..., StatementResponse], workspace: LocalWorkspace) -> None:
    assert data(run("SELECT 1", wait_timeout="30.0s")) == [["1"]]  # as databricks-labs-lsql does
    with pytest.raises(NotImplemented, match="Thrift"):
        workspace.client().api_client.do("POST", f"/sql/1.0/warehouses/{starter(workspace.client())}", body={})
