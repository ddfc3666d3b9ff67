"""Git credentials through the official SDK, and a real clone over https from a server that asks for them."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied, ResourceAlreadyExists

from tests.support import LocalWorkspace, WorkspaceHome
from tests.support.git_remote import tagged_remote

TOKEN = "canary-git-token-7f3a"


class AskingServer:
    """Serves the files of a bare repository over https, to those who know the token."""

    def __init__(self, directory: Path, certificate: Path) -> None:
        self.tokens: set[str] = set()
        tokens, wanted = self.tokens, "Basic " + base64.b64encode(f"ada:{TOKEN}".encode()).decode()

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                tokens.add(self.headers.get("authorization") or "")
                if self.headers.get("authorization") == wanted:
                    super().do_GET()
                    return
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/remote.git"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "git")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[AskingServer]:
    remote = tagged_remote(tmp_path / "remote")
    bare = tmp_path / "served" / "remote.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(remote.directory), str(bare)], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    server = AskingServer(tmp_path / "served", certificate(tmp_path / "ca.pem"))
    yield server
    server.server.shutdown()


def test_a_clone_over_https_asks_with_the_credential(
    workspaces: WorkspaceHome, asking: AskingServer, tmp_path: Path
) -> None:
    started = workspaces.start("dev", extra={"GIT_SSL_CAINFO": str(tmp_path / "ca.pem")})
    w = started.client()
    with pytest.raises(PermissionDenied, match="credentials"):
        w.repos.create(asking.url, "gitHubEnterprise")
    created = w.git_credentials.create("githubenterprise", git_username="ada", personal_access_token="wrong")
    with pytest.raises(PermissionDenied, match="credentials"):
        w.repos.create(asking.url, "gitHubEnterprise")
    w.git_credentials.update(created.credential_id, "gitHubEnterprise", git_username="ada", personal_access_token=TOKEN)
    repo = w.repos.create(asking.url, "gitHubEnterprise")
    assert repo.id is not None and (repo.path or "").endswith("/remote")
    w.repos.update(repo.id, tag="v1")
    w.git_credentials.create("gitHub", git_username="ada", personal_access_token=TOKEN)
    with pytest.raises(PermissionDenied, match="credentials"):  # a token of GitHub goes to GitHub only
        w.repos.create(asking.url, "gitHub", path=f"{repo.path}-2")
    found = [path for path in started.root.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert found == []
    assert all(TOKEN not in " ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))


def test_credentials_are_kept_without_showing_tokens(workspace: LocalWorkspace) -> None:
    w = workspace.client()
    created = w.git_credentials.create("gitLab", git_username="ada", personal_access_token="canary-token-1")
    assert created.git_provider == "gitLab" and created.is_default_for_provider
    with pytest.raises(ResourceAlreadyExists):
        w.git_credentials.create("gitlab", git_username="bob", personal_access_token="x")
    second = w.git_credentials.create("gitLab", name="second", personal_access_token="y", is_default_for_provider=True)
    assert not w.git_credentials.get(created.credential_id).is_default_for_provider
    other = w.git_credentials.create("bitbucketCloud", personal_access_token="z")
    with pytest.raises(ResourceAlreadyExists):
        w.git_credentials.update(other.credential_id, "gitLab")
    w.git_credentials.update(other.credential_id, "gitLab", name="third")
    assert not w.git_credentials.get(other.credential_id).is_default_for_provider
    w.git_credentials.delete(other.credential_id)
    mine = [one for one in w.git_credentials.list() if one.git_provider == "gitLab"]
    assert {one.credential_id for one in mine} == {created.credential_id, second.credential_id}
    assert "canary-token-1" not in str([one.as_dict() for one in mine])
    for one in mine:
        w.git_credentials.delete(one.credential_id)
    with pytest.raises(NotFound):
        w.git_credentials.get(created.credential_id)
    with pytest.raises(InvalidParameterValue, match="provider"):
        w.git_credentials.create("cvs", personal_access_token="x")
