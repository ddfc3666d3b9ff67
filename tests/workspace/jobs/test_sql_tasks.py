"""SQL tasks through the official SDK: saved queries and files, on a warehouse."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs, sql

from tests.support import wait_for
from tests.workspace.jobs.job_client import Client, results

LIMIT = timedelta(seconds=90)


def warehouse(client: Client) -> str:
    """The warehouse that every workspace has."""
    return next(one.id for one in client.sdk.warehouses.list() if one.id)


def sql_file(client: Client, name: str, text: str) -> jobs.SqlTaskFile:
    """A SQL file in the workspace."""
    path = f"/Workspace{client.directory}/{name}"
    client.sdk.workspace.upload(path, io.BytesIO(text.encode()), format=None, overwrite=True)
    return jobs.SqlTaskFile(path=path)


def rows(client: Client, statement_id: str) -> list[list[str]]:
    """The result of a statement."""
    import requests

    chunk = client.sdk.statement_execution.get_statement_result_chunk_n(statement_id, 0)
    assert chunk.external_links and chunk.external_links[0].external_link
    answer: list[list[str]] = requests.get(chunk.external_links[0].external_link, timeout=20).json()
    return answer


def test_queries_and_files_run_with_their_parameters(client: Client) -> None:
    where = warehouse(client)
    query = client.sdk.queries.create(
        query=sql.CreateQueryRequestQuery(
            display_name="limit",
            query_text="SELECT id FROM range(10) WHERE id >= :least AND id < {{most}} ORDER BY id",
            warehouse_id=where,
            parameters=[
                sql.QueryParameter(name="least", numeric_value=sql.NumericValue(value=5)),
                sql.QueryParameter(name="most", numeric_value=sql.NumericValue(value=6)),
            ],
        )
    )
    script = (
        "CREATE TABLE main.default.sql_task (n INT);\n-- a; comment\nINSERT INTO main.default.sql_task VALUES (7);\n"
    )
    script += "USE SCHEMA default; SELECT :word || ';' AS w, n FROM sql_task;"
    job_id = client.job(
        jobs.Task(
            "q",
            sql_task=jobs.SqlTask(where, query=jobs.SqlTaskQuery(query.id or ""), parameters={"most": "7"}),
            timeout_seconds=60,
        ),
        jobs.Task("f", sql_task=jobs.SqlTask(where, file=sql_file(client, "a.sql", script))),
        parameters=[jobs.JobParameterDefinition(name="word", default="{{job.id}}")],
    )
    run = client.sdk.jobs.run_now(job_id).result(timeout=LIMIT)
    assert results(run) == {"q": "SUCCESS", "f": "SUCCESS"}
    outputs = {key: client.output(run, key).sql_output for key in ("q", "f")}
    found = {key: one.query_output for key, one in outputs.items() if one and one.query_output}
    assert [len(found[key].sql_statements or []) for key in ("q", "f")] == [1, 4]
    last = {key: (one.sql_statements or [])[-1].lookup_key or "" for key, one in found.items()}
    assert rows(client, last["q"]) == [["5"], ["6"]]
    assert rows(client, last["f"]) == [[f"{job_id};", "7"]]


def test_what_a_query_selects_is_given_to_later_tasks(client: Client) -> None:
    """As https://docs.databricks.com/jobs/dynamic-value-references.html has it for the output of SQL tasks."""
    where, text = warehouse(client), "SELECT 'n' || id AS name, id FROM range(2) ORDER BY id"
    after = [jobs.TaskDependency("q")]
    looped = client.task("one", "print(dbutils.widgets.get('n'))", base_parameters={"n": "{{input.name}}"})
    job_id = client.job(
        jobs.Task("q", sql_task=jobs.SqlTask(where, file=sql_file(client, "e.sql", text))),
        jobs.Task(
            "c",
            condition_task=jobs.ConditionTask(jobs.ConditionTaskOp.EQUAL_TO, "{{tasks.q.output.first_row.name}}", "n0"),
            depends_on=after,
        ),
        jobs.Task("loop", for_each_task=jobs.ForEachTask("{{tasks.q.output.rows}}", looped), depends_on=after),
        client.task("wrong", "1", "q", base_parameters={"n": "{{tasks.q.output.first_row.nothing}}"}),
    )
    run = client.ended(client.started(job_id))
    tasks = {one.task_key: one for one in run.tasks or []}
    assert tasks["c"].condition_task and tasks["c"].condition_task.outcome == "true"
    parts = client.sdk.jobs.get_run(tasks["loop"].run_id or 0).iterations or []
    assert [client.sdk.jobs.get_run_output(one.run_id or 0).logs for one in parts] == ["n0\n", "n1\n"]
    assert results(run) == {"q": "SUCCESS", "c": "SUCCESS", "loop": "SUCCESS", "wrong": "FAILED"}
    assert "the task 'q' has selected no row with that column" in (client.output(run, "wrong").error or "")


def test_a_repair_may_refer_to_rows_to_which_nothing_did_when_they_were_selected(client: Client) -> None:
    query = jobs.Task("q", sql_task=jobs.SqlTask(warehouse(client), file=sql_file(client, "r.sql", "SELECT 7 AS n")))
    job_id = client.job(query, client.task("c", "1 / 0", "q"))
    run = client.ended(client.started(job_id))
    asks = client.task(
        "c", "print(dbutils.widgets.get('n'))", "q", base_parameters={"n": "{{tasks.q.output.first_row.n}}"}
    )
    client.sdk.jobs.update(job_id, new_settings=jobs.JobSettings(tasks=[query, asks]))
    client.sdk.jobs.repair_run(run.run_id or 0, rerun_all_failed_tasks=True)
    run = client.ended(run.run_id or 0)
    assert results(run)["c"] == "SUCCESS" and client.output(run, "c").logs == "7\n"


def test_statement_that_fails_fails_the_task_and_none_follows(client: Client) -> None:
    script = sql_file(client, "b.sql", "SELECT 1; SELECT * FROM main.default.no_such; CREATE SCHEMA main.never")
    job_id = client.job(jobs.Task("f", sql_task=jobs.SqlTask(warehouse(client), file=script)))
    run = client.ended(client.started(job_id))
    assert results(run) == {"f": "FAILED"}
    assert "TABLE_OR_VIEW_NOT_FOUND" in (client.output(run, "f").error or "")
    assert "never" not in [one.name for one in client.sdk.schemas.list("main")]


def test_cancelled_task_cancels_its_statement(client: Client) -> None:
    slow = sql_file(client, "c.sql", "SELECT count(*) FROM range(100000000000) a WHERE a.id % 7 = 3")
    run_id = client.started(client.job(jobs.Task("f", sql_task=jobs.SqlTask(warehouse(client), file=slow))))
    wait_for(
        lambda: [
            one for one in client.sdk.query_history.list().res or [] if one.status and one.status.value == "RUNNING"
        ],
        seconds=30,
    )
    client.sdk.jobs.cancel_run(run_id)
    run = client.ended(run_id)
    assert results(run) == {"f": "CANCELED"}


def test_what_is_not_there_is_refused_by_name(client: Client) -> None:
    where = warehouse(client)
    with pytest.raises(InvalidParameterValue, match="either query or file"):
        client.job(jobs.Task("f", sql_task=jobs.SqlTask(where)))
    with pytest.raises(InvalidParameterValue, match=r"sql_task\.dashboard is not supported"):
        client.job(jobs.Task("f", sql_task=jobs.SqlTask(where, dashboard=jobs.SqlTaskDashboard("d"))))
    wanting = jobs.Task("f", sql_task=jobs.SqlTask(where, file=sql_file(client, "d.sql", "SELECT {{ a }}")))
    assert "needs the parameter 'a'" in (
        client.output(client.ended(client.started(client.job(wanting))), "f").error or ""
    )
    gone = jobs.Task("f", sql_task=jobs.SqlTask("nowhere", file=jobs.SqlTaskFile("/Workspace/none.sql")))
    run = client.ended(client.started(client.job(gone)))
    assert run.status and run.status.termination_details
    assert "nowhere" in (run.status.termination_details.message or "")
