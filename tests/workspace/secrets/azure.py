"""Azure, as far as reading a Key Vault needs it: an HTTPS proxy that answers in the place of vaults and of sign-in.

Azure's libraries are not touched: they reach this as they reach Azure behind a company's proxy, by HTTPS_PROXY and by a
certificate authority that REQUESTS_CA_BUNDLE names.
"""

from __future__ import annotations

import datetime
import json
import secrets
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SIGN_IN = "login.microsoftonline.com"
VAULTS = "vault.azure.net"
TENANT = "11111111-2222-3333-4444-555555555555"
_PAGE = 2


class Azure:
    """The proxy, and what the vaults behind it hold.

    Attributes:
        vaults: Secrets by name, by the vault's name; a vault that is not here cannot be reached.
        trouble: Vaults that answer every request with a status and an error code; the status 0 is no answer at all.
        reads: The requests that vaults answered with secrets: vault and path.
        client_secret: What the workspace signs in with.
        tokens: What was given for it.
    """

    def __init__(self, directory: Path) -> None:
        self.vaults: dict[str, dict[str, str]] = {}
        self.trouble: dict[str, tuple[int, str]] = {}
        self.reads: list[tuple[str, str]] = []
        self.client_secret = f"client-secret-{secrets.token_hex(12)}"
        self.tokens: list[str] = []
        self.closing = threading.Event()
        self._authority, certificate = _certificates(directory)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"azure": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environ(self) -> dict[str, str]:
        """What whoever starts a workspace has in the environment, behind such a proxy."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self._server.server_address[1]}",
            "REQUESTS_CA_BUNDLE": str(self._authority),
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": "66666666-7777-8888-9999-000000000000",
            "AZURE_CLIENT_SECRET": self.client_secret,
        }

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    azure: Azure
    protocol_version = "HTTP/1.1"
    host = ""

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0]
        if host != SIGN_IN and host.removesuffix(f".{VAULTS}") not in self.azure.vaults:
            self.send_error(502, "no such host")
            return
        self.send_response(200)
        self.end_headers()
        self.host = host
        self.connection = self.azure.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form["client_secret"] != [self.azure.client_secret]:
            self._json(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."})
            return
        self.azure.tokens.append(f"access-{secrets.token_hex(12)}")
        self._json(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.azure.tokens[-1]})

    def do_GET(self) -> None:
        if self.host == SIGN_IN:
            tenant = f"https://{SIGN_IN}/{urlsplit(self.path).path.split('/')[1]}"
            endpoints = {"token_endpoint": "oauth2/v2.0/token", "authorization_endpoint": "oauth2/v2.0/authorize"}
            found = {name: f"{tenant}/{path}" for name, path in endpoints.items()}
            self._json(200, found | {"issuer": f"{tenant}/v2.0", "metadata": []})
            return
        if self.headers.get("Authorization") not in [f"Bearer {token}" for token in self.azure.tokens]:
            challenge = f'Bearer authorization="https://{SIGN_IN}/{TENANT}", resource="https://{VAULTS}"'
            self._json(401, {"error": {"code": "Unauthorized"}}, {"WWW-Authenticate": challenge})
            return
        self._vault(self.host.removesuffix(f".{VAULTS}"))

    def _vault(self, vault: str) -> None:
        status, code = self.azure.trouble.get(vault, (200, ""))
        if status == 0:
            self.azure.closing.wait(60)
            self.close_connection = True
        elif status != 200:
            self._json(status, {"error": {"code": code, "message": f"The vault says {code}."}})
        else:
            self._secrets(vault, urlsplit(self.path))

    def _secrets(self, vault: str, address: Any) -> None:
        held, root = self.azure.vaults[vault], f"https://{self.host}/secrets"
        self.azure.reads.append((vault, address.path))
        name = address.path.removeprefix("/secrets").strip("/")
        about = {"enabled": True, "created": 1700000000, "updated": 1700000001}
        if name and name not in held:
            self._json(404, {"error": {"code": "SecretNotFound", "message": f"{name} was not found"}})
        elif name:
            self._json(200, {"value": held[name], "id": f"{root}/{name}/{'0' * 32}", "attributes": about})
        else:
            start = int(parse_qs(address.query).get("$skiptoken", ["0"])[0])
            page = sorted(held)[start : start + _PAGE]
            more = f"{root}?api-version=7.4&$skiptoken={start + _PAGE}" if start + _PAGE < len(held) else None
            items = [{"id": f"{root}/{one}", "attributes": about} for one in page]
            self._json(200, {"value": items, "nextLink": more})

    def _json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))} | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _certificates(directory: Path) -> tuple[Path, Path]:
    """A certificate authority, and a certificate of it with its key for every host here."""
    now = datetime.datetime.now(datetime.UTC)
    keys = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])

    def begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        return made.not_valid_after(now + datetime.timedelta(days=1))

    authority = begun(issuer, keys[0]).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName(SIGN_IN), x509.DNSName(f"*.{VAULTS}")])
    host = begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, VAULTS)]), keys[1]).add_extension(
        names, critical=False
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    own = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "authority.pem").write_bytes(authority.sign(keys[0], hashes.SHA256()).public_bytes(pem))
    (directory / "host.pem").write_bytes(own + host.sign(keys[0], hashes.SHA256()).public_bytes(pem))
    return directory / "authority.pem", directory / "host.pem"
