"""Where a workspace listens, by which names it may be called, and who may reach it."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from brickyard.errors import UsageError, WorkspaceProcessError
from brickyard.workspace.layout import Layout, Settings
from brickyard.workspace.tls import LOCAL_NAMES, Identity

__all__ = ["Addresses", "addresses", "check", "listen"]

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))*\Z")
_LOCAL_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True)
class Addresses:
    """How a workspace is called.

    Attributes:
        url: From this machine; what its own tasks use.
        public_url: By clients, as far as they are told.
        hosts: What a request's `Host` may name.
    """

    url: str
    public_url: str
    hosts: frozenset[str]


def check(settings: Settings) -> Settings:
    """The settings with address and names as they compare.

    Raises:
        UsageError: They are none, or would show the workspace to other machines without TLS.
    """
    from dataclasses import replace

    hostnames = tuple(dict.fromkeys(_host(name) for name in settings.hostnames))
    address = "127.0.0.1" if settings.address == "localhost" else settings.address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise UsageError(
            f"{address!r} is not an address to listen on",
            next="give an IP address of this machine, or 0.0.0.0 for all; names go to --hostname",
        ) from None
    if not parsed.is_loopback and not settings.tls and not settings.insecure:
        raise UsageError(
            f"{address} can be reached by other machines, and tokens would go over the network in the clear",
            where="--address",
            next="add --tls, or --insecure if something in front of it speaks TLS",
        )
    return replace(settings, address=str(parsed), hostnames=hostnames)


def addresses(settings: Settings, port: int, identity: Identity | None) -> Addresses:
    """How the workspace is called when it listens on that port.

    Raises:
        UsageError: The user's certificate is not for the names.
    """
    own = _LOCAL_OF.get(settings.address, settings.address)
    local = [own, "localhost"] if ipaddress.ip_address(own).is_loopback else [own]
    if identity is not None:
        local = [name for name in (*local, *settings.hostnames) if identity.covers(name)]
        strangers = [name for name in settings.hostnames if not identity.covers(name)]
        if strangers or not local:
            raise _not_covered(identity, strangers or [own])
    public = settings.hostnames[0] if settings.hostnames else local[0]
    scheme = "http" if identity is None else "https"
    hosts = frozenset([*LOCAL_NAMES, settings.address, *settings.hostnames]) - set(_LOCAL_OF)
    return Addresses(_url(scheme, local[0], port), _url(scheme, public, port), hosts)


@contextlib.contextmanager
def listen(layout: Layout, settings: Settings) -> Iterator[socket.socket]:
    """The socket that the server answers.

    Raises:
        WorkspaceProcessError: The port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited; else answers wait 40 ms for an ACK
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(settings.address != "::"))
        try:
            listener.bind((settings.address, settings.port))
            listener.listen(1024)
        except OSError as error:
            raise _refused(layout, settings, error) from error
        yield listener


def _refused(layout: Layout, settings: Settings, error: OSError) -> WorkspaceProcessError:
    if error.errno == errno.EADDRNOTAVAIL:
        return WorkspaceProcessError(
            f"{settings.address} is not an address of this machine",
            where=f"workspace {layout.name!r}",
            next=f"choose another: `brickyard workspace start {layout.name} --address ADDRESS`",
        )
    other = f"choose another: `brickyard workspace start {layout.name} --port N`"
    return WorkspaceProcessError(
        f"port {settings.port} cannot be used: {error.strerror}",
        where=f"workspace {layout.name!r}",
        next=other if error.errno == errno.EACCES else f"stop what listens there, or {other}",
    )


def _host(name: str) -> str:
    """A host name or address as it is compared with a request's `Host`."""
    plain = name.strip().strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(plain))
    except ValueError:
        if _HOST_NAME.match(plain):
            return plain
    raise UsageError(
        f"{name!r} is not a host name",
        where="--hostname",
        next="give one name or address as clients write it, without scheme and port; there are no wildcards",
    )


def _not_covered(identity: Identity, missing: list[str]) -> UsageError:
    return UsageError(
        f"the certificate is not for {', '.join(missing)}, but for {', '.join(sorted(identity.names)) or 'no name'}",
        where=str(identity.certificate),
        next="name by --hostname what clients call the workspace, and is in the certificate",
    )


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
