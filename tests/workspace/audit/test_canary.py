"""Canary secrets in every place a secret can go: after a full run they are nowhere but in the encrypted store."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput
from databricks.sdk.service.workspace import AzureKeyVaultSecretScopeMetadata, ScopeBackendType

from tests.support import LocalWorkspace, WorkspaceHome, wait_for
from tests.workspace.jobs.job_client import Client, results
from tests.workspace.secrets.azure import Azure
from tests.workspace.secrets.people import person

MODEL = "main.default.teller"
_TELLER = """
import os, sys
import mlflow


class Teller(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        print("loading with", os.environ["PIN"], file=sys.stderr)

    def predict(self, context, model_input, params=None):
        print("asked with", os.environ["PIN"], file=sys.stderr)
        return [len(os.environ["PIN"])] * len(model_input)


mlflow.models.set_model(Teller())
"""
_NOTEBOOK = """
import os, sys
value, other = os.environ["VALUE"], dbutils.secrets.get("canaries", "asked")
vault = dbutils.secrets.get("vault", "password")
print("these are", value, other, vault)
sys.stderr.write(f"these are {value} {other} {vault}")
display(spark.createDataFrame([(value, other)], "a string, b string"))
assert not [name for name in os.environ if name.startswith("AZURE_")], "the credential of the vault"
dbutils.notebook.exit(f"left with {value} {other} {vault}")
"""


@dataclass
class Canaries:
    """Values that must not be found, and what was said while they were about."""

    values: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def new(self, place: str) -> str:
        self.values[place] = f"c4n4ry-{place}-{secrets.token_hex(12)}"
        return self.values[place]

    def refused(self, action: Any, *arguments: Any, **named: Any) -> None:
        with pytest.raises((DatabricksError, ValueError)) as raised:
            action(*arguments, **named)
        self.said.append(str(raised.value))

    def look_at_processes(self) -> None:
        for process in psutil.process_iter(["cmdline"]):
            self.said.append(" ".join(process.info["cmdline"] or []))

    def found_in(self, content: bytes) -> list[str]:
        return [place for place, value in self.values.items() if any(form in content for form in _forms(value))]


def _forms(value: str) -> list[bytes]:
    raw = value.encode()
    return [raw, base64.b64encode(raw).rstrip(b"=")[:-1], raw.hex().encode(), raw[::-1]]


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    made = Azure(tmp_path / "azure")
    yield made
    made.close()


def fill(canaries: Canaries, client: WorkspaceClient, azure: Azure) -> None:
    """Put canaries where secrets are kept."""
    client.secrets.create_scope("canaries")
    for key in ("asked", "referred", "pin"):
        client.secrets.put_secret("canaries", key, string_value=canaries.new(key))
    encoded = base64.b64encode(canaries.new("bytes").encode()).decode()
    client.secrets.put_secret("canaries", "bytes", bytes_value=encoded)
    canaries.values["client secret"] = azure.client_secret
    azure.vaults["canary"] = {"password": canaries.new("vault")}
    address = AzureKeyVaultSecretScopeMetadata(
        "/subscriptions/1/resourceGroups/g/providers/Microsoft.KeyVault/vaults/canary",
        "https://canary.vault.azure.net/",
    )
    backend = ScopeBackendType.AZURE_KEYVAULT
    client.secrets.create_scope("vault", backend_azure_keyvault=address, scope_backend_type=backend)
    client.git_credentials.create("gitHub", git_username="me", personal_access_token=canaries.new("git"))


def sign_in(canaries: Canaries, workspace: LocalWorkspace, client: WorkspaceClient) -> None:
    """Tokens and OAuth secrets, right and wrong ones."""
    canaries.values["token"] = client.tokens.create(comment="mine").token_value or ""
    WorkspaceClient(host=workspace.host, token=canaries.values["token"], auth_type="pat").current_user.me()
    one = person(client)
    canaries.values["on behalf"] = one.client.config.token or ""
    made = client.service_principal_secrets_proxy.create(one.id)
    canaries.values["oauth"] = made.secret or ""
    m2m = {"host": workspace.host, "client_id": one.name, "auth_type": "oauth-m2m"}
    right = WorkspaceClient(client_secret=canaries.values["oauth"], **m2m)
    right.current_user.me()
    canaries.values["access"] = right.config.oauth_token().access_token
    canaries.refused(WorkspaceClient(client_secret=canaries.new("wrong oauth"), **m2m).current_user.me)
    wrong = canaries.new("wrong token")
    canaries.refused(WorkspaceClient(host=workspace.host, token=wrong, auth_type="pat").current_user.me)
    canaries.said.append(httpx.post(f"{workspace.host}/login", data={"token": canaries.new("page")}).text)


def mistakes(canaries: Canaries, client: WorkspaceClient) -> None:
    """Requests with a secret in them that are refused."""
    put = client.secrets.put_secret
    canaries.refused(put, "none", "k", string_value=canaries.new("no scope"))
    canaries.refused(put, "canaries", "not a key", string_value=canaries.new("no key"))
    canaries.refused(put, "canaries", "k", bytes_value=f"%{canaries.new('no base64')}")
    canaries.refused(put, "vault", "password", string_value=canaries.new("read only"))
    odd = {"scope": "canaries", "key": "k", "string_value": [canaries.new("a list")]}
    canaries.refused(client.api_client.do, "POST", "/api/2.0/secrets/put", body=odd)
    canaries.refused(client.git_credentials.create, "noSuch", personal_access_token=canaries.new("no provider"))


def run_job(canaries: Canaries, workspace: LocalWorkspace) -> None:
    client = Client(workspace)
    cluster = compute.ClusterSpec(
        spark_version="16.4.x-scala2.12",
        node_type_id="Standard_DS3_v2",
        num_workers=0,
        spark_env_vars={"VALUE": "{{secrets/canaries/referred}}"},
    )
    run_id = client.started(client.job(client.task("a", _NOTEBOOK, new_cluster=cluster)))

    def ended() -> jobs.Run | None:
        canaries.look_at_processes()
        run = client.sdk.jobs.get_run(run_id)
        return run if run.status and run.status.state is jobs.RunLifecycleStateV2State.TERMINATED else None

    run = wait_for(ended, seconds=90, every=0.2)
    output = client.output(run, "a")
    assert results(run) == {"a": "SUCCESS"}, output.error
    assert output.notebook_output and output.notebook_output.result == "left with [REDACTED] [REDACTED] [REDACTED]"
    canaries.said.append(json.dumps([run.as_dict(), output.as_dict()]))


def serve(canaries: Canaries, workspace: LocalWorkspace, directory: Path, patch: pytest.MonkeyPatch) -> None:
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    for name, value in workspace.environ.items():
        patch.setenv(name, value)
    (directory / "teller.py").write_text(_TELLER)
    frame, client = pd.DataFrame({"a": [1.0]}), workspace.client()
    mlflow.pyfunc.save_model(
        str(directory / "model"),
        python_model=str(directory / "teller.py"),
        signature=infer_signature(frame, [1.0]),
        pip_requirements=[],
    )
    registry = mlflow.MlflowClient("databricks", "databricks-uc")
    registry.create_registered_model(MODEL)
    version = str(registry.create_model_version(MODEL, source=str(directory / "model")).version)
    entity = ServedEntityInput(
        entity_name=MODEL, entity_version=version, environment_vars={"PIN": "{{secrets/canaries/pin}}"}
    )
    client.serving_endpoints.create_and_wait(
        "teller", config=EndpointCoreConfigInput("teller", served_entities=[entity])
    )
    answer = client.serving_endpoints.query("teller", dataframe_records=[{"a": 1.0}])
    assert answer.predictions == [len(canaries.values["pin"])]
    canaries.look_at_processes()
    canaries.said.append(json.dumps(client.serving_endpoints.get("teller").as_dict()))


def test_secrets_are_nowhere_but_in_the_encrypted_store(
    workspaces: WorkspaceHome, azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspaces.run("workspace", "start", "dev", extra=azure.environ)
    workspace, canaries = workspaces.start("dev"), Canaries()
    client = workspace.client()
    fill(canaries, client, azure)
    sign_in(canaries, workspace, client)
    mistakes(canaries, client)
    run_job(canaries, workspace)
    serve(canaries, workspace, tmp_path, monkeypatch)
    client.api_client.do("POST", "/api/2.0/secrets/scopes/delete", body={"scope": "canaries"})
    canaries.values |= {f"access of azure {number}": token for number, token in enumerate(azure.tokens)}
    canaries.said += [workspaces.run("workspace", "audit", "dev", "-o", output).stdout for output in ("text", "json")]
    canaries.said.append(workspaces.run("workspace", "logs", "dev", "-n", "100000").stdout)
    assert len(canaries.values) > 18
    assert canaries.found_in("\n".join(canaries.said).encode()) == []

    def leaks() -> list[tuple[Path, list[str]]]:
        files = [path for path in workspaces.home.rglob("*") if path.is_file()]
        found = [(path, canaries.found_in(path.read_bytes())) for path in files]
        return [(path.relative_to(workspaces.home), places) for path, places in found if places]

    assert leaks() == []
    workspaces.run("workspace", "stop", "dev")
    assert leaks() == []
    assert "c4n4ry" not in "".join(canaries.said)
