"""Secrets that jobs refer to or ask for are read with the rights of who the job runs as."""

from __future__ import annotations

import pytest
from databricks.sdk.service import compute, iam, jobs
from databricks.sdk.service.workspace import AclPermission

from tests.support import LocalWorkspace
from tests.workspace.jobs.job_client import Client, results
from tests.workspace.secrets.people import person

ASK = "dbutils.notebook.exit(str(len(dbutils.secrets.get('{scope}', 'k'))))"
REFER = "import os; dbutils.notebook.exit(str(len(os.environ['VALUE'])))"


@pytest.fixture
def client(workspace: LocalWorkspace) -> Client:
    return Client(workspace)


def test_a_job_reads_what_its_principal_may(client: Client) -> None:
    admin, scope = client.sdk, client.directory.rpartition("/")[2]
    admin.secrets.create_scope(scope)
    admin.secrets.put_secret(scope, "k", string_value="twelve chars")
    runner = person(admin)
    folder = admin.workspace.get_status(client.directory).object_id
    level = iam.PermissionLevel.CAN_RUN
    admin.permissions.update(
        "directories",
        str(folder),
        access_control_list=[iam.AccessControlRequest(service_principal_name=runner.name, permission_level=level)],
    )
    cluster = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12",
        node_type_id="Standard_DS3_v2",
        num_workers=0,
        spark_env_vars={"VALUE": f"{{{{secrets/{scope}/k}}}}"},
    )
    job_id = client.job(
        client.task("ask", ASK.format(scope=scope)),
        client.task("refer", REFER, new_cluster=cluster),
        run_as=jobs.JobRunAs(service_principal_name=runner.name),
    )
    refused = client.ended(client.started(job_id))
    assert results(refused) == {"ask": "FAILED", "refer": "FAILED"}
    words = f"User {runner.name} does not have READ permission on scope {scope} to perform this action."
    assert f"PERMISSION_DENIED: {words}" in (client.output(refused, "ask").error or "")
    (task,) = [one for one in refused.tasks or [] if one.task_key == "refer"]
    assert task.status and task.status.termination_details
    details = task.status.termination_details
    assert details.code is jobs.TerminationCodeCode.CLUSTER_ERROR
    assert details.message and words in details.message

    admin.secrets.put_acl(scope, runner.name, AclPermission.READ)
    allowed = client.ended(client.started(job_id))
    assert results(allowed) == {"ask": "SUCCESS", "refer": "SUCCESS"}
    for key in ("ask", "refer"):
        output = client.output(allowed, key).notebook_output
        assert output and output.result == "12"
