"""`brickyard workspace` as a user types it; starting, stopping and backups have tests of their own."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import Unauthenticated

from tests.support import WorkspaceHome, wait_for
from tests.support.commands import BRICKYARD


def of_json(home: WorkspaceHome, *arguments: str, extra: dict[str, str] | None = None) -> Any:
    return json.loads(home.run("workspace", *arguments, "-o", "json", extra=extra).stdout)


def test_four_workspaces_at_once_do_not_share_anything(workspaces: WorkspaceHome) -> None:
    four = [workspaces.start(name) for name in ("dev", "uat", "preprod", "prod")]
    for one, other in itertools.permutations(four, 2):
        with pytest.raises(Unauthenticated):
            WorkspaceClient(host=one.host, token=other.token, auth_type="pat").current_user.me()
    clients = [one.client() for one in four]
    assert len({client.get_workspace_id() for client in clients}) == 4
    for one, client in zip(four, clients, strict=True):
        client.secrets.create_scope(one.name)
        client.secrets.put_secret(one.name, "k", string_value="v")
        assert [scope.name for scope in client.secrets.list_scopes()] == [one.name]
    assert len({(one.root / "key").read_bytes() for one in four}) == 4
    assert len({record["url"] for record in of_json(workspaces, "list")}) == 4


def test_env_has_the_spark_engine_start_and_it_ends_with_all_of_its_processes(tmp_path: Path) -> None:
    with closing(WorkspaceHome(tmp_path / "home", fork=False)) as workspaces:
        _has_spark_and_ends_it(workspaces)


def _has_spark_and_ends_it(workspaces: WorkspaceHome) -> None:
    dev = workspaces.start("dev", extra={"BRICKYARD_SPARK_ENGINE_IDLE_SECONDS": "3"})
    server = psutil.Process(of_json(workspaces, "status", "dev")["pid"])
    workspaces.run("workspace", "env", "dev")
    assert not (dev.root / "spark").exists() and not server.children()
    workspaces.run("workspace", "env", "dev", extra={"BRICKYARD_SPARK_AHEAD": "1"})
    assert (dev.root / "spark").exists()
    wait_for(lambda: len(server.children(recursive=True)) > 1)  # the fork server, and what it has forked
    wait_for(lambda: not server.children(), seconds=60)


def test_json_of_what_there_is_has_no_token(workspaces: WorkspaceHome) -> None:
    assert of_json(workspaces, "list") == []
    workspace = workspaces.start("dev")
    status = of_json(workspaces, "status", "dev")
    assert (status["name"], status["state"], status["url"]) == ("dev", "running", workspace.host)
    assert of_json(workspaces, "list") == [status]
    assert workspace.token not in json.dumps(status) and "token" not in status
    assert of_json(workspaces, "stop", "dev")["state"] == "stopped"


def test_restart_keeps_what_start_was_told(workspaces: WorkspaceHome) -> None:
    workspaces.start("dev", "--hostname", "models.example")
    before = of_json(workspaces, "status", "dev")
    after = of_json(workspaces, "restart", "dev")
    assert after.pop("pid") != before.pop("pid") and after == before


def test_tokens_are_printed_and_made(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    assert workspaces.run("workspace", "token", "dev").stdout.strip() == workspace.token
    assert of_json(workspaces, "token", "dev") == {"token_value": workspace.token}
    made = workspaces.run("workspace", "token", "create", "dev", "--comment", "for CI", "--lifetime", "3600").stdout
    client = WorkspaceClient(host=workspace.host, token=made.strip(), auth_type="pat")
    (mine,) = [one for one in client.tokens.list() if one.comment == "for CI"]
    assert mine.expiry_time and mine.creation_time and mine.expiry_time - mine.creation_time == 3_600_000
    workspaces.run("workspace", "stop", "dev")
    done = workspaces.run("workspace", "token", "create", "dev", check=False)
    assert done.returncode == 12 and "does not run" in done.stderr


def test_a_profile_is_written_beside_others(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    file = tmp_path / "cfg"
    file.write_text("; mine\n[DEFAULT]\nhost = https://adb-1.2.azuredatabricks.net\ntoken = a%b\n")
    workspace = workspaces.start("dev")
    for _ in range(2):
        lines = workspaces.run(
            "workspace", "env", "dev", "--profile", extra={"DATABRICKS_CONFIG_FILE": str(file)}
        ).stdout
    assert lines == f"export DATABRICKS_CONFIG_FILE={file}\nexport DATABRICKS_CONFIG_PROFILE=dev\n"
    assert WorkspaceClient(profile="dev", config_file=str(file)).current_user.me().user_name
    assert file.read_text().startswith("; mine\n[DEFAULT]\nhost = https://adb-1.2.azuredatabricks.net\ntoken = a%b\n")
    assert file.read_text().count("[dev]") == 1 and file.read_text().count(workspace.token) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    more = "\n# of a colleague\n[prod]\nhost = https://adb-3.4.azuredatabricks.net\n"
    file.write_text(file.read_text() + more)
    workspaces.run("workspace", "env", "dev", "--profile", extra={"DATABRICKS_CONFIG_FILE": str(file)})
    assert more in file.read_text() and file.read_text().count("[dev]") == 1


@pytest.mark.parametrize(
    "name", ["", "-", "-a", "_", "a/b", "..", "a b", "é", "a\n", "a" * 65, "DEFAULT", "__settings__"]
)
def test_a_name_that_could_be_taken_for_something_else_is_refused(name: str) -> None:
    from brickyard.errors import UsageError
    from brickyard.workspace.layout import layout_of

    with pytest.raises(UsageError, match="cannot be a workspace's name"):
        layout_of(name)


def test_a_profile_of_another_host_is_not_overwritten(workspaces: WorkspaceHome, tmp_path: Path) -> None:
    file = tmp_path / "cfg"
    text = "[dev]\nhost = https://adb-1.2.azuredatabricks.net\ntoken = dapi1\n"
    file.write_text(text)
    workspaces.start("dev")
    variables = {"DATABRICKS_CONFIG_FILE": str(file)}
    done = workspaces.run("workspace", "env", "dev", "--profile", check=False, extra=variables)
    assert done.returncode == 2 and "there is a profile 'dev' already" in done.stderr
    assert file.read_text() == text


@contextmanager
def running(home: WorkspaceHome, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A `brickyard workspace` command that goes on."""
    command = [*BRICKYARD, "workspace", *arguments]
    process = subprocess.Popen(command, env=home.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_logs_are_followed(workspaces: WorkspaceHome) -> None:
    workspaces.start("dev")
    with running(workspaces, "logs", "dev", "-f", "-n", "1") as follower:
        assert first_line(follower)
        workspaces.run("workspace", "stop", "dev")
        wait_for(lambda: "Shutting down" in first_line(follower))


def of_workspace(home: WorkspaceHome) -> list[psutil.Process]:
    """Every process that names this home in its arguments or its environment, but for the tests'."""
    found = []
    for one in psutil.process_iter():
        try:
            named = str(home.home) in " ".join([*one.cmdline(), *one.environ().values()])
        except psutil.Error:
            continue
        if named and one.status() != psutil.STATUS_ZOMBIE:
            found.append(one)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_foreground_ends_with_everything(workspaces: WorkspaceHome, number: signal.Signals) -> None:
    with running(workspaces, "start", "dev", "--foreground") as process:
        assert "dev  running" in first_line(process)
        client = WorkspaceClient(profile="dev", config_file=str(workspaces.home / "databrickscfg"))
        assert client.current_user.me().user_name
        refused = workspaces.run("workspace", "start", "dev", "--foreground", check=False)
        assert refused.returncode == 12 and "is already running" in refused.stderr
        process.send_signal(number)
        _, log = process.communicate(timeout=60)
        assert process.returncode == 0
    assert "Finished server process" in log and "Traceback" not in log
    assert of_workspace(workspaces) == []
    assert workspaces.run("workspace", "status", "dev", check=False).returncode == 3


def test_a_killed_terminal_leaves_nothing(workspaces: WorkspaceHome) -> None:
    with running(workspaces, "start", "dev", "--foreground") as process:
        assert "dev  running" in first_line(process)
        process.kill()
        wait_for(lambda: of_workspace(workspaces) == [])


def test_foreground_says_why_it_cannot(workspaces: WorkspaceHome) -> None:
    done = workspaces.run("workspace", "start", "dev", "--foreground", "--address", "0.0.0.0", check=False)
    assert done.returncode == 12 and "add --tls, or --insecure" in done.stderr and "did not start" in done.stderr


def test_a_file_of_a_dead_server_deceives_nobody(workspaces: WorkspaceHome) -> None:
    """The process id in it is another's now, which must live on."""
    workspace = workspaces.start("dev")
    workspaces.run("workspace", "stop", "dev")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        record = {"pid": stranger.pid, "url": workspace.host, "public_url": workspace.host}
        (workspace.root / "server.json").write_text(json.dumps(record))
        assert workspaces.run("workspace", "status", "dev", check=False).returncode == 3
        workspaces.run("workspace", "stop", "dev")
        assert stranger.poll() is None
        (workspace.root / "server.json").write_text(json.dumps(record))
        assert workspaces.start("dev").client().current_user.me().user_name
        assert stranger.poll() is None
        stranger.kill()


def test_half_a_file_of_a_killed_server_is_no_obstacle_and_a_damaged_token_is_made_again(
    workspaces: WorkspaceHome,
) -> None:
    workspace = workspaces.start("dev")
    os.kill(of_json(workspaces, "status", "dev")["pid"], signal.SIGKILL)
    wait_for(lambda: workspaces.run("workspace", "status", "dev", check=False).returncode == 3)
    (workspace.root / "server.json").write_text('{"pid": 1')
    (workspace.root / "token").write_bytes(b"\xff\xfe")
    assert workspaces.start("dev").client().current_user.me().user_name


def test_damaged_settings_are_named(workspaces: WorkspaceHome) -> None:
    workspace = workspaces.start("dev")
    workspaces.run("workspace", "stop", "dev")
    for text in ("{", "[]", '{"from": "the future"}', '{"port": "x"}', '{"database_url": 1, "hostnames": [2]}'):
        (workspace.root / "settings.json").write_text(text)
        for command in ("start", "status", "env") if text == "{" else ("start",):
            done = workspaces.run("workspace", command, "dev", check=False)
            assert done.returncode == 12 and "settings.json" in done.stderr and "Traceback" not in done.stderr
    assert [(one["name"], one["state"]) for one in of_json(workspaces, "list")] == [("dev", "damaged")]
    workspaces.run("workspace", "reset", "dev", "--yes")
    assert not workspace.root.exists()


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="nothing is forbidden to root")
def test_files_that_may_not_be_read_are_named_and_stay_as_they_are(workspaces: WorkspaceHome) -> None:
    plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*plain, *BRICKYARD, "workspace", *arguments]
        return subprocess.run(command, env=workspaces.environ, capture_output=True, text=True, check=False)

    workspace = workspaces.start("dev")
    workspaces.run("workspace", "stop", "dev")
    (workspace.root / "token").chmod(0)
    done = run("start", "dev")
    assert done.returncode == 12 and f"where: {workspace.root}/token" in done.stderr
    workspace.root.chmod(0)
    assert "dev  damaged" in run("list").stdout
    workspace.root.chmod(0o700)
    (workspace.root / "token").chmod(0o600)
    assert (workspace.root / "token").read_text().strip() == workspace.token


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = WorkspaceHome(tmp_path / "file" / "home")
    done = home.run("workspace", "start", "dev", check=False)
    assert done.returncode == 12 and "cannot be made" in done.stderr and "Traceback" not in done.stderr


def test_a_full_disk_is_named(workspaces: WorkspaceHome) -> None:
    """Nothing may be written beyond so many kB, as on a disk without room; with none, not even the log."""
    for room in (4, 0):
        limited = ["bash", "-c", f'ulimit -f {room}; exec "$@"', "limited", *BRICKYARD, "workspace", "start", "dev"]
        done = subprocess.run(limited, env=workspaces.environ, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 12 and "Traceback" not in done.stderr
        assert "cannot be written" in done.stderr and "make room" in done.stderr
    assert workspaces.start("dev").client().current_user.me().user_name


def test_a_workspace_that_a_command_has_is_not_started(workspaces: WorkspaceHome) -> None:
    from brickyard.workspace.layout import Layout

    layout = Layout(workspaces.start("dev").root)
    workspaces.run("workspace", "stop", "dev")
    with layout.held("backup"):
        assert workspaces.run("workspace", "status", "dev", check=False).stdout.split()[1] == "backup"
        for command in ("start", "stop", "restart"):
            done = workspaces.run("workspace", command, "dev", check=False)
            assert done.returncode == 12 and "a backup of it is not done" in done.stderr
