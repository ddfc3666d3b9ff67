"""The workspace's key in the keyring of the system, here one whose entries are a file that the test can look into."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from databricks.sdk.errors import InternalError

from tests.support import WorkspaceHome

_BACKEND = """
import json, os, pathlib
from keyring import backend, errors

FILE = pathlib.Path(os.environ["TEST_KEYRING"])

class Keyring(backend.KeyringBackend):
    priority = 1

    def _all(self):
        if not FILE.parent.exists():
            raise errors.KeyringLocked("the keyring is locked")
        return json.loads(FILE.read_text()) if FILE.exists() else {}

    def get_password(self, service, username):
        return self._all().get(f"{service}|{username}")

    def set_password(self, service, username, password):
        FILE.write_text(json.dumps(self._all() | {f"{service}|{username}": password}))

    def delete_password(self, service, username):
        FILE.write_text(json.dumps({k: v for k, v in self._all().items() if k != f"{service}|{username}"}))
"""


@pytest.fixture
def keyring(tmp_path: Path) -> dict[str, str]:
    """The environment in which that keyring is the system's."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "test_keyring_backend.py").write_text(_BACKEND)
    (tmp_path / "ring").mkdir()
    return {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "modules"), os.environ.get("PYTHONPATH", "")]),
        "PYTHON_KEYRING_BACKEND": "test_keyring_backend.Keyring",
        "TEST_KEYRING": str(tmp_path / "ring" / "entries"),
    }


def entries(keyring: Mapping[str, str]) -> dict[str, str]:
    return dict(json.loads(Path(keyring["TEST_KEYRING"]).read_text()))


def test_the_key_moves_to_the_keyring_and_opens_what_was_sealed_before(
    workspaces: WorkspaceHome, keyring: dict[str, str]
) -> None:
    workspace = workspaces.start("dev")
    workspace.client().secrets.create_scope("s")
    workspace.client().secrets.put_secret("s", "k", string_value="v")
    key = (workspace.root / "key").read_text().strip()
    workspaces.run("workspace", "stop", "dev")
    workspaces.run("workspace", "start", "dev", "--keyring", extra=keyring)
    assert list(entries(keyring).values()) == [key]
    assert all(key not in path.read_text(errors="replace") for path in workspaces.home.rglob("*") if path.is_file())
    assert base64.b64decode(workspaces.start("dev").client().secrets.get_secret("s", "k").value or "") == b"v"
    workspaces.run("workspace", "stop", "dev")
    workspaces.run("workspace", "start", "dev", extra=keyring)  # it stays there without being asked for again
    assert base64.b64decode(workspaces.start("dev").client().secrets.get_secret("s", "k").value or "") == b"v"
    workspaces.run("workspace", "reset", "dev", "--yes", extra=keyring)
    assert entries(keyring) == {}


def test_a_keyring_that_is_locked_or_lost_is_named(workspaces: WorkspaceHome, keyring: dict[str, str]) -> None:
    workspaces.run("workspace", "start", "dev", "--keyring", extra=keyring)
    client = workspaces.start("dev").client()
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="v")
    workspaces.run("workspace", "stop", "dev")
    ring = Path(keyring["TEST_KEYRING"])
    for spoil, words in (
        (lambda: ring.write_text("{}"), "is not in the system's keyring any more"),
        (
            lambda: (ring.unlink(), ring.parent.rmdir()),
            "cannot be read from the system's keyring: the keyring is locked",
        ),
    ):
        spoil()
        workspaces.run("workspace", "start", "dev", extra=keyring)
        client = workspaces.start("dev").client()
        with pytest.raises(InternalError, match=words):
            client.secrets.get_secret("s", "k")
        workspaces.run("workspace", "stop", "dev")


def test_no_keyring_leaves_the_key_where_it_is(workspaces: WorkspaceHome, keyring: dict[str, str]) -> None:
    absent = keyring | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    done = workspaces.run("workspace", "start", "dev", "--keyring", extra=absent, check=False)
    assert done.returncode != 0
    assert "cannot be kept in the system's keyring" in done.stderr
    assert "start without --keyring" in done.stderr
    client = workspaces.start("dev").client()
    client.secrets.create_scope("s")
    client.secrets.put_secret("s", "k", string_value="v")
    assert "keyring" not in (workspaces.home / "workspaces" / "dev" / "key").read_text()
