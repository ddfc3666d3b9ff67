"""The certificates of a workspace that speaks TLS: an authority and a certificate of its own, or the user's.

What clients must trust is one file, `tls/bundle.pem`: the public authorities that they trusted before, and this
workspace's. Python's `requests` (the official SDK, MLflow) reads it from `REQUESTS_CA_BUNDLE`, `ssl` and the
vendor's command-line tool from `SSL_CERT_FILE`, curl from `CURL_CA_BUNDLE`.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import logging
import os
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brickyard.errors import BrickyardError, UsageError, WorkspaceProcessError
from brickyard.workspace.layout import Layout, Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

__all__ = [
    "LOCAL_NAMES",
    "Identity",
    "check_accepted",
    "client_context",
    "environment",
    "identity_of",
    "keep_fresh",
    "server_context",
]

LOCAL_NAMES = ("127.0.0.1", "::1", "localhost")
_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
_AUTHORITY_DAYS, _SERVER_DAYS, _RENEW_DAYS = 3650, 397, 30
_DAY_SECONDS = 24 * 60 * 60
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Identity:
    """What a server shows to its clients.

    Attributes:
        certificate: The certificate, followed by its chain.
        key: Its key.
        names: The host names and addresses that it is for.
    """

    certificate: Path
    key: Path
    names: frozenset[str]

    def covers(self, host: str) -> bool:
        """Whether a client that calls this host accepts the certificate."""
        _, dot, parent = host.partition(".")
        return host in self.names or (bool(dot) and f"*.{parent}" in self.names)


def identity_of(layout: Layout, settings: Settings, public: str | None = None) -> Identity:
    """The certificate of a workspace, made or renewed where it is the workspace's own; writes the bundle.

    Args:
        layout: The workspace's files.
        settings: Which certificate, and for which names.
        public: The public authorities; without it, those that this process trusts.

    Raises:
        UsageError: The user's certificate or key cannot be used.
        WorkspaceProcessError: The disk is full, or the workspace's certificates are damaged.
    """
    try:
        layout.tls.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _damaged(layout.tls, error) from error
    if settings.tls_certificate or settings.tls_key:
        identity, trusted = _given(settings)
    else:
        identity, trusted = _own(layout, [*LOCAL_NAMES, settings.address, *settings.hostnames])
    layout.write_private(_bundle(layout), (public or _public_authorities(layout)) + trusted)
    return identity


def environment(layout: Layout) -> dict[str, str]:
    """The variables with which clients trust the workspace."""
    return dict.fromkeys(_VARIABLES, str(_bundle(layout)))


def client_context(layout: Layout) -> ssl.SSLContext:
    """What a client of this machine trusts.

    Raises:
        WorkspaceProcessError: The bundle is missing or damaged.
    """
    try:
        return ssl.create_default_context(cafile=str(_bundle(layout)))
    except (OSError, ssl.SSLError) as error:
        raise _damaged(_bundle(layout), error) from error


def server_context(identity: Identity) -> ssl.SSLContext:
    """What the server shows; TLS 1.2 and later.

    Raises:
        UsageError: Certificate and key do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # In the order of preference: HTTP/2 is for those who speak nothing else, as Spark Connect does.
    context.set_alpn_protocols(["http/1.1", "h2"])
    try:
        context.load_cert_chain(identity.certificate, identity.key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"the certificate and its key cannot be used: {error}",
            where=f"{identity.certificate}, {identity.key}",
            next="give both in PEM, the key without a password",
        ) from error
    return context


def check_accepted(layout: Layout, identity: Identity, context: ssl.SSLContext, host: str) -> None:
    """Make sure that clients of this machine find the workspace by that host, and accept what it shows.

    Raises:
        UsageError: They would not.
    """
    try:
        socket.getaddrinfo(host, None)
        _meet(context, client_context(layout), host)
    except socket.gaierror as error:
        raise UsageError(
            f"the certificate is for {host} only, which is not known on this machine: {error.strerror}",
            where=str(identity.certificate),
            next="let the name lead to this machine in /etc/hosts, or use a certificate that is for localhost too",
        ) from error
    except ssl.SSLError as error:
        raise UsageError(
            f"clients would refuse the certificate: {getattr(error, 'verify_message', None) or error.reason}",
            where=str(identity.certificate),
            next="add the certificates of its authorities to the file, or name a file with them in REQUESTS_CA_BUNDLE",
        ) from error


def _meet(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> None:
    """Let a client connect to a server, in memory."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(down, up, server_hostname=host),
        server.wrap_bio(up, down, server_side=True),
    ]
    while sides:
        for side in tuple(sides):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
                sides.remove(side)


def keep_fresh(layout: Layout, settings: Settings, context: ssl.SSLContext) -> None:
    """Renew the certificate while the server runs; connections from then on see the new one."""
    public = _public_authorities(layout)

    def renew() -> None:
        never = threading.Event()
        while not never.wait(_DAY_SECONDS):
            try:
                identity = identity_of(layout, settings, public)
                context.load_cert_chain(identity.certificate, identity.key, password=_no_password)
            except (BrickyardError, OSError, ValueError):
                _log.exception("the certificate could not be renewed; tried again tomorrow")

    threading.Thread(target=renew, name="certificates", daemon=True).start()


def _bundle(layout: Layout) -> Path:
    return layout.tls / "bundle.pem"


def _no_password() -> str:
    raise ValueError("the key has a password")


def _given(settings: Settings) -> tuple[Identity, str]:
    if not (settings.tls_certificate and settings.tls_key):
        raise UsageError("--tls-certificate and --tls-key are given together", next="give the other one too")
    from cryptography import x509

    certificate = Path(settings.tls_certificate)
    try:
        text = certificate.read_text()
        first = x509.load_pem_x509_certificates(text.encode())[0]
    except (OSError, ValueError, IndexError) as error:
        raise UsageError(
            f"the certificate cannot be read: {error}", where=str(certificate), next="give a file in PEM"
        ) from error
    if first.not_valid_after_utc <= _now():
        raise UsageError(
            f"the certificate has expired on {first.not_valid_after_utc:%Y-%m-%d}",
            where=str(certificate),
            next="give one that is valid",
        )
    return Identity(certificate, Path(settings.tls_key), _names(first)), text.rstrip() + "\n"


def _own(layout: Layout, names: Sequence[str]) -> tuple[Identity, str]:
    """The workspace's certificate, made where there is none, where it nears its end, or is not for all names."""
    files = [layout.tls / name for name in ("authority.key", "authority.pem", "server.key", "server.pem")]
    authority_key, authority, key, certificate = files
    wanted = frozenset(name for name in names if not _is_wildcard(name))
    if not (all(file.exists() for file in files[:2]) and _lasts(_read(authority))):
        _write(layout, authority_key, authority, *_make_authority(layout.name))
        certificate.unlink(missing_ok=True)
    present = _read(certificate) if key.exists() and certificate.exists() else None
    if present is None or not _lasts(present) or not wanted <= _names(present):
        signer = _read_key(authority_key)
        _write(layout, key, certificate, *_make_server(sorted(wanted), _read(authority), signer))
    return Identity(certificate, key, _names(_read(certificate))), authority.read_text()


def _make_authority(name: str) -> tuple[EllipticCurvePrivateKey, Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"Brickyard workspace {name}")
    builder = _builder(subject, subject, key, _AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return key, _signed(builder, key, key)


def _make_server(
    names: Sequence[str], authority: Certificate, signer: EllipticCurvePrivateKey
) -> tuple[EllipticCurvePrivateKey, Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_subject("Brickyard workspace"), authority.subject, key, _SERVER_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    builder = builder.add_extension(alternatives, critical=False)
    return key, _signed(builder, key, signer)


def _builder(subject: Any, issuer: Any, key: EllipticCurvePrivateKey, days: int) -> Any:
    from cryptography import x509

    begin = _now() - datetime.timedelta(hours=1)  # clocks differ
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(begin).not_valid_after(_now() + datetime.timedelta(days=days))


def _signed(builder: Any, key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate: Certificate = builder.add_extension(issuer, critical=False).sign(signer, hashes.SHA256())
    return certificate


def _usage(*, signs_certificates: bool) -> Any:
    from cryptography import x509

    never = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage: Mapping[str, bool] = dict.fromkeys((*never, "encipher_only", "decipher_only"), False)
    signs = {"key_cert_sign": signs_certificates, "crl_sign": signs_certificates}
    return x509.KeyUsage(**usage, **signs, digital_signature=not signs_certificates)


def _subject(name: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _general_name(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: Certificate) -> frozenset[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return frozenset([*(name.lower() for name in names.get_values_for_type(x509.DNSName)), *addresses])


def _write(layout: Layout, key_file: Path, file: Path, key: EllipticCurvePrivateKey, certificate: Certificate) -> None:
    from cryptography.hazmat.primitives import serialization

    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.unlink(missing_ok=True)  # a key without its certificate is seen, and made again
    layout.write_private(key_file, private.decode())
    layout.write_private(file, certificate.public_bytes(serialization.Encoding.PEM).decode())


def _read(file: Path) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from error


def _read_key(file: Path) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives import serialization

    try:
        key: Any = serialization.load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from error
    private: EllipticCurvePrivateKey = key
    return private


def _lasts(certificate: Certificate) -> bool:
    return certificate.not_valid_after_utc - _now() > datetime.timedelta(days=_RENEW_DAYS)


def _public_authorities(layout: Layout) -> str:
    """What clients of this machine trust already: what the environment names, else what `requests` brings."""
    for variable in _VARIABLES:
        path = Path(os.environ.get(variable) or "/nonexistent")
        if path.is_file() and layout.root.parent not in path.parents:
            return path.read_text(errors="replace").rstrip() + "\n"
    import certifi

    return certifi.contents().rstrip() + "\n"


def _damaged(path: Path, error: Exception) -> WorkspaceProcessError:
    return WorkspaceProcessError(
        f"the workspace's certificates cannot be used: {error}",
        where=str(path),
        next=f"delete {path if path.name == 'tls' else path.parent}, and start again: new ones are made",
    )


def _is_wildcard(name: str) -> bool:
    return name in ("0.0.0.0", "::")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
