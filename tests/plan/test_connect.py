"""Which workspace is meant, and with whose credentials."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from requests.exceptions import ChunkedEncodingError

from brickyard.errors import ConnectionFailed
from brickyard.plan.connect import connect
from brickyard.plan.lock import Holder
from brickyard.plan.profiles import find_profile, profile_of_host
from tests.support import LocalWorkspace


def environ(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "BRICKYARD_HOME": str(home / "brickyard"), **more}


def test_profiles_are_looked_up_in_order(tmp_path: Path) -> None:
    (tmp_path / "brickyard").mkdir()
    (tmp_path / ".databrickscfg").write_text("[dev]\nhost = https://one\ntoken = a%b\n")
    (tmp_path / "brickyard/databrickscfg").write_text("[dev]\nhost = https://two\n[uat]\nhost = https://three/\n")

    assert find_profile("dev", environ(tmp_path)).settings == {"host": "https://one", "token": "a%b"}
    assert find_profile("uat", environ(tmp_path)).file == tmp_path / "brickyard/databrickscfg"
    found = profile_of_host("https://three", environ(tmp_path))
    assert found is not None and found.name == "uat"
    same = profile_of_host("three/", environ(tmp_path))
    assert same is not None and same.name == "uat"
    (tmp_path / "other").write_text("[dev]\nhost = https://four\n")
    named = environ(tmp_path, DATABRICKS_CONFIG_FILE=str(tmp_path / "other"))
    assert find_profile("dev", named).settings["host"] == "https://four"
    with pytest.raises(
        ConnectionFailed, match=r"there is no profile 'prod'; there are: dev, uat(.|\n)*workspace start prod"
    ):
        find_profile("prod", environ(tmp_path))


def test_the_home_of_workspaces_may_be_written_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "b").mkdir()
    (tmp_path / "b/databrickscfg").write_text("[dev]\nhost = https://one\n")

    assert find_profile("dev", environ(tmp_path, BRICKYARD_HOME="~/b")).settings == {"host": "https://one"}


def test_a_profile_never_shows_its_credentials(tmp_path: Path) -> None:
    (tmp_path / ".databrickscfg").write_text("[dev]\nhost = https://one\ntoken = canary\n")

    assert "canary" not in repr(find_profile("dev", environ(tmp_path)))


def test_a_named_profile_wins_over_what_is_exported(workspace: LocalWorkspace, tmp_path: Path) -> None:
    (tmp_path / ".databrickscfg").write_text(f"[dev]\nhost = {workspace.host}\ntoken = {workspace.token}\n")
    exported = environ(tmp_path, DATABRICKS_HOST="http://127.0.0.1:9", DATABRICKS_TOKEN="wrong")

    connection = connect(profile="dev", environ=exported)

    assert (connection.host, connection.profile) == (workspace.host, "dev")
    assert connection.token() == workspace.token
    assert "@" in connection.user_name
    assert workspace.token not in repr(connection)


def test_a_host_takes_the_credentials_of_the_profile_with_that_host(workspace: LocalWorkspace, tmp_path: Path) -> None:
    (tmp_path / ".databrickscfg").write_text(f"[any]\nhost = {workspace.host}\ntoken = {workspace.token}\n")

    assert connect(host=workspace.host, environ=environ(tmp_path)).profile == "any"


def test_a_token_is_never_sent_to_another_host_than_it_was_exported_for(tmp_path: Path) -> None:
    exported = environ(tmp_path, DATABRICKS_HOST="http://127.0.0.1:9", DATABRICKS_TOKEN="canary")

    with pytest.raises(ConnectionFailed, match=r"DATABRICKS_HOST is about http://127\.0\.0\.1:9"):
        connect(host="http://127.0.0.1:10", environ=exported)


def test_an_address_with_the_wrong_scheme_is_named(workspace: LocalWorkspace, tmp_path: Path) -> None:
    exported = environ(tmp_path, DATABRICKS_TOKEN=workspace.token)

    with pytest.raises(ConnectionFailed, match=r"it does not speak TLS(.|\n)*write the address with http://"):
        connect(host=workspace.host.replace("http:", "https:"), environ=exported)


def test_a_process_that_ended_is_known_to_be_dead() -> None:
    alive = Holder.here("ann", "deploy")
    child = os.fork()
    if child == 0:
        os._exit(0)
    fields = {name: getattr(alive, name) for name in Holder.__slots__}
    os.waitpid(child, 0)

    assert not alive.is_dead()
    assert Holder(**{**fields, "pid": child, "started": "1"}).is_dead()
    assert not Holder(**{**fields, "pid": child, "host": "elsewhere"}).is_dead()
    assert Holder(**{**fields, "started": "1"}).is_dead(), "the pid was given to another process"


class Breaking(BaseHTTPRequestHandler):
    """Breaks off its next answers."""

    broken = 0

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "17")
        self.end_headers()
        if type(self).broken:
            type(self).broken -= 1
        else:
            self.wfile.write(b'{"userName": "a"}')

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_a_question_whose_answer_breaks_off_is_asked_again_and_a_change_is_not(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / ".databrickscfg").write_text(f"[dev]\nhost = http://127.0.0.1:{server.server_port}\ntoken = t\n")
        connection = connect(profile="dev", environ=environ(tmp_path))
        Breaking.broken = 1
        assert connection.call("GET", "/api/2.2/jobs/list") == {"userName": "a"}
        Breaking.broken = 1
        with pytest.raises(ChunkedEncodingError):
            connection.call("POST", "/api/2.2/jobs/run-now", body={})
        server.shutdown()
