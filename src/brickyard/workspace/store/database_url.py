"""Addresses of PostgreSQL databases, as users write them and as others may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from brickyard.errors import UsageError

__all__ = ["parsed", "shown", "without_password"]

_DRIVERS = ("postgresql", "postgresql+psycopg")


def parsed(url: str) -> URL:
    """The address, for the driver that is used here; a password among the parameters becomes the address's.

    Raises:
        UsageError: It is not an address of a PostgreSQL database.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise _refused("it is not a URL") from None  # the library's message has the password in it
    if found.drivername not in _DRIVERS:
        raise _refused(f"its scheme is {found.drivername}")
    if not found.database:
        raise _refused("it names no database")
    query = dict(found.query)
    parameter = query.pop("password", None)
    password = parameter if isinstance(parameter, str) else found.password
    return without_password(found, query).set(drivername="postgresql+psycopg", password=password)


def shown(url: URL) -> str:
    """The address without password and parameters, but for where the server is."""
    query = {name: value for name, value in url.query.items() if name in ("host", "port")}
    return without_password(url, query).set(drivername="postgresql").render_as_string(hide_password=True)


def without_password(url: URL, query: Mapping[str, str | Sequence[str]]) -> URL:
    """The address with other parameters, and without a password."""
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database, query)


def _refused(why: str) -> UsageError:
    return UsageError(
        f"the workspace's database cannot be opened by this address: {why}",
        next="write postgresql://USER@HOST:PORT/DATABASE; for a password, set BRICKYARD_DATABASE_URL",
    )
